package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// digestDigits is the length of the digest in a ConfigMap's name.
const digestDigits = 10

// scale of the rendered file: its integers are 1e-9 units, as in package fixed.
const scale = 1_000_000_000

// Agent is what a spec makes of the pod: its configuration, and the template that mounts it.
type Agent struct {
	ConfigMap *applycore.ConfigMapApplyConfiguration
	Template  *Template
	// Config is the rendered configuration as the daemon will read it.
	Config *config.Config
}

// Render makes the configuration and the pod template from the spec; specs are the Tau specs that the pod is given, by file name. The configuration has been accepted by daemon/config: an error is of the
// spec, one line a fault, and nothing that it describes may reach a pod.
func Render(td *v1alpha1.TauDaemon, defaultImage string, specs map[string]string) (*Agent, error) {
	if defaultImage == "" && td.Spec.Pod.Image == "" {
		return nil, errors.New("spec.pod.image: expected an image, since the operator was started without a default one")
	}
	file, err := configFileOf(td, specs)
	if err != nil {
		return nil, err
	}
	rendered, err := config.Marshal(file)
	if err != nil {
		return nil, err
	}
	accepted, err := config.Parse(ConfigDir+"/"+configFile, rendered)
	if err != nil {
		return nil, err
	}
	configMap := buildConfigMap(td, string(rendered), specs)
	template, err := BuildTemplate(td, defaultImage, *configMap.Name)
	if err != nil {
		return nil, err
	}
	return &Agent{ConfigMap: configMap, Template: template, Config: accepted}, nil
}

// buildConfigMap is immutable and named by its content, so that a pod never sees its configuration change beneath it.
func buildConfigMap(td *v1alpha1.TauDaemon, rendered string, specs map[string]string) *applycore.ConfigMapApplyConfiguration {
	data := map[string]string{configFile: rendered}
	maps.Copy(data, specs)
	h := sha256.New()
	for _, file := range slices.Sorted(maps.Keys(data)) {
		// The length keeps two different sets of files from having one digest.
		fmt.Fprintf(h, "%s %d\n%s", file, len(data[file]), data[file])
	}
	name := ChildName(td.Name) + "-" + hex.EncodeToString(h.Sum(nil))[:digestDigits]
	return applycore.ConfigMap(name, td.Namespace).
		WithLabels(Labels(td.Name)).
		WithOwnerReferences(owner(td)).
		WithImmutable(true).
		WithData(data)
}

