package desired_test

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/specs"
)

// own is a user's ConfigMap.
func own(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "my-specs"}, Data: data}
}

// longHold is a kernel that is not the bundled one.
func longHold(t *testing.T) string {
	t.Helper()
	text, err := specs.FS.ReadFile(specs.KernelLongHold)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// supporting are the eight bundled supporting specs, each with a comment of the user's.
func supporting() map[string]string {
	set := map[string]string{}
	for _, file := range specs.Supporting {
		set[file] = specs.Bundled()[file] + "# mine\n"
	}
	return set
}

func TestUsersSpecsTakeThePlaceOfTheBundledOnes(t *testing.T) {
	all := supporting()
	all["kernel.tau"] = longHold(t)
	for name, test := range map[string]struct {
		data   map[string]string
		kernel string
	}{
		"the kernel alone":     {map[string]string{"kernel.tau": longHold(t)}, "/etc/taud/kernel.tau"},
		"the eight supporting": {supporting(), "/etc/taud/v35_integrated.tau"},
		"all nine":             {all, "/etc/taud/kernel.tau"},
	} {
		t.Run(name, func(t *testing.T) {
			want := specs.Bundled()
			maps.Copy(want, test.data)
			if _, found := test.data["kernel.tau"]; found {
				delete(want, "v35_integrated.tau")
			}
			set, err := desired.ReplaceSpecs(specs.Bundled(), own(test.data))
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(set, want) || len(set) != 9 {
				t.Errorf("expected the files %v, found %v", keys(want), keys(set))
			}
			agent, err := desired.Render(sample(), image, set)
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range want {
				if agent.ConfigMap.Data[file] != text {
					t.Errorf("%s: expected the text that was given, found %q", file, agent.ConfigMap.Data[file])
				}
			}
			if got := agent.Config.Paths.KernelSpec; got != test.kernel {
				t.Errorf("kernel: expected %s, found %s", test.kernel, got)
			}
			if bundled, _ := desired.Render(sample(), image, specs.Bundled()); bundled.Template.Digest == agent.Template.Digest {
				t.Error("expected another template than with the bundled specs, found the same")
			}
		})
	}
}

func TestUsersSpecsThatTheDaemonCouldNotRunAreRefusedWithTheirPlace(t *testing.T) {
	kernel := func(old, replacement string) map[string]string {
		text := specs.Bundled()["v35_integrated.tau"]
		if !strings.Contains(text, old) {
			t.Fatalf("the kernel has no %q", old)
		}
		return map[string]string{"kernel.tau": strings.Replace(text, old, replacement, 1)}
	}
	some := supporting()
	delete(some, "03_failure_echo_kill_switch.tau")
	swapped := supporting()
	swapped["07_entry_adapter.tau"] = swapped["08_exit_adapter.tau"]
	for name, test := range map[string]struct {
		cm   *corev1.ConfigMap
		want []string
	}{
		"no key":                 {own(nil), []string{"ConfigMap my-specs", "found no key"}},
		"a key that is no spec":  {own(map[string]string{"taud.toml": "x"}), []string{"key taud.toml: expected kernel.tau, or a file name from 01_profit_witness.tau to 08_exit_adapter.tau"}},
		"the bundled one's name": {own(map[string]string{"v35_integrated.tau": "x"}), []string{"key v35_integrated.tau: expected kernel.tau"}},
		"bytes":                  {&corev1.ConfigMap{BinaryData: map[string][]byte{"kernel.tau": {1}}}, []string{"key kernel.tau: expected text under data"}},
		"seven of eight":         {own(some), []string{"expected all eight supporting specs or none", "missing: 03_failure_echo_kill_switch.tau"}},
		"no Tau":                 {own(map[string]string{"kernel.tau": "# mine\n\nhello 1 .\n"}), []string{"my-specs/kernel.tau:3:"}},
		"an empty file":          {own(map[string]string{"kernel.tau": ""}), []string{"my-specs/kernel.tau:1:"}},
		"an output without an equation": {own(kernel(`obuy_signal       : sbf := out file("buy_signal.out").`, `obuy_signal       : sbf := out file("buy_signal.out").`+"\n"+`oextra : sbf := out file("x.out").`)),
			[]string{"my-specs/kernel.tau:", "oextra"}},
		"a stream of another name": {own(kernel(`file("buy_signal.out")`, `file("buy.out")`)), []string{"my-specs/kernel.tau has not the streams", "no output stream writes buy_signal.out"}},
		"an input too many":        {own(kernel(`iprice        : sbf := in file("price.in").`, `iprice        : sbf := in file("cost.in").`)), []string{`reads "cost.in"`, "no input stream reads price.in"}},
		"a spec under another's name": {own(swapped), []string{
			"my-specs/07_entry_adapter.tau has not the streams", "no output stream writes trend.out"}},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := desired.ReplaceSpecs(specs.Bundled(), test.cm)
			if err == nil {
				t.Fatalf("expected a refusal with %q, found the files %v", test.want, keys(set))
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("expected a refusal with %q, found %v", want, err)
				}
			}
		})
	}
}

func TestEveryFaultOfTheUsersSpecsIsNamedAtOnce(t *testing.T) {
	_, err := desired.ReplaceSpecs(specs.Bundled(), own(map[string]string{"kernel.tau": "no 1 .\n", "a": "", "02_freshness_witness.tau": "no 1 .\n"}))
	if err == nil {
		t.Fatal("expected a refusal, found none")
	}
	for _, want := range []string{"my-specs/kernel.tau:1:", "my-specs/02_freshness_witness.tau:1:", "key a:", "missing: 01_profit_witness.tau, 03_"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
}

func keys(set map[string]string) string {
	var list []string
	for file := range set {
		list = append(list, file)
	}
	return strings.Join(list, " ")
}
