package controllers

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/controllers/witness"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
)

// showing is a good report of another head of the world's ledger.
func (w *world) showing(pod *corev1.Pod, size int64) *v1alpha1.Report {
	r := w.goodReport(pod)
	r.Tick, r.Ledger = size, w.book.Grow(size).Head(size)
	return r
}

// commands are the operator's orders on the Lease, and what it says of the witnessed heads.
func (w *world) commands() (c v1alpha1.Commands, told v1alpha1.Witnessed) {
	w.t.Helper()
	for annotation, into := range map[string]any{v1alpha1.AnnotationCommands: &c, v1alpha1.AnnotationWitnessed: &told} {
		if text := w.lease().Annotations[annotation]; text != "" {
			w.must(json.Unmarshal([]byte(text), into))
		}
	}
	return c, told
}

func (w *world) claim() *corev1.PersistentVolumeClaim {
	w.t.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), claim))
	return claim
}

func (w *world) anchor() *desired.Anchor {
	w.t.Helper()
	a, err := desired.DecodeAnchor(w.claim().Annotations)
	w.must(err)
	return a
}

// expectWrites does a pass, and compares what it wrote.
func (w *world) expectWrites(what string, want ...string) {
	w.t.Helper()
	wrote := w.pass()
	slices.Sort(wrote)
	slices.Sort(want)
	if !slices.Equal(wrote, want) {
		w.t.Errorf("%s: expected the writes %v, found %v", what, want, wrote)
	}
}

const (
	toStatus = "patch status TauDaemon"
	toLease  = "apply Lease"
	toClaim  = "apply PersistentVolumeClaim"
)

func TestAHeadThatTakesSomethingBackIsRefusedAndAHaltOrdered(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
	w.events()
	w.report(w.showing(pod, 8))
	w.expectWrites("the refusal", toLease, toStatus)

	refused := func(what string) {
		t.Helper()
		w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonRollback)
		w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, witness.ReasonRollback)
		s := w.resource().Status
		if s.Ledger.Size != 9 || s.State != v1alpha1.StateHalted || s.RefusedHead == nil || s.RefusedHead.Size != 8 || s.RefusedHead.Signature == "" ||
			s.RefusedHead.Expected != "at least 9 records" || s.RefusedHead.Found != "8" {
			t.Errorf("%s: expected size 9, state Halted and the refused head, found %d, %s, %+v", what, s.Ledger.Size, s.State, s.RefusedHead)
		}
		c, told := w.commands()
		if c.Halt != "LedgerRollback: expected at least 9 records, found 8" || told.Size != 9 || told.Head != s.Ledger.Head || told.Root != s.Ledger.Root {
			t.Errorf("%s: expected a halt and the witnessed head on the Lease, found %+v, %+v", what, c, told)
		}
	}
	refused("at first")
	if got := w.events(); len(got) != 1 || !strings.Contains(got[0], "LedgerRollback") {
		t.Errorf("expected one Event of the refusal, found %v", got)
	}

	halted := w.showing(pod, 8)
	halted.Phase, halted.Reason, halted.Message = v1alpha1.PhaseHalted, "HaltOrdered", "LedgerRollback"
	w.report(halted)
	w.settle()
	refused("halted")
	w.restartOperator()
	w.expectWrites("after a restart of the operator")
	refused("after a restart of the operator")
	w.report(w.showing(pod, 12)) // the same process shows a true head again
	w.settle()
	refused("when the same boot thinks better of it")
	w.later(time.Hour) // no report comes any more
	w.settle()
	refused("when the report is stale")
	if got := w.events(); len(got) > 1 { // Ready may have become Unknown, if it were not False
		t.Errorf("expected no further Event of it, found %v", got)
	}

	// A person brought the right volume back. The next boot is halted as ordered, and shows it.
	halted = w.showing(pod, 12)
	halted.Phase, halted.Reason, halted.BootID, halted.Epoch = v1alpha1.PhaseHalted, "HaltOrdered", "boot-2", 2
	w.report(halted)
	w.expectWrites("the true ledger", toLease, toStatus, toClaim)
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonHalted)
	if c, told := w.commands(); c.Halt != "" || told != (v1alpha1.Witnessed{}) {
		t.Errorf("expected the order taken back, found %+v, %+v", c, told)
	}
	if s := w.resource().Status; s.RefusedHead != nil || s.Ledger.Size != 12 {
		t.Errorf("expected no refused head, found %+v at %d", s.RefusedHead, s.Ledger.Size)
	}
	if got := w.events(); !slices.ContainsFunc(got, func(e string) bool { return strings.Contains(e, "LedgerAccepted") }) {
		t.Errorf("expected an Event that the ledger is believed again, found %v", got)
	}
	running := w.showing(pod, 13)
	running.BootID, running.Epoch = "boot-3", 3
	w.report(running)
	w.settle()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

