package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/witness"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

// oneLease is an API server with one Lease.
type oneLease struct {
	mu       sync.Mutex
	lease    *coordinationv1.Lease
	version  int
	watchers []*watch.RaceFreeFakeWatcher
}

func newLease(annotations map[string]string) *oneLease {
	l := &oneLease{lease: &coordinationv1.Lease{}}
	l.lease.Annotations = annotations
	l.store(l.lease)
	return l
}

func (l *oneLease) store(next *coordinationv1.Lease) *coordinationv1.Lease {
	l.version++
	next.ResourceVersion = strconv.Itoa(l.version)
	l.lease = next.DeepCopy()
	for _, w := range l.watchers {
		w.Modify(l.lease.DeepCopy())
	}
	return l.lease.DeepCopy()
}

func (l *oneLease) Get(context.Context) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease.DeepCopy(), nil
}

func (l *oneLease) Update(_ context.Context, in *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.ResourceVersion != l.lease.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, "x", errors.New("modified"))
	}
	return l.store(in.DeepCopy()), nil
}

func (l *oneLease) Watch(context.Context) (watch.Interface, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := watch.NewRaceFreeFake()
	w.Add(l.lease.DeepCopy())
	l.watchers = append(l.watchers, w)
	return w, nil
}

// annotate sets an annotation as the operator would; "" takes it away.
func (l *oneLease) annotate(key, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.lease.DeepCopy()
	delete(next.Annotations, key)
	if value != "" {
		next.Annotations[key] = value
	}
	l.store(next)
}

func (l *oneLease) report(t *testing.T) (r v1alpha1.Report) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := json.Unmarshal([]byte(l.lease.Annotations[v1alpha1.AnnotationReport]), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// podDaemon is a daemon in a pod, on the folder of a configuration.
func podDaemon(t *testing.T, dir string, api *oneLease) *daemon {
	t.Helper()
	s, err := load(filepath.Join(dir, "taud.toml"))
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{setup: s, level: new(slog.LevelVar), bootID: "boot", podUID: "pod", api: api}
	if err := d.listen(t.Context(), "127.0.0.1:0", time.Second); err != nil {
		t.Fatal(err)
	}
	return d
}

// ticked is a folder with a configuration, and a ledger of so many records or more.
func ticked(t *testing.T, records int) (dir, ledgerDir string) {
	t.Helper()
	dir = folder(t, func(s string) string { return s })
	ledgerDir = filepath.Join(dir, "data", "ledger")
	s, err := load(filepath.Join(dir, "taud.toml"))
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{setup: s, level: new(slog.LevelVar), bootID: "before"}
	if err := d.listen(t.Context(), "127.0.0.1:0", time.Second); err != nil {
		t.Fatal(err)
	}
	l, err := d.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for d.ledger.Head().Size < uint64(records) {
			time.Sleep(10 * time.Millisecond)
		}
		stop()
	}()
	if err := d.end(ctx, l, l.Run(ctx)); err != nil {
		t.Fatal(err)
	}
	return dir, ledgerDir
}

func headOf(t *testing.T, dir string) (ledger.VerifyResult, *v1alpha1.LedgerReport) {
	t.Helper()
	r, err := ledger.Verify(dir, ledger.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r, &v1alpha1.LedgerReport{Origin: r.Origin, Size: int64(r.Head.Size), Head: r.Head.Leaf.String(), Root: r.Head.Root.String(), Key: r.Key}
}

func witnessedJSON(t *testing.T, h *v1alpha1.LedgerReport, accept string) string {
	t.Helper()
	b, err := json.Marshal(v1alpha1.Witnessed{Origin: h.Origin, Size: h.Size, Head: h.Head, Root: h.Root, AcceptOrigin: accept})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheHighestHeadKnownOutsideTheLedger(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	report := func(origin string, size int64) string {
		return fmt.Sprintf(`{"ledger":{"origin":%q,"size":%d,"head":%q,"root":%q}}`, origin, size, hash, hash)
	}
	witnessed := func(origin string, size int64) string {
		return fmt.Sprintf(`{"origin":%q,"size":%d,"head":%q,"root":%q}`, origin, size, hash, hash)
	}
	for name, test := range map[string]struct {
		report, witnessed, commands string
		size                        uint64
		origin                      string
		err                         string
	}{
		"a new Lease":                 {"", "", "", 0, "", ""},
		"what the daemon before said": {report("o", 9), "", "", 9, "o", ""},
		"what the operator witnessed, on a Lease made anew": {"", witnessed("o", 7), "", 7, "o", ""},
		"what the daemon before said, if it is later":       {report("o", 9), witnessed("o", 7), "", 9, "o", ""},
		"what the operator witnessed, if it is later":       {report("o", 9), witnessed("o", 11), "", 11, "o", ""},
		"what the operator witnessed, of another ledger":    {report("p", 90), witnessed("o", 7), "", 7, "o", ""},
		"never a head that the operator refused":            {report("o", 9), witnessed("o", 7), `{"halt":"LedgerForked"}`, 7, "o", ""},
		"nothing of a refused head":                         {report("o", 9), "", `{"halt":"LedgerForked"}`, 0, "", ""},
		"a report without a ledger":                         {`{"phase":"Halted"}`, "", "", 0, "", ""},
		"a report that is none":                             {"{", "", "", 0, "", "UndecodableReport: annotation taudaemon.io/report"},
		"a witnessed head that is none":                     {"", "{", "", 0, "", "UndecodableWitness: annotation taudaemon.io/witnessed"},
		"commands that are none":                            {"", "", "{", 0, "", "UndecodableCommands: annotation taudaemon.io/commands"},
		"a head that is none":                               {`{"ledger":{"origin":"o","size":3,"head":"xy"}}`, "", "", 0, "", "the ledger's head on the Lease"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &coordinationv1.Lease{}
			l.Annotations = map[string]string{}
			for key, value := range map[string]string{v1alpha1.AnnotationReport: test.report, v1alpha1.AnnotationWitnessed: test.witnessed, v1alpha1.AnnotationCommands: test.commands} {
				if value != "" {
					l.Annotations[key] = value
				}
			}
			k, err := readLease(l)
			var head ledger.Head
			var origin string
			if err == nil {
				head, origin, err = k.head()
			}
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("expected %q, found %v", test.err, err)
				}
				return
			}
			if err != nil || head.Size != test.size || origin != test.origin {
				t.Errorf("expected size %d of %q, found %d of %q, %v", test.size, test.origin, head.Size, origin, err)
			}
		})
	}
}

