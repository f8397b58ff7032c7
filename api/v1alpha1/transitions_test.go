package v1alpha1_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

// minimal is a TauDaemon as a Go program writes it: what it does not set is left to the schema's defaults.
func minimal(ns string) *v1alpha1.TauDaemon {
	simulated := func(name string) v1alpha1.OracleSource {
		return v1alpha1.OracleSource{Name: name, Simulated: &v1alpha1.SimulatedSource{}}
	}
	return &v1alpha1.TauDaemon{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, GenerateName: "td-"},
		Spec: v1alpha1.TauDaemonSpec{
			Oracle:    v1alpha1.OracleSpec{Sources: []v1alpha1.OracleSource{simulated("a"), simulated("b"), simulated("c")}},
			Economics: v1alpha1.EconomicsSpec{TradeQuantity: "10"},
			Venue:     v1alpha1.VenueSpec{Paper: &v1alpha1.PaperVenue{}},
		},
	}
}

// create makes a minimal TauDaemon after edit and returns it as the apiserver keeps it.
func create(t *testing.T, edit func(*v1alpha1.TauDaemon)) *v1alpha1.TauDaemon {
	t.Helper()
	td := minimal(envtest.Namespace(t))
	if edit != nil {
		edit(td)
	}
	if err := envtest.Client(t).Create(context.Background(), td, strict); err != nil {
		t.Fatal(err)
	}
	return td
}

// refused fails the test unless err says text.
func refused(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("expected a refusal with %q, found none", text)
	}
	if !strings.Contains(err.Error(), text) {
		t.Fatalf("expected a refusal with %q, found %v", text, err)
	}
}

// TestTypedClientsGetTheDefaultsOfTheSchema: Go's zero values must not reach the apiserver as zeros that were not meant, and must where they are.
func TestTypedClientsGetTheDefaultsOfTheSchema(t *testing.T) {
	t.Run("a field that is left out gets its default", func(t *testing.T) {
		spec := create(t, nil).Spec
		found := []any{
			*spec.Economics.FeeBpsBuy, *spec.Economics.FeeBpsSell, *spec.Economics.SlippageBpsLimit, *spec.Economics.BurnShareBps,
			*spec.Signal.BandBps, *spec.Signal.TargetBps, *spec.Signal.TrendWindow, *spec.Cooldown.Ticks, *spec.Cooldown.Enabled,
			*spec.Risk.EmergencySlippageBps, spec.Tick.Interval.Duration, spec.Oracle.MaxAge.Duration, spec.Report.LeaseDuration.Duration,
			spec.Ledger.Volume.Size.String(),
		}
		expect := []any{
			int32(30), int32(30), int32(10), int32(1000),
			int32(50), int32(100), int32(1), int32(8), true,
			int32(200), time.Second, 1500 * time.Millisecond, 30 * time.Second,
			"10Gi",
		}
		for i := range expect {
			if found[i] != expect[i] {
				t.Errorf("value %d: expected %v, found %v", i, expect[i], found[i])
			}
		}
	})
	t.Run("a zero that is written stays a zero", func(t *testing.T) {
		spec := create(t, func(td *v1alpha1.TauDaemon) {
			td.Spec.Economics.FeeBpsBuy = ptr.To[int32](0)
			td.Spec.Cooldown.Ticks = ptr.To[int32](0)
			td.Spec.Risk.EmergencySlippageBps = ptr.To[int32](0)
			td.Spec.Oracle.Sources[0].Simulated.StepBps = ptr.To[int32](0)
		}).Spec
		for name, found := range map[string]*int32{
			"economics.feeBpsBuy": spec.Economics.FeeBpsBuy, "cooldown.ticks": spec.Cooldown.Ticks,
			"risk.emergencySlippageBps": spec.Risk.EmergencySlippageBps, "simulated.stepBps": spec.Oracle.Sources[0].Simulated.StepBps,
		} {
			if found == nil || *found != 0 {
				t.Errorf("%s: expected 0, found %v", name, ptr.Deref(found, -1))
			}
		}
	})
	t.Run("what the apiserver keeps is written back unchanged", func(t *testing.T) {
		td := create(t, nil)
		before := td.Generation
		if err := envtest.Client(t).Update(context.Background(), td, strict); err != nil {
			t.Fatal(err)
		}
		if td.Generation != before {
			t.Errorf("expected generation %d, found %d", before, td.Generation)
		}
	})
}