// configFileOf writes the spec down as taud.toml. It starts from daemon/config's own defaults, which are the schema's too.
func configFileOf(td *v1alpha1.TauDaemon, specs map[string]string) (config.File, error) {
	s, a := &td.Spec, amounts{}
	f := config.DefaultFile()
	f.Daemon = config.DaemonTable{
		Name:                 td.Namespace + "/" + td.Name,
		Mode:                 strings.ToLower(string(s.Mode)),
		TickPeriodMS:         milliseconds(s.Tick.Deadline),
		QuarantineClearTicks: int64(s.Quarantine.ClearTicks),
	}
	f.Tick = config.TickTable{IntervalMS: milliseconds(s.Tick.Interval), FailHoldTicks: int64(s.Tick.FailHoldTicks)}
	f.Paths.KernelSpec = ConfigDir + "/" + kernelOf(specs)
	f.Paths.KernelInputs = DataDir + "/run/inputs"
	f.Paths.KernelOutputs = DataDir + "/run/outputs"
	f.Paths.SpecsRoot = ConfigDir
	f.Paths.DataDir = DataDir
	f.Paths.LedgerDir = LedgerDir
	f.Engine.Type = strings.ToLower(string(s.Engine.Type))
	if t := s.Engine.Tau; t != nil {
		f.Paths.TauBin = binaryDir + t.Path
		f.Engine.Protocol = strings.ToLower(string(t.Protocol))
		f.Engine.Specs = strings.ToLower(string(t.Runs))
	}
	f.Quarantine.Release = strings.ToLower(string(s.Quarantine.Release))

	f.Oracle.MaxAgeMS = milliseconds(s.Oracle.MaxAge)
	f.Oracle.MinQuorum = int64(s.Oracle.MinQuorum)
	f.Oracle.ToleranceBps = int64(s.Oracle.ToleranceBps)
	f.Oracle.MaxMoveBps = int64(s.Oracle.MaxMoveBps)
	f.Oracle.MaxSkewMS = milliseconds(s.Oracle.MaxSkew)
	f.Oracle.Sources = nil
	for i := range s.Oracle.Sources {
		f.Oracle.Sources = append(f.Oracle.Sources, sourceTable(&s.Oracle.Sources[i], &a))
	}

	f.Economics.Scale = scale
	orDefault(&f.Economics.FeeBpsBuy, s.Economics.FeeBpsBuy)
	orDefault(&f.Economics.FeeBpsSell, s.Economics.FeeBpsSell)
	orDefault(&f.Economics.SlippageBpsLimit, s.Economics.SlippageBpsLimit)
	orDefault(&f.Economics.BurnShareBps, s.Economics.BurnShareBps)
	a.set(&f.Economics.GasUnitCost, "economics.gasUnitCost", s.Economics.GasUnitCost)
	a.set(&f.Economics.TradeQty, "economics.tradeQuantity", s.Economics.TradeQuantity)
	a.set(&f.Economics.MinProfit, "economics.minProfit", s.Economics.MinProfit)

	f.Signal.BandWindow = int64(s.Signal.BandWindow)
	f.Signal.VolumeWindow = int64(s.Signal.VolumeWindow)
	orDefault(&f.Signal.BandBps, s.Signal.BandBps)
	orDefault(&f.Signal.TargetBps, s.Signal.TargetBps)
	orDefault(&f.Signal.TrendWindow, s.Signal.TrendWindow)
	a.set(&f.Signal.MinVolume, "signal.minVolume", s.Signal.MinVolume)

	if s.Cooldown.Enabled != nil {
		f.Cooldown.Enabled = *s.Cooldown.Enabled
	}
	orDefault(&f.Cooldown.Ticks, s.Cooldown.Ticks)
	f.Risk.MaxPositionTicks = int64(s.Risk.MaxPositionTicks)
	f.Risk.MaxDrawdownBps = int64(s.Risk.MaxDrawdownBps)
	orDefault(&f.Risk.EmergencySlippageBps, s.Risk.EmergencySlippageBps)
	if s.Risk.MaxPositionQuantity != "" {
		f.Risk.MaxPositionQty = new(config.Scaled)
		a.set(f.Risk.MaxPositionQty, "risk.maxPositionQuantity", s.Risk.MaxPositionQuantity)
	}
	f.Venue = venueTable(&s.Venue, &a)

	f.Ledger.SnapshotTicks = int64(s.Ledger.SnapshotTicks) // its retention is a command: in the file it would roll the pod
	f.Report.IntervalMS = milliseconds(s.Report.Interval)
	f.Report.LeaseDurationMS = milliseconds(s.Report.LeaseDuration)
	f.Report.OnLeaseRisk = strings.ToLower(string(s.Report.OnLeaseRisk))
	f.Report.Listen = fmt.Sprintf(":%d", HTTPPort)
	f.Log.Level = s.Log.Level
	return f, a.err
}

// amounts converts decimals exactly, and keeps the first error.
type amounts struct{ err error }

// set leaves the default where the spec says nothing.
func (a *amounts) set(to *config.Scaled, field string, d v1alpha1.Decimal) {
	if d == "" {
		return
	}
	v, err := fixed.Parse(string(d))
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("spec.%s: %w", field, err)
	}
	*to = config.Scaled(v)
}

func orDefault(to *int64, v *int32) {
	if v != nil {
		*to = int64(*v)
	}
}

func milliseconds(d metav1.Duration) int64 { return int64(d.Duration / time.Millisecond) }
