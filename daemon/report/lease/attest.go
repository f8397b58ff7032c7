package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// attestTime bounds the signing of a report: a disk that does not answer must not cost the Lease.
const attestTime = 500 * time.Millisecond

// WitnessedOn reads what the operator says that it has witnessed; the zero value where it says nothing.
func WitnessedOn(l *coordinationv1.Lease) (w v1alpha1.Witnessed, err error) {
	s, ok := l.Annotations[v1alpha1.AnnotationWitnessed]
	if !ok {
		return w, nil
	}
	if err := json.Unmarshal([]byte(s), &w); err != nil {
		return v1alpha1.Witnessed{}, fmt.Errorf("annotation %s: expected a witnessed head as JSON, found %.100q: %w", v1alpha1.AnnotationWitnessed, s, err)
	}
	return w, nil
}

// provenFrom is the size that a report on the next state of this Lease has to be proven from: the one that the operator asks for, else that of the
// report which it replaces, for the operator has seen that one, or says so. Both are read from the very Lease that a PUT replaces, by compare-and-swap:
// so an answer never misses its question. 0: nothing is known.
func provenFrom(l *coordinationv1.Lease) int64 {
	if w, err := WitnessedOn(l); err == nil && w.Size > 0 {
		return w.Size
	}
	var before v1alpha1.Report
	if err := json.Unmarshal([]byte(l.Annotations[v1alpha1.AnnotationReport]), &before); err != nil || before.Ledger == nil {
		return 0
	}
	return before.Ledger.Size
}

var errAttesting = errors.New("the one before has not ended")

// attested is the report, signed and proven from a size. One that cannot be signed goes out all the same: the operator then believes all but its head.
func (h *Held) attested(r v1alpha1.Report, from int64) v1alpha1.Report {
	if h.o.Attest == nil || r.Ledger == nil {
		return r
	}
	err := errAttesting
	if h.attesting.CompareAndSwap(false, true) {
		signed := r
		signed.Ledger = new(*r.Ledger)
		done := make(chan error, 1)
		go func() {
			err := h.o.Attest(&signed, from)
			h.attesting.Store(false)
			done <- err
		}()
		timer := time.NewTimer(attestTime)
		defer timer.Stop()
		select {
		case err = <-done:
		case <-timer.C:
			err = fmt.Errorf("not within %v", attestTime)
		}
		if err == nil {
			return signed
		}
	}
	h.o.Log.Error(err, "the reported ledger head is not signed")
	return r
}

// asked reports whether the operator waits for a proof from another size than the last report's.
func (h *Held) asked() bool {
	w, err := WitnessedOn(h.latest)
	return err == nil && w.Size > 0 && w.Size != h.provenFrom
}