func TestALedgerOfAnotherOriginIsOpenedOnlyIfItIsTheAcceptedOne(t *testing.T) {
	dir, ledgerDir := ticked(t, 12)
	_, original := headOf(t, ledgerDir)
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := ledger.Backup(ledgerDir, backup, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(ledgerDir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Restore(backup, ledgerDir, 1, nil); err != nil {
		t.Fatal(err)
	}
	_, restored := headOf(t, ledgerDir)
	ahead := *original
	ahead.Size += 5 // the backup was older than what was witnessed
	for name, test := range map[string]struct {
		known  *v1alpha1.LedgerReport
		accept string
		opens  bool
	}{
		"nobody has accepted it":          {&ahead, "", false},
		"another one is accepted":         {&ahead, original.Origin, false},
		"it is accepted":                  {&ahead, restored.Origin, true},
		"it is accepted and known by now": {restored, restored.Origin, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := podDaemon(t, dir, newLease(map[string]string{v1alpha1.AnnotationWitnessed: witnessedJSON(t, test.known, test.accept)}))
			if err := d.remember(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := d.openLedger()
			if d.ledger != nil {
				defer d.ledger.Close()
			}
			if (err == nil) != test.opens {
				t.Errorf("opens: expected %t, found %v", test.opens, err)
			}
			var halt *loop.HaltError
			if err != nil && (!errors.As(err, &halt) || halt.Reason != "LedgerDamaged") {
				t.Errorf("expected LedgerDamaged, found %v", err)
			}
		})
	}
}

// TestAnOrderedHaltShowsThePresentHeadAndEndsWithTheOrder: the operator refused a head, a person brought the right volume back, and nothing is
// written to it before the operator has seen that.
func TestAnOrderedHaltShowsThePresentHeadAndEndsWithTheOrder(t *testing.T) {
	dir, ledgerDir := ticked(t, 12)
	before, head := headOf(t, ledgerDir)
	known := *head
	known.Size, known.Head = head.Size-4, ""
	at, err := ledger.Verify(ledgerDir, ledger.VerifyOptions{Size: uint64(known.Size)})
	if err != nil {
		t.Fatal(err)
	}
	known.Head, known.Root = at.Head.Leaf.String(), at.Head.Root.String()
	api := newLease(map[string]string{
		v1alpha1.AnnotationReport:    `{"version":1,"ledger":{"origin":"of another ledger","size":99,"head":"","root":""}}`,
		v1alpha1.AnnotationWitnessed: witnessedJSON(t, &known, ""),
		v1alpha1.AnnotationCommands:  `{"halt":"LedgerNewOrigin: expected that, found this"}`,
	})
	d := podDaemon(t, dir, api)
	l, err := d.start(t.Context())
	var halt *loop.HaltError
	if l != nil || !errors.As(err, &halt) || halt.Reason != loop.ReasonHaltOrdered {
		t.Fatalf("expected the halt that stands, found %v", err)
	}
	ended := make(chan error)
	go func() { ended <- d.end(t.Context(), nil, err) }()
	for api.report(t).Phase != v1alpha1.PhaseHalted {
		time.Sleep(10 * time.Millisecond)
	}
	r := api.report(t)
	if r.Reason != loop.ReasonHaltOrdered || !strings.Contains(r.Message, "LedgerNewOrigin") || r.Ledger == nil || r.Ledger.Size != head.Size {
		t.Fatalf("expected the present head and why, found %+v %+v", r, r.Ledger)
	}
	if v := witness.Judge(witness.Case{Known: &known, Head: r.Ledger, Proof: r.Proof}); v.Outcome != witness.Accepted {
		t.Errorf("%s: %s", v.Reason, v.Message())
	}
	select {
	case err := <-ended:
		t.Fatalf("ended while the order stands: %v", err)
	case <-time.After(1500 * time.Millisecond):
	}
	api.annotate(v1alpha1.AnnotationCommands, "")
	if err := <-ended; !errors.Is(err, errAgain) {
		t.Fatalf("expected to boot anew, found %v", err)
	}
	if after, _ := headOf(t, ledgerDir); after.Head != before.Head {
		t.Errorf("the ledger was written to: %+v, then %+v", before.Head, after.Head)
	}
}
