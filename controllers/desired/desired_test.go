package desired_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const image = "registry.test/taud:1"

var tauSpecs = map[string]string{"v35_integrated.tau": "# kernel\n", "01_profit_witness.tau": "# witness\n"}

// sample is a resource as the API server returns it: defaults filled in.
func sample() *v1alpha1.TauDaemon {
	seconds := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Second} }
	return &v1alpha1.TauDaemon{
		ObjectMeta: metav1.ObjectMeta{Name: "eth-usd", Namespace: "trading", UID: "uid-1", Generation: 1},
		Spec: v1alpha1.TauDaemonSpec{
			Mode:         v1alpha1.ModePaper,
			OnStop:       v1alpha1.StopKeep,
			UpdatePolicy: v1alpha1.UpdateAutomatic,
			Tick:         v1alpha1.TickSpec{Interval: seconds(1), Deadline: seconds(1), FailHoldTicks: 2},
			Quarantine:   v1alpha1.QuarantineSpec{ClearTicks: 10, Release: v1alpha1.ReleaseAuto},
			Engine:       v1alpha1.EngineSpec{Type: v1alpha1.EngineEmbedded},
			Oracle: v1alpha1.OracleSpec{
				MaxAge: metav1.Duration{Duration: 1500 * time.Millisecond}, MinQuorum: 2, ToleranceBps: 50, MaxMoveBps: 300, MaxSkew: seconds(2),
				Sources: []v1alpha1.OracleSource{
					{Name: "kraken", HTTP: &v1alpha1.HTTPSource{URL: "https://feed.test/price", Price: "$.price", Time: "$.time"}},
					{Name: "pyth", Pyth: &v1alpha1.PythSource{URL: "https://hermes.test", Feed: strings.Repeat("a1", 32), Updates: v1alpha1.PythStream,
						SecretRef: &v1alpha1.PythSecretReference{Name: "pyth"}}},
					{Name: "recorded", Replay: &v1alpha1.ReplaySource{Series: "sp500-daily", Offset: 7}},
					{Name: "walk", MaxAge: ptr.To(seconds(3)), Simulated: &v1alpha1.SimulatedSource{Seed: 4, StepBps: ptr.To(int32(0))}},
				},
			},
			Economics: v1alpha1.EconomicsSpec{
				FeeBpsBuy: ptr.To(int32(0)), FeeBpsSell: ptr.To(int32(26)), SlippageBpsLimit: ptr.To(int32(10)), BurnShareBps: ptr.To(int32(1000)),
				GasUnitCost: "0", TradeQuantity: "0.000000001", MinProfit: "-1.5",
			},
			Signal:   v1alpha1.SignalSpec{BandWindow: 20, BandBps: ptr.To(int32(-5)), TargetBps: ptr.To(int32(100)), TrendWindow: ptr.To(int32(0)), VolumeWindow: 1, MinVolume: "0"},
			Cooldown: v1alpha1.CooldownSpec{Enabled: ptr.To(false), Ticks: ptr.To(int32(8))},
			Risk:     v1alpha1.RiskSpec{MaxPositionTicks: 12, MaxPositionQuantity: "25", MaxDrawdownBps: 200, EmergencySlippageBps: ptr.To(int32(200))},
			Venue:    v1alpha1.VenueSpec{Paper: &v1alpha1.PaperVenue{QuoteBalance: "100000"}},
			Ledger: v1alpha1.LedgerSpec{SnapshotTicks: 1000, Volume: v1alpha1.VolumeSpec{
				Size: resource.MustParse("10Gi"), AccessMode: corev1.ReadWriteOncePod, Retain: v1alpha1.VolumeRetain}},
			Report: v1alpha1.ReportSpec{Interval: seconds(10), LeaseDuration: seconds(30), OnLeaseRisk: v1alpha1.LeaseRiskExit},
			Log:    v1alpha1.LogSpec{Level: "info"},
		},
	}
}

func render(t *testing.T, td *v1alpha1.TauDaemon) *desired.Agent {
	t.Helper()
	agent, err := desired.Render(td, image, tauSpecs)
	if err != nil {
		t.Fatal(err)
	}
	return agent
}

func TestRenderedObjectsAreThoseOfTheGoldenFiles(t *testing.T) {
	td := sample()
	td.Spec.Pod.Tolerations = []corev1.Toleration{{Key: "spot", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr.To(int64(5))}}
	td.Spec.Pod.NodeSelector = map[string]string{"disk": "nvme"}
	agent := render(t, td)
	set, err := desired.BuildStatefulSet(td, agent.Template, 1)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "taud.toml", []byte(agent.ConfigMap.Data["taud.toml"]))
	for name, object := range map[string]any{
		"statefulset.yaml":    set,
		"role.yaml":           desired.BuildRole(td),
		"rolebinding.yaml":    desired.BuildRoleBinding(td),
		"serviceaccount.yaml": desired.BuildServiceAccount(td),
		"service.yaml":        desired.BuildService(td),
		"claim.yaml":          desired.BuildVolumeClaim(td, nil),
		"lease.yaml":          desired.BuildLease(td),
	} {
		encoded, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, encoded)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s: differs from the golden file (-update rewrites it); found:\n%s", path, got)
	}
}

func TestWhatNeverRollsThePodReachesNeitherConfigMapNorTemplate(t *testing.T) {
	before := render(t, sample())
	for name, change := range map[string]func(*v1alpha1.TauDaemonSpec){
		"suspend":      func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true },
		"acknowledge":  func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "incident-7" },
		"updatePolicy": func(s *v1alpha1.TauDaemonSpec) { s.UpdatePolicy = v1alpha1.UpdateManual },
		"onStop":       func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten },
		"volume size":  func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Size = resource.MustParse("20Gi") },
		"retention":    func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Retention.Duration = 24 * time.Hour },
		"retain":       func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeDelete },
	} {
		t.Run(name, func(t *testing.T) {
			td := sample()
			change(&td.Spec)
			after := render(t, td)
			if after.Template.Digest != before.Template.Digest || *after.ConfigMap.Name != *before.ConfigMap.Name {
				t.Errorf("expected template %s and ConfigMap %s, found %s and %s",
					before.Template.Digest, *before.ConfigMap.Name, after.Template.Digest, *after.ConfigMap.Name)
			}
		})
	}
}

