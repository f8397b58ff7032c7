package tau_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/specs"
)

func kernel(t testing.TB) *tau.Embedded {
	t.Helper()
	src, err := specs.FS.ReadFile(specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tau.NewEmbedded(specs.KernelV35, src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestInfoIdentifiesEngineAndSpec(t *testing.T) {
	src, _ := specs.FS.ReadFile(specs.KernelV35)
	i := kernel(t).Info()
	if i.Engine != "embedded" || i.Version != tau.EmbeddedVersion || i.SpecName != specs.KernelV35 {
		t.Errorf("found %q %q %q", i.Engine, i.Version, i.SpecName)
	}
	if i.SpecDigest != tau.Digest(src) {
		t.Errorf("digest: expected %s, found %s", tau.Digest(src), i.SpecDigest)
	}
	if i.Lookback != 1 || len(i.Inputs) != 5 || len(i.Outputs) != 18 || len(i.State) != 9 {
		t.Errorf("expected look-back 1, 5 inputs, 18 outputs, 9 state bits, found %d, %d, %d, %d", i.Lookback, len(i.Inputs), len(i.Outputs), len(i.State))
	}
}

func TestDigestIsSHA256OfTheExactBytes(t *testing.T) {
	// The digest of "abc" is the one that FIPS 180-4 gives as an example.
	if got, want := tau.Digest([]byte("abc")), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}

func TestAnEngineResumedFromASnapshotGivesTheRowsOfOneThatNeverStopped(t *testing.T) {
	ctx := context.Background()
	whole, out, want := kernel(t), make([]uint64, 18), make([]uint64, 18)
	stopped := kernel(t)
	for n := range uint64(200) {
		in := []uint64{n >> 1 & 1, 1, n & 1, 1, n / 63 & 1}
		if err := whole.Step(ctx, in, want); err != nil {
			t.Fatal(err)
		}
		next := kernel(t)
		if err := next.Restore(stopped.Snapshot()); err != nil {
			t.Fatal(err)
		}
		if err := next.Step(ctx, in, out); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, want) {
			t.Fatalf("tick %d: expected %v, found %v", n, want, out)
		}
		stopped = next
	}
}

func TestNoVerdictNamesTheSpecAndLeavesTheState(t *testing.T) {
	e := kernel(t)
	before := e.Snapshot()
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for name, err := range map[string]error{
		"context canceled": e.Step(done, make([]uint64, 5), make([]uint64, 18)),
		"input iprice: expected 0 to 1 (sbf), found 7": e.Step(context.Background(), []uint64{7, 0, 0, 0, 0}, make([]uint64, 18)),
		"expected 5 inputs, found 4":                   e.Step(context.Background(), make([]uint64, 4), make([]uint64, 18)),
	} {
		if want := specs.KernelV35 + ": no verdict: " + name; err == nil || err.Error() != want {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
	if !slices.Equal(e.Snapshot(), before) {
		t.Error("expected the state to be unchanged")
	}
	if err := e.Step(done, make([]uint64, 5), make([]uint64, 18)); !errors.Is(err, context.Canceled) {
		t.Errorf("expected the context's own error within, found %v", err)
	}
}

func TestASpecThatIsRefusedNamesFileAndPlace(t *testing.T) {
	_, err := tau.NewEmbedded("mine.tau", []byte("i1 : sbf := in console.\no1 : sbf := out console.\nalways o1[t] = i1[t-1].\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "mine.tau:3:16: ") || len(lang.Findings(err)) != 1 {
		t.Errorf("expected one finding at mine.tau:3:16, found %v", err)
	}
}

func TestAStepThroughTheContractAllocatesNothing(t *testing.T) {
	e, in, out := kernel(t), make([]uint64, 5), make([]uint64, 18)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if n := testing.AllocsPerRun(1000, func() {
		if e.Step(ctx, in, out) != nil {
			t.Error("step failed")
		}
	}); n != 0 {
		t.Errorf("expected no allocation, found %v", n)
	}
}
