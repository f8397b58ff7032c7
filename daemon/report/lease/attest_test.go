//nolint:contextcheck // helpers take the context of the test, whose bubble ends before it
package lease

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// marked is an Attest that notes in the report what it was asked for.
func marked(r *v1alpha1.Report, from int64) error {
	r.Ledger.Signature = fmt.Sprintf("of %d", r.Ledger.Size)
	r.Proof = &v1alpha1.ConsistencyProof{From: from}
	return nil
}

func sized(size int64) v1alpha1.Report {
	return v1alpha1.Report{Phase: v1alpha1.PhaseRunning, Tick: size, Ledger: &v1alpha1.LedgerReport{Origin: "o", Size: size}}
}

// ask is the operator, which says what it has witnessed; 0 takes that back.
func ask(size int64) func(*coordinationv1.Lease) {
	return func(l *coordinationv1.Lease) {
		if l.Annotations == nil {
			l.Annotations = map[string]string{}
		}
		delete(l.Annotations, v1alpha1.AnnotationWitnessed)
		if size > 0 {
			l.Annotations[v1alpha1.AnnotationWitnessed] = fmt.Sprintf(`{"origin":"o","size":%d}`, size)
		}
	}
}

// reporting is a daemon whose ledger grows by one record a second from size on.
func reporting(t *testing.T, ctx context.Context, cl *cluster, pod string, size int64, attest func(*v1alpha1.Report, int64) error) *Held {
	t.Helper()
	o := options(&link{cluster: cl}, pod)
	o.Attest = attest
	h := acquire(t, o)
	go func() {
		for ; ctx.Err() == nil; size++ {
			h.Publish(sized(size))
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	return h
}

// sentReports are the reports that were stored, as size and the size that it was proven from.
func sentReports(t *testing.T, cl *cluster) (pairs [][2]int64) {
	t.Helper()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	last := ""
	for _, p := range cl.puts {
		s := p.lease.Annotations[v1alpha1.AnnotationReport]
		if s == last || s == "" {
			continue // a plain renewal
		}
		last = s
		r := reportOf(t, p.lease)
		if r.Ledger.Signature != fmt.Sprintf("of %d", r.Ledger.Size) {
			t.Errorf("not signed: %s", s)
		}
		pairs = append(pairs, [2]int64{r.Ledger.Size, r.Proof.From})
	}
	return pairs
}

func TestAReportIsProvenFromTheOneThatItReplaces(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		first := reporting(t, ctx, cl, "pod", 5, marked)
		time.Sleep(25*time.Second + 100*time.Millisecond)
		crash(first)
		second := reporting(t, ctx, cl, "pod", 40, marked) // the same ledger, by the next boot
		defer crash(second)
		time.Sleep(15*time.Second + 100*time.Millisecond)
		got := sentReports(t, cl)
		if len(got) < 5 || got[0][1] != 0 {
			t.Fatalf("expected at least 5 reports, the first from nothing, found %v", got)
		}
		for i := 1; i < len(got); i++ {
			if got[i][1] != got[i-1][0] {
				t.Errorf("report %d: expected a proof from %d, found one from %d", i, got[i-1][0], got[i][1])
			}
		}
	})
}

func TestAReportIsProvenFromWhatTheOperatorAsksFor(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := reporting(t, ctx, cl, "pod", 5, marked)
		defer crash(h)
		time.Sleep(12*time.Second + 100*time.Millisecond)
		before := len(sentReports(t, cl))
		asked := time.Now()
		cl.edit(ask(3))
		time.Sleep(2 * time.Second)
		got := sentReports(t, cl)
		if len(got) != before+1 || got[before][1] != 3 {
			t.Fatalf("%v after the question: expected one more report, from 3, found %v", time.Since(asked), got[before:])
		}
		time.Sleep(30 * time.Second) // it asks until it has seen the answer
		for _, pair := range sentReports(t, cl)[before:] {
			if pair[1] != 3 {
				t.Errorf("expected proofs from 3 while it is asked for, found %v", pair)
			}
		}
		before = len(sentReports(t, cl))
		cl.edit(ask(0))
		time.Sleep(25 * time.Second)
		got = sentReports(t, cl)
		for i := before; i < len(got); i++ {
			if got[i][1] != got[i-1][0] {
				t.Errorf("expected a proof from %d again, found %v", got[i-1][0], got[i])
			}
		}
		if len(got) == before {
			t.Error("no report after that")
		}
	})
}