func TestAReportThatTheOperatorMissedIsAskedForOnce(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	w.report(w.showing(pod, 12))
	w.report(w.showing(pod, 15)) // proven from 12, which the operator has not seen
	w.expectWrites("a proof from another size", toLease, toStatus)
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionUnknown, witness.ReasonProofPending)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if _, told := w.commands(); told.Size != 9 || w.resource().Status.Ledger.Size != 9 || w.resource().Status.Tick != 15 {
		t.Errorf("expected to be asked for a proof from 9, found %+v", told)
	}
	w.expectWrites("the same report again")
	w.report(w.showing(pod, 16))
	w.report(w.showing(pod, 18)) // whatever comes answers the question
	w.expectWrites("the proof that was asked for", toLease, toStatus)
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
	if _, told := w.commands(); told != (v1alpha1.Witnessed{}) || w.resource().Status.Ledger.Size != 18 {
		t.Errorf("expected the question taken back, found %+v", told)
	}
	w.report(w.showing(pod, 19))
	w.expectWrites("the usual course", toStatus)
}

func TestAProofThatDoesNotComeIsRefusedAfterThreeReports(t *testing.T) {
	for name, without := range map[string]func(*v1alpha1.Report){
		"without a proof":                 func(r *v1alpha1.Report) { r.Proof = nil },
		"with a proof from elsewhere":     func(r *v1alpha1.Report) { r.Proof.From = 3 },
		"without a signature":             func(r *v1alpha1.Report) { r.Ledger.Signature = "" },
		"with a proof and without a head": func(r *v1alpha1.Report) { r.Ledger.Key = "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			pod := w.running(nil)
			for n := range int64(4) { // the first one did not know yet
				r := w.showing(pod, 12+n)
				r.Proof = w.book.Prove(9, 12+n)
				without(r)
				w.send(r)
				w.settle()
				w.settle() // a pass without a new report counts for nothing
				w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionUnknown, witness.ReasonProofPending)
			}
			r := w.showing(pod, 20)
			r.Proof = w.book.Prove(9, 20)
			without(r)
			w.send(r)
			w.settle()
			w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonProofMissing)
			if c, _ := w.commands(); !strings.HasPrefix(c.Halt, witness.ReasonProofMissing) {
				t.Errorf("expected a halt, found %+v", c)
			}
		})
	}
}

func TestAHaltedDaemonThatCannotProveIsNotRefusedForIt(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	for n := range int64(8) {
		r := w.showing(pod, 12+n)
		r.Phase, r.Reason = v1alpha1.PhaseHalted, "LedgerDamaged"
		w.send(r)
		w.settle()
	}
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionUnknown, witness.ReasonProofPending)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonHalted)
}

