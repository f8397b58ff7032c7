package desired

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

const (
	// bundledKernel is the kernel's file name in the bundled set.
	bundledKernel = "v35_integrated.tau"
	// ownKernel is the key of a user's kernel, and its file name in the pod: a record that names v35_integrated.tau means the bundled one.
	ownKernel = "kernel.tau"
)

// kernelOf is the file name of the kernel in a set of specs.
func kernelOf(specs map[string]string) string {
	if _, own := specs[ownKernel]; own {
		return ownKernel
	}
	return bundledKernel
}

// ReplaceSpecs puts the user's specs, the content of own, in the place of the bundled ones. It refuses what the daemon would refuse: a spec that
// package lang does not accept, whatever engine is to run it, and one without the streams of its contract. The error has one line a finding, with
// file, line and column where there is one.
func ReplaceSpecs(bundled map[string]string, own *corev1.ConfigMap) (map[string]string, error) {
	specs := maps.Clone(bundled)
	var errs []error
	supporting := map[string]monitor.ID{}
	var missing []string
	for id := range monitor.Count {
		supporting[id.File()] = id
		if _, found := own.Data[id.File()]; !found {
			missing = append(missing, id.File())
		}
	}
	for _, file := range slices.Sorted(maps.Keys(own.Data)) {
		id, isSupporting := supporting[file]
		switch {
		case file == ownKernel:
			delete(specs, bundledKernel)
		case !isSupporting:
			errs = append(errs, unknownKey(file))
			continue
		}
		specs[file] = own.Data[file]
		errs = append(errs, checkSpec(own.Name+"/"+file, own.Data[file], func(info tau.Info) (err error) {
			if isSupporting {
				_, err = id.Bind(info)
			} else {
				_, err = kernel.Bind(info)
			}
			return err
		}))
	}
	for _, file := range slices.Sorted(maps.Keys(own.BinaryData)) {
		errs = append(errs, fmt.Errorf("key %s: expected text under data, found bytes under binaryData", file))
	}
	switch none := len(missing) == int(monitor.Count); {
	case len(own.Data)+len(own.BinaryData) == 0:
		errs = append(errs, fmt.Errorf("expected the key %s, or the eight supporting specs, or all of them; found no key", ownKernel))
	case !none && len(missing) > 0:
		errs = append(errs, fmt.Errorf("expected all eight supporting specs or none, since they are proven together; missing: %s", strings.Join(missing, ", ")))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("spec.engine.specs: ConfigMap %s: %w", own.Name, err)
	}
	return specs, nil
}

func unknownKey(key string) error {
	return fmt.Errorf("key %s: expected %s, or a file name from %s to %s", key, ownKernel, monitor.ID(0).File(), (monitor.Count - 1).File())
}

// checkSpec names the spec as it is to be shown: CONFIGMAP/FILE.
func checkSpec(name, text string, bind func(tau.Info) error) error {
	engine, err := tau.NewEmbedded(name, []byte(text))
	if err != nil {
		return err
	}
	return errors.Join(bind(engine.Info()), engine.Close())
}