// TestVolumeCannotBecomeAnother: the claim was made from these fields and cannot follow them.
func TestVolumeCannotBecomeAnother(t *testing.T) {
	withClass := func(td *v1alpha1.TauDaemon) { td.Spec.Ledger.Volume.StorageClassName = ptr.To("fast") }
	for _, tc := range []struct {
		name   string
		start  func(*v1alpha1.TauDaemon)
		patch  string
		expect string // "" where the change is allowed
	}{
		{"a storage class cannot change", withClass, `{"storageClassName": "slow"}`, "spec.ledger.volume.storageClassName: Invalid value: is immutable"},
		{"a storage class cannot appear", nil, `{"storageClassName": "fast"}`, "spec.ledger.volume.storageClassName: Invalid value: is immutable, also its absence"},
		{"a storage class cannot go away", withClass, `{"storageClassName": null}`, "spec.ledger.volume.storageClassName: Invalid value: is immutable, also its absence"},
		{"an empty storage class is another than none", nil, `{"storageClassName": ""}`, "spec.ledger.volume.storageClassName: Invalid value: is immutable, also its absence"},
		{"an access mode cannot change", nil, `{"accessMode": "ReadWriteOnce"}`, `spec.ledger.volume.accessMode: Invalid value: "ReadWriteOnce": is immutable`},
		{"a size cannot shrink", nil, `{"size": "9Gi"}`, `spec.ledger.volume.size: Invalid value: "9Gi": must not shrink`},
		{"a size cannot shrink by another unit", nil, `{"size": "10G"}`, `spec.ledger.volume.size: Invalid value: "10G": must not shrink`},
		{"a size can be said in another way", nil, `{"size": "10240Mi"}`, ""},
		{"a size can grow", nil, `{"size": "11Gi"}`, ""},
		{"retain can change", nil, `{"retain": "Delete"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			td := create(t, tc.start)
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec": {"ledger": {"volume": `+tc.patch+`}}}`))
			err := envtest.Client(t).Patch(context.Background(), td, patch)
			if tc.expect == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused(t, err, tc.expect)
		})
	}
	t.Run("the whole ledger cannot be left out to get round it", func(t *testing.T) {
		td := create(t, func(td *v1alpha1.TauDaemon) { td.Spec.Ledger.Volume.Size = resource.MustParse("20Gi") })
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec": {"ledger": null}}`))
		refused(t, envtest.Client(t).Patch(context.Background(), td, patch), "must not shrink")
	})
}

// TestReportSurvivesTheWire: the operator must read the same as the daemon wrote.
func TestReportSurvivesTheWire(t *testing.T) {
	sent := v1alpha1.Report{
		Version: 1, PodUID: "u", BootID: "b", Epoch: 3, UnixMilli: 1_700_000_000_123, Phase: v1alpha1.PhaseRunning, Tick: 9, Healthy: true, OracleFresh: true,
		Quarantine: v1alpha1.QuarantineReport{Active: true, Incident: "i", Reason: "OracleStale", SinceTick: 4, Release: v1alpha1.ReleaseAuto, CleanTicks: 2},
		Position:   v1alpha1.PositionReport{Quantity: "10", Cost: "1000.5", EntryTick: 3, Realised: "-2", Burned: "0", ExitOwed: true},
		Ledger:     &v1alpha1.LedgerReport{Origin: "o", Size: 12, Head: "ab", ShortHead: "ab", Root: "cd", Key: "k", Signature: "s", Rotation: "r"},
		Proof:      &v1alpha1.ConsistencyProof{From: 7, Hashes: []string{"h1", "h2"}},
	}
	data, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got v1alpha1.Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(data) {
		t.Errorf("expected %s, found %s", data, again)
	}
	if found := got.Time().UnixMilli(); found != sent.UnixMilli {
		t.Errorf("time: expected %d, found %d", sent.UnixMilli, found)
	}
}
