package controllers

import (
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// staleSlack is what a report may be late by for other reasons than the daemon's: the API server's, the watch's, the operator's queue.
const staleSlack = 5 * time.Second

// verdict says whether a report may be believed, and if not, why.
type verdict string

const (
	// reportNone: there is no report of the current pod.
	reportNone verdict = "None"
	// reportUndecodable: the annotation cannot be read.
	reportUndecodable verdict = "Undecodable"
	// reportOldPod: of a pod that is not the current one.
	reportOldPod verdict = "OldPod"
	// reportOldEpoch: of an epoch that has ended.
	reportOldEpoch verdict = "OldEpoch"
	// reportStale: of the current pod, but older than it may be.
	reportStale verdict = "Stale"
	// reportCurrent: of the current pod, and young enough.
	reportCurrent verdict = "Current"
)

// heard is a report and what it is worth.
type heard struct {
	Verdict verdict
	// Report is set for Current and Stale only: nothing else may reach status.
	Report *v1alpha1.Report
	// Detail explains a verdict that is not Current.
	Detail string
	// Expires is what is left until a Current report becomes stale.
	Expires time.Duration
	// LeaseHeld: the Lease's holder is the daemon that reported.
	LeaseHeld bool
}

// current is the report if it may be acted on, and nil otherwise.
func (h heard) current() *v1alpha1.Report {
	if h.Verdict == reportCurrent {
		return h.Report
	}
	return nil
}

// hear judges the report on the Lease. seen is when this operator first saw it: age is measured on the operator's own clock, because the daemon's
// may be wrong.
func hear(td *v1alpha1.TauDaemon, lease *coordinationv1.Lease, pod *corev1.Pod, seen, now time.Time) heard {
	if lease == nil || lease.Annotations[v1alpha1.AnnotationReport] == "" {
		return heard{Verdict: reportNone, Detail: "no report on the Lease yet"}
	}
	report, err := decodeReport(lease.Annotations[v1alpha1.AnnotationReport])
	if err != nil {
		return heard{Verdict: reportUndecodable, Detail: err.Error()}
	}
	if pod == nil || report.PodUID != string(pod.UID) {
		return heard{Verdict: reportOldPod, Detail: fmt.Sprintf("the report on the Lease is of pod UID %s, which is not the current pod", report.PodUID)}
	}
	if report.Epoch < td.Status.Epoch {
		return heard{Verdict: reportOldEpoch, Detail: fmt.Sprintf("the report on the Lease is of epoch %d, expected %d or more", report.Epoch, td.Status.Epoch)}
	}
	h := heard{Verdict: reportCurrent, Report: report}
	holder := lease.Spec.HolderIdentity
	h.LeaseHeld = holder != nil && *holder == report.PodUID+"/"+report.BootID
	limit := reportLimit(td)
	if age := now.Sub(seen); age >= limit {
		h.Verdict = reportStale
		h.Detail = fmt.Sprintf("the last report came %s ago or more, expected one every %s", limit, td.Spec.Report.Interval.Duration)
	} else {
		h.Expires = limit - age
	}
	return h
}

// reportLimit is the age from which on a report is stale.
func reportLimit(td *v1alpha1.TauDaemon) time.Duration {
	return max(3*td.Spec.Report.Interval.Duration, td.Spec.Report.LeaseDuration.Duration) + staleSlack
}

func decodeReport(encoded string) (*v1alpha1.Report, error) {
	if len(encoded) > v1alpha1.MaxReportBytes {
		return nil, fmt.Errorf("report on the Lease: expected at most %d bytes, found %d", v1alpha1.MaxReportBytes, len(encoded))
	}
	r := &v1alpha1.Report{}
	if err := json.Unmarshal([]byte(encoded), r); err != nil {
		return nil, fmt.Errorf("report on the Lease: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("report on the Lease: version: expected 1, found %d", r.Version)
	}
	switch r.Phase {
	case v1alpha1.PhaseRunning, v1alpha1.PhaseHalted, v1alpha1.PhaseStopped:
	default:
		return nil, fmt.Errorf("report on the Lease: phase: expected Running, Halted or Stopped, found %q", r.Phase)
	}
	switch r.Quarantine.Release {
	case "", v1alpha1.ReleaseAuto, v1alpha1.ReleaseManual:
	default:
		return nil, fmt.Errorf("report on the Lease: quarantine.release: expected Auto or Manual, found %q", r.Quarantine.Release)
	}
	// What the schema of status refuses must not reach it: the whole status would be refused with it.
	if l := r.Ledger; l != nil && l.Size < 0 {
		return nil, fmt.Errorf("report on the Lease: ledger.size: expected 0 or more, found %d", l.Size)
	}
	if l := r.Ledger; l != nil {
		for _, f := range []struct {
			name, value string
			most        int
		}{{"origin", l.Origin, 256}, {"head", l.Head, 128}, {"root", l.Root, 128}, {"key", l.Key, 512}, {"signature", l.Signature, 256}, {"rotation", l.Rotation, 256}} {
			if len(f.value) > f.most {
				return nil, fmt.Errorf("report on the Lease: ledger.%s: expected at most %d bytes, found %d", f.name, f.most, len(f.value))
			}
		}
	}
	return r, nil
}