func TestALedgerOfAnotherOriginIsTakenOnlyByName(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	w.book = witnesstest.New(t.Name() + " restored")
	w.report(w.showing(pod, 11))
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonNewOrigin)
	if m := w.condition(v1alpha1.ConditionLedgerConsistent).Message; !strings.Contains(m, "spec.ledger.acceptOrigin") || !strings.Contains(m, w.book.Origin) {
		t.Errorf("expected a message that says what to do, found %q", m)
	}
	first := w.resource().Status.Ledger.Origin
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.AcceptOrigin = witnesstest.New("yet another").Origin })
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonNewOrigin)
	if _, told := w.commands(); told.AcceptOrigin != witnesstest.New("yet another").Origin || told.Origin != first {
		t.Errorf("expected the daemon to be told, found %+v", told)
	}
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.AcceptOrigin = w.book.Origin })
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
	s := w.resource().Status
	if s.Ledger.Origin != w.book.Origin || s.RefusedHead != nil || w.anchor().Origin != w.book.Origin {
		t.Errorf("expected the accepted origin in status and on the claim, found %+v, %+v", s.Ledger, s.RefusedHead)
	}
	if c, told := w.commands(); c.Halt != "" || told != (v1alpha1.Witnessed{}) {
		t.Errorf("expected nothing left to say, found %+v, %+v", c, told)
	}
	if w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest] != before || w.pod().DeletionTimestamp != nil {
		t.Error("the pod was rolled for it")
	}
	w.report(w.showing(pod, 10)) // it is no licence to go back
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonRollback)
}

func TestAKeyChangesOnlyByTheWordOfThePinnedOne(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	pinned := w.resource().Status.Ledger.Key
	rotation := w.book.Rotate("next")
	r := w.showing(pod, 12)
	r.Ledger.Rotation = rotation
	w.report(r)
	w.expectWrites("a rotation", toStatus, toClaim)
	if s := w.resource().Status.Ledger; s.Key == pinned || s.Size != 12 || w.anchor().Key != s.Key {
		t.Errorf("expected the new key pinned, found %+v", s)
	}
	w.book.SetKey("thief")
	r = w.showing(pod, 13)
	r.Ledger.Rotation = rotation
	w.report(r)
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonKeyChanged)
}

func TestTheAnchorOnTheClaimFollowsAtItsOwnPace(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	if a := w.anchor(); a == nil || a.Size != 9 || a.Root == "" || a.Key != w.resource().Status.Ledger.Key || !a.Time.Time.Equal(w.clock.Now().Truncate(time.Second)) {
		t.Fatalf("expected the first head and its key at once, found %+v", a)
	}
	w.report(w.showing(pod, 12))
	w.expectWrites("a report", toStatus)
	w.later(anchorInterval - time.Second)
	w.report(w.showing(pod, 13))
	w.expectWrites("a report within the interval", toStatus)
	w.later(time.Second)
	w.report(w.showing(pod, 14))
	w.expectWrites("a report after the interval", toStatus, toClaim)
	if a := w.anchor(); a.Size != 14 {
		t.Errorf("expected size 14, found %+v", a)
	}
	stopped := w.showing(pod, 15)
	stopped.Phase = v1alpha1.PhaseStopped
	w.report(stopped)
	w.expectWrites("an orderly stop", toStatus, toClaim)
	w.settle()
	// The claim itself is applied without its anchor, and keeps it.
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeDelete })
	w.settle()
	if a := w.anchor(); a == nil || a.Size != 15 {
		t.Errorf("expected the anchor to stay, found %+v", a)
	}
}

