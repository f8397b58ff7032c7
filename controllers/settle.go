package controllers

import (
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// takenRetry is how often a taken name or account is looked at again: nothing that is watched for this resource tells when it is free.
const takenRetry = 30 * time.Second

// fingerprint tells everything that decide and apply depend on; of the report, only what its ledger head leads to. If it is the one of a pass that left
// nothing to do, then only the Lease has changed since, and there is nothing to decide or apply.
func (o *observed) fingerprint() string {
	var b strings.Builder
	td := o.TauDaemon
	fmt.Fprintf(&b, "%d %v %v", td.Generation, td.DeletionTimestamp, td.Finalizers)
	object := func(name string, obj client.Object, found bool) {
		if found {
			fmt.Fprintf(&b, "|%s %s %s", name, obj.GetUID(), obj.GetResourceVersion())
		}
	}
	object("sa", o.ServiceAccount, o.ServiceAccount != nil)
	object("role", o.Role, o.Role != nil)
	object("binding", o.RoleBinding, o.RoleBinding != nil)
	object("service", o.Service, o.Service != nil)
	object("claim", o.Claim, o.Claim != nil)
	object("set", o.StatefulSet, o.StatefulSet != nil)
	object("pod", o.Pod, o.Pod != nil)
	for i := range o.ConfigMaps {
		object("config", &o.ConfigMaps[i], true)
	}
	if o.Lease != nil {
		fmt.Fprintf(&b, "|lease %s %q %q", o.Lease.UID, o.Lease.Annotations[v1alpha1.AnnotationCommands], o.Lease.Annotations[v1alpha1.AnnotationWitnessed])
	}
	fmt.Fprintf(&b, "|tell %+v halt %q anchor %t", o.toTell(), o.Witnessing.halt(), o.anchorDue() != nil)
	fmt.Fprintf(&b, "|%v %v %s", o.Taken, o.Leaving, o.AccountUser)
	// What is wanted follows from the resource, but for the user's specs.
	if o.Wanted != nil {
		fmt.Fprintf(&b, "|wanted %s", o.Wanted.Template.Digest)
	} else {
		fmt.Fprintf(&b, "|not wanted: %v", o.WantedErr)
	}
	return b.String()
}

func (o *observed) unchanged() bool {
	return o.memory.settled != nil && o.memory.fingerprint == o.fingerprint()
}

// remember keeps what the next pass needs. A pass is settled when it wrote nothing and waits for nothing.
func (r *Reconciler) remember(o *observed, p *plan, done outcome) {
	m := o.memory
	if p.Flattening {
		if m.flattenSince.IsZero() {
			m.flattenSince = o.Now
		}
	} else if !p.Commands.Flatten {
		m.flattenSince = time.Time{}
	}
	settled := done.Err == nil && !done.Wrote && done.Refused == nil && p.Held == "" && p.Waiting == "" && !p.HandsOff && !p.Commands.Flatten && p.DeletePod == ""
	if m.settled = nil; settled {
		kept := *p
		if p.Template != nil {
			// Only what identifies the template is needed again.
			kept.Template = &desired.Template{Digest: p.Template.Digest, ConfigMap: p.Template.ConfigMap, Image: p.Template.Image}
		}
		m.settled, m.fingerprint = &kept, o.fingerprint()
	}
	r.memories.put(client.ObjectKeyFromObject(o.TauDaemon), m)
}

// requeueAfter is when something will change without an event: a report becomes stale, a flatten's time is over, a taken name may be free, the
// user's specs may have been edited.
func requeueAfter(o *observed, p *plan) time.Duration {
	var next time.Duration
	sooner := func(d time.Duration) {
		if d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	if o.Heard.Verdict == reportCurrent {
		sooner(o.Heard.Expires)
	}
	if p.Flattening {
		since := o.memory.flattenSince
		if since.IsZero() {
			since = o.Now
		}
		sooner(max(flattenLimit-o.Now.Sub(since), time.Second))
	}
	if len(o.Taken) > 0 || o.AccountUser != "" {
		sooner(takenRetry)
	}
	if o.TauDaemon.Spec.Engine.Specs != nil {
		sooner(max(o.memory.specs.expires().Sub(o.Now), time.Second))
	}
	return next
}