// TestAnAnswerNeverMissesItsQuestion: the operator asks while a report is on its way. Whatever is stored after the question answers it.
func TestAnAnswerNeverMissesItsQuestion(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := reporting(t, ctx, cl, "pod", 5, marked)
		defer crash(h)
		time.Sleep(time.Second)
		var question atomic.Int64
		h.o.API.(*link).set(func(_ context.Context, verb string) (error, bool) {
			if verb == "put" {
				if n := question.Add(1); n%3 == 1 {
					cl.edit(ask(n))
				}
			}
			return nil, false
		})
		time.Sleep(time.Minute)
		cl.mu.Lock()
		defer cl.mu.Unlock()
		answers := 0
		for _, p := range cl.puts[1:] {
			w, err := WitnessedOn(p.lease)
			r := reportOf(t, p.lease)
			if err != nil || w.Size == 0 || r == nil {
				continue
			}
			if answers++; r.Proof.From != w.Size && p.lease.Annotations[v1alpha1.AnnotationReport] != cl.puts[0].lease.Annotations[v1alpha1.AnnotationReport] {
				t.Errorf("asked for %d, answered from %d", w.Size, r.Proof.From)
			}
		}
		if answers < 3 {
			t.Errorf("%d answers: the test shows nothing", answers)
		}
	})
}

func TestASignatureThatDoesNotComeCostsOnlyItself(t *testing.T) {
	for name, attest := range map[string]func(ctx context.Context, r *v1alpha1.Report) error{
		"it fails": func(context.Context, *v1alpha1.Report) error { return errors.New("the disk") },
		"it hangs": func(ctx context.Context, r *v1alpha1.Report) error {
			<-ctx.Done()
			r.Ledger.Signature = "late"
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				cl := newCluster()
				running := atomic.Int32{}
				h := reporting(t, ctx, cl, "pod", 5, func(r *v1alpha1.Report, _ int64) error {
					if running.Add(1) > 1 {
						t.Error("two at a time")
					}
					defer running.Add(-1)
					return attest(ctx, r)
				})
				defer crash(h)
				for range 60 {
					time.Sleep(time.Second)
					if h.Margin() < 19*time.Second {
						t.Fatalf("margin %v", h.Margin())
					}
				}
				if r := cl.report(t); r.Ledger == nil || r.Ledger.Signature != "" || r.Tick < 50 {
					t.Errorf("expected the newest report without a signature, found %+v %+v", r, r.Ledger)
				}
			})
		})
	}
}

func TestTheLastReportIsSignedToo(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := reporting(t, ctx, cl, "pod", 5, marked)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		before := cl.report(t).Ledger.Size
		if err := h.Release(ctx, sized(9)); err != nil {
			t.Fatal(err)
		}
		if r := cl.report(t); r.Ledger.Signature != "of 9" || r.Proof.From != before {
			t.Errorf("%+v %+v", r.Ledger, r.Proof)
		}
	})
}