func TestWhatTheDaemonOrThePodDependsOnChangesTheTemplate(t *testing.T) {
	before := render(t, sample())
	for name, change := range map[string]func(*v1alpha1.TauDaemonSpec){
		"economics":   func(s *v1alpha1.TauDaemonSpec) { s.Economics.FeeBpsBuy = ptr.To(int32(1)) },
		"log level":   func(s *v1alpha1.TauDaemonSpec) { s.Log.Level = "debug" },
		"image":       func(s *v1alpha1.TauDaemonSpec) { s.Pod.Image = "registry.test/taud:2" },
		"annotations": func(s *v1alpha1.TauDaemonSpec) { s.Pod.Annotations = map[string]string{"a": "b"} },
		"resources": func(s *v1alpha1.TauDaemonSpec) {
			s.Pod.Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("1Gi")}
		},
		"report":        func(s *v1alpha1.TauDaemonSpec) { s.Report.Interval.Duration = 5 * time.Second },
		"source's seed": func(s *v1alpha1.TauDaemonSpec) { s.Oracle.Sources[3].Simulated.Seed = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			td := sample()
			change(&td.Spec)
			if after := render(t, td); after.Template.Digest == before.Template.Digest {
				t.Error("expected another template, found the same")
			}
		})
	}
}

func TestAnAnnotationOfTheUsersCannotPoseAsTheTemplateDigest(t *testing.T) {
	td := sample()
	td.Spec.Pod.Annotations = map[string]string{desired.AnnotationTemplateDigest: "forged"}
	if got := render(t, td).Template.Apply.Annotations[desired.AnnotationTemplateDigest]; got == "forged" || len(got) != 64 {
		t.Errorf("expected a digest of 64 digits, found %q", got)
	}
}

func TestConfigurationThatTheDaemonWouldRefuseIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.TauDaemonSpec)
		want   string
	}{
		"quorum above the sources": {func(s *v1alpha1.TauDaemonSpec) { s.Oracle.MinQuorum = 5 }, "min_quorum"},
		"no trade quantity":        {func(s *v1alpha1.TauDaemonSpec) { s.Economics.TradeQuantity = "0" }, "trade_qty"},
		"decimal with an exponent": {func(s *v1alpha1.TauDaemonSpec) { s.Economics.MinProfit = "1e3" }, "spec.economics.minProfit"},
		"mode Live on paper":       {func(s *v1alpha1.TauDaemonSpec) { s.Mode = v1alpha1.ModeLive }, "daemon.mode is live"},
	} {
		t.Run(name, func(t *testing.T) {
			td := sample()
			test.change(&td.Spec)
			_, err := desired.Render(td, image, tauSpecs)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("expected an error that names %s, found %v", test.want, err)
			}
		})
	}
}

func TestApprovedTemplateIsTheOneThatWasBuilt(t *testing.T) {
	td := sample()
	want := render(t, td).Template
	set, err := desired.BuildStatefulSet(td, want, 1)
	if err != nil {
		t.Fatal(err)
	}
	live := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: *set.Name, Annotations: set.Annotations}}
	got, err := desired.ApprovedTemplate(live)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest || got.ConfigMap != want.ConfigMap || got.Image != want.Image {
		t.Errorf("expected %+v, found %+v", want, got)
	}
	wantJSON, _ := json.Marshal(want.Apply)
	gotJSON, _ := json.Marshal(got.Apply)
	if string(wantJSON) != string(gotJSON) {
		t.Errorf("expected template %s, found %s", wantJSON, gotJSON)
	}
}

func TestClaimNeverShrinksAndIsOwnedOnlyWithRetainDelete(t *testing.T) {
	td := sample()
	live := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("40Gi")}}}}
	claim := desired.BuildVolumeClaim(td, live)
	if got := (*claim.Spec.Resources.Requests)[corev1.ResourceStorage]; got.String() != "40Gi" {
		t.Errorf("expected 40Gi, found %s", got.String())
	}
	td.Spec.Ledger.Volume.Size = resource.MustParse("80Gi")
	for phase, want := range map[corev1.PersistentVolumeClaimPhase]string{corev1.ClaimPending: "40Gi", corev1.ClaimBound: "80Gi"} {
		live.Status.Phase = phase
		if got := (*desired.BuildVolumeClaim(td, live).Spec.Resources.Requests)[corev1.ResourceStorage]; got.String() != want {
			t.Errorf("%s claim: expected %s, found %s", phase, want, got.String())
		}
	}
	if len(claim.OwnerReferences) != 0 {
		t.Errorf("retain Retain: expected no owner, found %v", claim.OwnerReferences)
	}
	td.Spec.Ledger.Volume.Retain = v1alpha1.VolumeDelete
	if got := desired.BuildVolumeClaim(td, nil).OwnerReferences; len(got) != 1 || *got[0].UID != td.UID {
		t.Errorf("retain Delete: expected the resource as owner, found %v", got)
	}
}

func TestRecreatedLeaseGoesOnFromTheEpochInStatus(t *testing.T) {
	td := sample()
	td.Status.Epoch = 41
	if got := *desired.BuildLease(td).Spec.LeaseTransitions; got != 41 {
		t.Errorf("expected 41, found %d", got)
	}
}
