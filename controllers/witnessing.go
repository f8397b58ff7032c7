package controllers

import (
	"fmt"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/controllers/witness"
)

// anchorInterval is how far the anchor on the volume claim may be behind the head in status: it is for a resource that is made anew, and a write at
// every report would double what the operator costs. An orderly stop, a first head, another key and another origin are written at once.
const anchorInterval = 10 * time.Minute

// longestHalt bounds the reason of a halt that is ordered, in bytes.
const longestHalt = 512

// witnessing is what is known of the ledger, and what the present report's head is worth. Package witness says what; here is where it is kept.
type witnessing struct {
	// Known is the head witnessed last: that of status, or for a resource that has none the anchor on its volume claim. KnownErr: the anchor is there
	// and cannot be read.
	Known    *v1alpha1.LedgerReport
	KnownErr error
	// Anchor on the claim, nil if there is none.
	Anchor *desired.Anchor
	// Head of the present report, nil if none can be judged now, and the Verdict on it.
	Head    *v1alpha1.LedgerReport
	Verdict witness.Verdict
	// Refused is the refusal in force; nil if there is none.
	Refused *v1alpha1.RefusedHead
}

// witness judges the report that was heard, against what is known. It counts in memory the reports that lack a proof although it was asked for.
func (o *observed) witness(newReport bool) {
	w, td := &o.Witnessing, o.TauDaemon
	w.Refused = td.Status.RefusedHead
	if o.Claim != nil {
		w.Anchor, w.KnownErr = desired.DecodeAnchor(o.Claim.Annotations)
	}
	if w.Known = td.Status.Ledger; w.Known != nil {
		w.KnownErr = nil // the claim's anchor is then only written
	} else if w.Anchor != nil {
		w.Known = &w.Anchor.LedgerReport
	}
	if newReport {
		o.memory.counted = false
	}
	r := o.Heard.current()
	if r == nil || r.Ledger == nil || r.Ledger.Size == 0 || witness.Stands(td.Status.RefusedHead, r.Epoch, td.Spec.Ledger.AcceptOrigin) {
		return
	}
	w.Head = r.Ledger
	before := o.memory.waited
	if o.memory.counted {
		before--
	}
	w.Verdict = witness.Judge(witness.Case{Known: w.Known, AcceptOrigin: td.Spec.Ledger.AcceptOrigin, Head: r.Ledger, Proof: r.Proof, Waited: before})
	if w.KnownErr != nil {
		w.Verdict = witness.Verdict{Outcome: witness.Refused, Reason: witness.ReasonAnchorUnreadable, Expected: "an anchor that can be read, or none", Found: w.KnownErr.Error()}
	}
	switch w.Verdict.Outcome {
	case witness.Pending:
		// Counted is what came after the question. And a daemon that does not tick may have no ledger to prove anything with, nor does it trade on it.
		if newReport && r.Phase == v1alpha1.PhaseRunning && o.asked() {
			o.memory.waited, o.memory.counted = o.memory.waited+1, true
		}
	case witness.Accepted:
		w.Refused, o.memory.waited, o.memory.counted = nil, 0, false
	case witness.Refused:
		w.Refused = refusal(r, w.Verdict)
	}
}

func refusal(r *v1alpha1.Report, v witness.Verdict) *v1alpha1.RefusedHead {
	const longest = 1024 // the schema's limit
	h := r.Ledger
	return &v1alpha1.RefusedHead{
		Origin: h.Origin, Size: h.Size, Head: h.Head, Root: h.Root, Key: h.Key, Signature: h.Signature,
		Epoch: r.Epoch, Reason: v.Reason, Expected: clip(v.Expected, longest), Found: clip(v.Found, longest),
	}
}

// witnessed is the head that a pass takes over; nil if it takes over none.
func (w *witnessing) witnessed() *v1alpha1.LedgerReport {
	if w.Head == nil || w.Verdict.Outcome != witness.Accepted {
		return nil
	}
	return w.Head
}

// pending: the present head is not believed yet.
func (w *witnessing) pending() bool { return w.Head != nil && w.Verdict.Outcome == witness.Pending }

// halt is the halt that a refusal orders; "" for none.
func (w *witnessing) halt() string {
	if w.Refused == nil {
		return ""
	}
	return clip(refusalText(w.Refused), longestHalt)
}

func refusalText(r *v1alpha1.RefusedHead) string {
	return fmt.Sprintf("%s: expected %s, found %s", r.Reason, r.Expected, r.Found)
}

// toTell is what the daemon has to know of the witnessed heads; empty where it knows, so that in the usual course nothing is written to the Lease. It has to
// know what to prove from where its report did not, or is not believed; and what its ledger must continue where its Lease is new.
func (o *observed) toTell() v1alpha1.Witnessed {
	w := &o.Witnessing
	var tell v1alpha1.Witnessed
	if w.Known == nil {
		return tell
	}
	if accept := o.TauDaemon.Spec.Ledger.AcceptOrigin; accept != w.Known.Origin {
		tell.AcceptOrigin = accept
	}
	reported := o.Lease != nil && o.Lease.Annotations[v1alpha1.AnnotationReport] != ""
	if k := w.Known; !reported || w.pending() || w.Refused != nil {
		tell.Origin, tell.Size, tell.Head, tell.Root = k.Origin, k.Size, k.Head, k.Root
	}
	if next := w.witnessed(); next != nil && tell.AcceptOrigin == next.Origin {
		tell.AcceptOrigin = ""
	}
	return tell
}

// retention is what the daemon may delete of its ledger: what is older than the spec keeps, behind the head on the volume claim. That one outlives the resource,
// so nobody can say later that what is gone was something else. While a head is refused everything is evidence.
func (o *observed) retention() v1alpha1.RetentionCommand {
	keep, a := o.TauDaemon.Spec.Ledger.Retention.Duration, o.Witnessing.Anchor
	known := o.Witnessing.Known
	if keep <= 0 || a == nil || a.Root == "" || known == nil || known.Origin != a.Origin || known.Size < a.Size || o.Witnessing.Refused != nil {
		return v1alpha1.RetentionCommand{}
	}
	return v1alpha1.RetentionCommand{KeepMillis: keep.Milliseconds(), Origin: a.Origin, Size: a.Size, Root: a.Root}
}

// asked says that the Lease has what toTell says: whatever the daemon sends from now on, it knows what for.
func (o *observed) asked() bool {
	encoded, err := desired.EncodeWitnessed(o.toTell())
	return err == nil && o.Lease != nil && o.Lease.Annotations[v1alpha1.AnnotationWitnessed] == encoded
}

// anchorDue is the anchor to be written to the claim now; nil if it need not be.
func (o *observed) anchorDue() *desired.Anchor {
	head := o.Witnessing.witnessed()
	if head == nil || o.Claim == nil || o.Claim.DeletionTimestamp != nil {
		return nil
	}
	due := &desired.Anchor{LedgerReport: *head}
	due.ShortHead, due.Time.Time = "", o.Now.Truncate(time.Second)
	was := o.Witnessing.Anchor
	if was == nil || was.Origin != head.Origin || was.Key != head.Key {
		return due
	}
	if was.Size == head.Size && was.Head == head.Head {
		return nil
	}
	age := o.Now.Sub(was.Time.Time)
	if age < 0 || age >= anchorInterval || o.Heard.Report.Phase != v1alpha1.PhaseRunning {
		return due
	}
	return nil
}