func TestAResourceThatIsMadeAnewFindsTheAnchorOfItsVolume(t *testing.T) {
	before := newWorld(t)
	pod := before.running(nil)
	before.later(anchorInterval)
	before.report(before.showing(pod, 12))
	before.settle()
	anew := func(t *testing.T, anchor string) *world {
		w := newWorld(t)
		w.book = before.book
		claim := foreignClaim()
		claim.Name, claim.Namespace = desired.ChildName(agentName), w.ns
		claim.Labels = map[string]string{desired.LabelName: agentName}
		claim.Annotations = map[string]string{desired.AnnotationAnchor: anchor}
		w.must(w.c.Create(w.ctx, claim))
		w.create(nil)
		w.settle()
		return w
	}
	text := before.claim().Annotations[desired.AnnotationAnchor]
	t.Run("the daemon is told before its first report", func(t *testing.T) {
		w := anew(t, text)
		if _, told := w.commands(); told.Size != 12 || told.Origin != w.book.Origin || told.Head != w.book.Head(12).Head || told.Root != w.book.Head(12).Root {
			t.Errorf("expected the anchor on the Lease, found %+v", told)
		}
		pod := w.startPod()
		w.report(w.showing(pod, 14))
		w.settle()
		w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
		if _, told := w.commands(); told != (v1alpha1.Witnessed{}) || w.resource().Status.Ledger.Size != 14 {
			t.Errorf("expected nothing left to say, found %+v", told)
		}
	})
	t.Run("an older copy of the volume is refused", func(t *testing.T) {
		w := anew(t, text)
		pod := w.startPod()
		w.report(w.showing(pod, 11))
		w.settle()
		w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonRollback)
		if s := w.resource().Status; s.Ledger != nil || s.RefusedHead == nil {
			t.Errorf("expected no witnessed head and a refused one, found %+v, %+v", s.Ledger, s.RefusedHead)
		}
	})
	t.Run("another key is refused", func(t *testing.T) {
		w := anew(t, text)
		w.book = before.book.Clone()
		w.book.SetKey("thief")
		pod := w.startPod()
		w.report(w.showing(pod, 20))
		w.settle()
		w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonKeyChanged)
	})
	t.Run("an anchor that cannot be read is no leave to begin anew", func(t *testing.T) {
		w := anew(t, "{")
		pod := w.startPod()
		w.report(w.showing(pod, 14))
		w.settle()
		w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonAnchorUnreadable)
	})
}

func TestALeaseThatIsMadeAnewTellsTheDaemonWhatWasWitnessed(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	w.must(w.c.Delete(w.ctx, w.lease()))
	w.expectWrites("the Lease", "create Lease", toLease, toStatus)
	if _, told := w.commands(); told.Size != 9 {
		t.Errorf("expected the witnessed head, found %+v", told)
	}
	w.report(w.showing(pod, 12))
	w.expectWrites("the first report on it", toLease, toStatus)
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionTrue, ReasonWitnessed)
}

func TestRetentionReachesTheDaemonBehindTheAnchorAndNeverRollsThePod(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	ordered := func(what string, keep time.Duration, size int64) {
		t.Helper()
		want := v1alpha1.RetentionCommand{}
		if keep > 0 {
			a := w.anchor()
			want = v1alpha1.RetentionCommand{KeepMillis: keep.Milliseconds(), Origin: a.Origin, Size: size, Root: w.book.Head(size).Root}
			if a.Size != size || a.Root != want.Root {
				t.Errorf("%s: expected an anchor of size %d, found %+v", what, size, a)
			}
		}
		if c, _ := w.commands(); c.Retention != want {
			t.Errorf("%s: expected %+v, found %+v", what, want, c.Retention)
		}
	}
	ordered("without one", 0, 0)
	before, set := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest], w.set().Generation
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Retention.Duration = 720 * time.Hour })
	w.expectWrites("a retention", toLease, toStatus)
	ordered("a retention", 720*time.Hour, 9)

	w.report(w.showing(pod, 12))
	w.expectWrites("a report within the anchor's interval", toStatus)
	ordered("what is witnessed but not kept on the claim yet", 720*time.Hour, 9)
	w.later(anchorInterval)
	w.report(w.showing(pod, 14))
	w.settle()
	ordered("once it is", 720*time.Hour, 14)
	w.expectWrites("nothing new")

	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Retention.Duration = 24 * time.Hour })
	w.settle()
	ordered("another", 24*time.Hour, 14)
	if w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest] != before || w.set().Generation != set || w.pod().DeletionTimestamp != nil {
		t.Error("the pod was rolled for it")
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Retention.Duration = 0 })
	w.settle()
	ordered("taken back", 0, 0)

	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Retention.Duration = time.Hour })
	w.settle()
	w.report(w.showing(pod, 8)) // rolled back: what is there is evidence now
	w.settle()
	w.expectCondition(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse, witness.ReasonRollback)
	ordered("while a head is refused", 0, 0)
}