// longest is the longest report that a daemon makes, but for its message: a ledger of 2^40 records and a proof that needs every hash it can.
func longest() v1alpha1.Report {
	hash := strings.Repeat("f", 64)
	origin := "taudaemon.io/ledger/" + hash
	amount := "-123456789.123456789"
	r := v1alpha1.Report{
		Version: 1, PodUID: "01234567-89ab-cdef-0123-456789abcdef", BootID: "0123456789abcdef", Epoch: 1<<31 - 1, UnixMilli: 1<<53 - 1,
		Phase: v1alpha1.PhaseHalted, Reason: "LedgerUnreadable", ConfigDigest: "sha256:" + hash, SpecDigest: "sha256:" + hash, Engine: "tau+embedded 0.7.0-alpha (Release build) 2b4f1c9",
		Tick: 1 << 40, Quarantine: v1alpha1.QuarantineReport{Active: true, Incident: "q1099511627776", Reason: "EngineDisagreement", SinceTick: 1 << 40,
			Release: v1alpha1.ReleaseManual, CleanTicks: 100000},
		Position:   v1alpha1.PositionReport{Quantity: amount, Cost: amount, EntryTick: 1 << 40, Realised: amount, Burned: amount, ExitOwed: true},
		OpenIntent: true, Draining: true, Acknowledged: "q1099511627776",
		Ledger: &v1alpha1.LedgerReport{
			Origin: origin, Size: 1 << 40, Head: hash, ShortHead: hash[:12], Root: hash, Key: origin + "+01234567+" + base64.StdEncoding.EncodeToString(make([]byte, 33)),
			Signature: base64.StdEncoding.EncodeToString(make([]byte, 68)), Rotation: base64.StdEncoding.EncodeToString(make([]byte, 68)),
		},
		Proof: &v1alpha1.ConsistencyProof{From: 1<<40 - 1},
	}
	for range 41 { // RFC 6962, 2.1.2: at most ceil(log2(n)) + 1
		r.Proof.Hashes = append(r.Proof.Hashes, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	}
	return r
}

func TestTheLongestProofFitsWithHalfAKilobyteOfMessage(t *testing.T) {
	r := longest()
	bare, err := marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a report of a ledger of 2^40 records with %d hashes of proof has %d of %d bytes", len(r.Proof.Hashes), len(bare), v1alpha1.MaxReportBytes)
	r.Message = strings.Repeat("m", 10000)
	s, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var got v1alpha1.Report
	if err := json.Unmarshal([]byte(s), &got); err != nil {
		t.Fatal(err)
	}
	if got.Proof == nil || len(got.Message) < besideProof || len(s) > v1alpha1.MaxReportBytes {
		t.Errorf("%d bytes, message of %d, proof %v", len(s), len(got.Message), got.Proof != nil)
	}
}

func TestWhereAProofDoesNotFitItIsLeftOutWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := longest()
		in.Proof.Hashes = slices.Repeat(in.Proof.Hashes, rapid.IntRange(1, 3).Draw(t, "proof"))[:rapid.IntRange(0, 41).Draw(t, "hashes")]
		in.Message = strings.Repeat(rapid.StringN(1, 20, -1).Draw(t, "part"), rapid.IntRange(0, 200).Draw(t, "times"))
		in.Quarantine.Reason = strings.Repeat("r", rapid.IntRange(0, 1500).Draw(t, "reason"))
		s, err := encode(in)
		if err != nil {
			t.Fatal(err)
		}
		var out v1alpha1.Report
		if err := json.Unmarshal([]byte(s), &out); err != nil || len(s) > v1alpha1.MaxReportBytes {
			t.Fatalf("%d bytes, %v", len(s), err)
		}
		if out.Proof != nil && !slices.Equal(out.Proof.Hashes, in.Proof.Hashes) {
			t.Fatalf("a part of a proof: %d of %d hashes", len(out.Proof.Hashes), len(in.Proof.Hashes))
		}
		bare := in
		bare.Message = ""
		without, _ := marshal(bare)
		if out.Proof == nil && len(without)+3*(besideProof+len("…")) <= v1alpha1.MaxReportBytes {
			t.Fatalf("left out though it fits: %d bytes without the message", len(without))
		}
		if out.Quarantine != in.Quarantine || *out.Ledger != *in.Ledger {
			t.Fatal("more than message and proof was changed")
		}
	})
}
