package daemon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/taudaemon/taudaemon/"

// mayImport says for each folder what of this project its packages may import directly; what lies in the folder itself they may in any case.
// "x/..." is x and all below it. The row of the longest matching folder counts. A package without a row fails the test: put it where its
// dependencies point downward.
var mayImport = map[string][]string{
	"api":   nil,
	"specs": nil,

	"daemon":               nil,
	"daemon/fixed":         nil,
	"daemon/ledger":        nil,
	"daemon/logging":       nil,
	"daemon/tau/lang":      nil,
	"daemon/tau":           nil,
	"daemon/guard":         {"daemon/fixed"},
	"daemon/solver":        {"daemon/fixed", "daemon/guard"},
	"daemon/signal":        {"daemon/fixed"},
	"daemon/actuator":      {"daemon/fixed"},
	"daemon/config":        {"daemon/fixed", "daemon/tau/lang"},
	"daemon/kernel":        {"daemon/tau"},
	"daemon/monitor":       {"daemon/tau"},
	"daemon/core":          {"daemon/actuator", "daemon/fixed", "daemon/guard", "daemon/kernel", "daemon/monitor", "daemon/signal"},
	"daemon/oracle/moment": nil,
	"daemon/oracle/series": {"daemon/fixed", "daemon/oracle/moment"},
	"daemon/oracle/remote": {"daemon/guard"},
	"daemon/oracle":        {"daemon/config", "daemon/evm", "daemon/fixed", "daemon/guard"},
	// The prover runs core and the specs against an environment of its own; nothing that trades imports it.
	"daemon/prove":        {"daemon/core", "daemon/fixed", "daemon/guard", "daemon/kernel", "daemon/monitor", "daemon/signal", "daemon/tau"},
	"daemon/venue":        {"daemon/core", "daemon/fixed"},
	"daemon/venue/paper":  {"daemon/config", "daemon/core", "daemon/fixed", "daemon/venue"},
	"daemon/venue/kraken": {"daemon/config", "daemon/core", "daemon/fixed", "daemon/venue"},
	"daemon/command":      nil,
	// JSON-RPC and amounts: for the sources and the venue on EVM chains, which alone know go-ethereum.
	"daemon/evm":             {"daemon/fixed"},
	"daemon/venue/uniswapv2": {"daemon/core", "daemon/evm", "daemon/fixed", "daemon/venue"},
	// Of api, the report's wire type.
	"daemon/report": {"api/v1alpha1"},
	// The loop knows the venue's interface and is given its sources: it imports no implementation of either.
	"daemon/loop": {
		"api/v1alpha1", "daemon/command", "daemon/config", "daemon/core", "daemon/fixed", "daemon/guard", "daemon/kernel", "daemon/ledger",
		"daemon/monitor", "daemon/report/...", "daemon/solver", "daemon/tau/...", "daemon/venue",
	},
	// A backtest is the loop with a recording in place of the sources, so it may know the loop, and of venues the one that is no market.
	"daemon/backtest": {
		"daemon/config", "daemon/core", "daemon/fixed", "daemon/guard", "daemon/ledger", "daemon/loop", "daemon/monitor", "daemon/report/lease",
		"daemon/venue", "daemon/venue/paper",
	},
	"daemon/cmd/taud": {"api/v1alpha1", "daemon/...", "specs"},

	// The operator judges a config and a spec before a pod is touched; nothing else of the daemon is its business. A user's spec is good when the
	// language accepts it and its streams are those that the kernel (or a monitor) is bound by: both packages are pure.
	"controllers":             {"api/v1alpha1/...", "daemon/config", "daemon/fixed", "daemon/kernel", "daemon/monitor", "daemon/tau", "daemon/tau/lang"},
	"controllers/cmd/manager": {"api/v1alpha1", "controllers/...", "specs"},

	"hack": {"api/...", "controllers/...", "daemon/...", "specs"},
}

// pure are core and the packages that it is made of, with what each may import of the standard library. None of these reads a clock, a file, the
// network, a random number or the environment, or runs anything beside.
var (
	pure = []string{
		"daemon/actuator", "daemon/core", "daemon/fixed", "daemon/guard", "daemon/kernel", "daemon/monitor", "daemon/signal", "daemon/solver", "daemon/tau",
		"daemon/tau/lang",
	}
	pureStandard = []string{
		"bytes", "cmp", "encoding/json", "errors", "fmt", "math", "math/bits", "path", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8",
	}
	// An engine is given a deadline, and names its spec by a digest. The solver bounds its search by products that no machine word holds.
	alsoStandard = map[string][]string{"daemon/tau": {"context", "crypto/sha256", "encoding/hex"}, "daemon/solver": {"math/big"}}
)

// notLinkedInto are libraries that a binary must not carry, by the folder of its main.
var notLinkedInto = map[string][]string{
	// The daemon has one Lease to watch: no cache, no typed clients of all groups, nothing that could list.
	"daemon/cmd/taud": {
		"sigs.k8s.io/controller-runtime", "k8s.io/client-go/kubernetes", "k8s.io/client-go/informers", "k8s.io/client-go/listers", "k8s.io/client-go/tools/cache",
		"k8s.io/client-go/dynamic", "k8s.io/api/apps",
	},
	// The operator cannot trade.
	"controllers/cmd/manager": {"github.com/ethereum/go-ethereum", module + "daemon/core", module + "daemon/venue", module + "daemon/ledger", module + "daemon/oracle", module + "daemon/loop"},
}

// pkg is a package and what it imports, by import path.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestDependenciesPointDownward(t *testing.T) {
	for _, finding := range slices.Sorted(slices.Values(misplaced(list(t)))) {
		t.Error(finding)
	}
}

func TestThePureCoreImportsNothingThatCouldTellTwoRunsApart(t *testing.T) {
	for _, finding := range impure(list(t)) {
		t.Error(finding)
	}
}

func TestBinariesDoNotCarryWhatTheyMustNotUse(t *testing.T) {
	for _, finding := range overlinked(list(t)) {
		t.Error(finding)
	}
}

// TestWhatIsWrongIsFound breaks each rule in a graph of its own: the tests above could fail.
func TestWhatIsWrongIsFound(t *testing.T) {
	graph := func(edges ...string) map[string]pkg {
		pkgs := map[string]pkg{}
		for _, e := range edges {
			from, to, _ := strings.Cut(e, " -> ")
			p := pkgs[from]
			p.ImportPath, p.Imports = from, append(p.Imports, to)
			pkgs[from] = p
			if _, ok := pkgs[to]; !ok {
				pkgs[to] = pkg{ImportPath: to, Standard: !strings.Contains(to, ".")}
			}
		}
		return pkgs
	}
	for _, c := range []struct {
		name  string
		rule  func(map[string]pkg) []string
		graph map[string]pkg
		want  string
	}{
		{"money knows nobody", misplaced, graph(module + "daemon/fixed -> " + module + "daemon/guard"), "daemon/fixed imports daemon/guard"},
		{"core does no I/O", misplaced, graph(module + "daemon/core -> " + module + "daemon/ledger"), "daemon/core imports daemon/ledger"},
		{"the loop knows no venue by name", misplaced, graph(module + "daemon/loop -> " + module + "daemon/venue/paper"), "daemon/loop imports daemon/venue/paper"},
		{"the operator does not trade", misplaced, graph(module + "controllers/desired -> " + module + "daemon/core"), "controllers/desired imports daemon/core"},
		{"only the report speaks the wire type", misplaced, graph(module + "daemon/oracle/http -> " + module + "api/v1alpha1"), "daemon/oracle/http imports api/v1alpha1"},
		{"a folder that nobody placed", misplaced, graph(module + "daemon/new -> fmt"), "daemon/new has no row"},
		{"core reads no clock", impure, graph(module + "daemon/core -> time"), "daemon/core imports time"},
		{"a guard draws no lots", impure, graph(module + "daemon/guard -> math/rand/v2"), "daemon/guard imports math/rand/v2"},
		{"the language takes nobody's library", impure, graph(module + "daemon/tau/lang -> example.org/parser"), "daemon/tau/lang imports example.org/parser"},
		{"only the engine has a context", impure, graph(module + "daemon/core -> context"), "daemon/core imports context"},
		{"the daemon carries no informer, however deep", overlinked,
			graph(module+"daemon/cmd/taud -> example.org/a", "example.org/a -> k8s.io/client-go/tools/cache"), "daemon/cmd/taud links k8s.io/client-go/tools/cache"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if found := c.rule(c.graph); !slices.ContainsFunc(found, func(s string) bool { return strings.HasPrefix(s, c.want) }) {
				t.Fatalf("expected %q, found %q", c.want, found)
			}
		})
	}
}

// TestEveryRowIsOfAFolderThatIsThere: a row of a folder that was renamed would guard nothing.
func TestEveryRowIsOfAFolderThatIsThere(t *testing.T) {
	pkgs := list(t)
	there := func(folder string) bool {
		for path := range pkgs {
			if within(strings.TrimPrefix(path, module), folder) {
				return true
			}
		}
		return false
	}
	rows := slices.Clone(pure)
	for folder, allowed := range mayImport {
		rows = append(rows, folder)
		for _, a := range allowed {
			rows = append(rows, strings.TrimSuffix(a, "/..."))
		}
	}
	for folder := range notLinkedInto {
		rows = append(rows, folder)
	}
	for _, folder := range rows {
		if !there(folder) {
			t.Errorf("%s: no package there", folder)
		}
	}
}

// misplaced names every import of this project's own packages that mayImport does not allow.
func misplaced(pkgs map[string]pkg) (found []string) {
	for path, p := range pkgs {
		from, ours := strings.CutPrefix(path, module)
		if !ours {
			continue
		}
		row, ok := rowOf(from)
		if !ok {
			found = append(found, from+" has no row in mayImport: expected one that says what it may import")
			continue
		}
		for _, i := range p.Imports {
			to, ours := strings.CutPrefix(i, module)
			if ours && !within(to, row) && !slices.ContainsFunc(mayImport[row], func(a string) bool { return allows(a, to) }) {
				found = append(found, fmt.Sprintf("%s imports %s: expected no more than %v", from, to, mayImport[row]))
			}
		}
	}
	return found
}

func impure(pkgs map[string]pkg) (found []string) {
	for _, from := range pure {
		allowed := slices.Concat(pureStandard, alsoStandard[from])
		for _, to := range pkgs[module+from].Imports {
			if !strings.HasPrefix(to, module) && !slices.Contains(allowed, to) {
				found = append(found, fmt.Sprintf("%s imports %s: expected no more than %v", from, to, allowed))
			}
		}
	}
	return found
}

func overlinked(pkgs map[string]pkg) (found []string) {
	for main, forbidden := range notLinkedInto {
		linked := map[string]bool{}
		var link func(path, by string)
		link = func(path, by string) {
			if linked[path] {
				return
			}
			linked[path] = true
			for _, f := range forbidden {
				if within(path, f) {
					found = append(found, fmt.Sprintf("%s links %s, through %s", main, path, by))
				}
			}
			for _, i := range pkgs[path].Imports {
				link(i, path)
			}
		}
		link(module+main, "itself")
	}
	return found
}

// rowOf is the longest folder of mayImport that holds the package.
func rowOf(path string) (row string, ok bool) {
	for folder := range mayImport {
		// The map of the folders is no place for packages without a row of their own.
		if folder == "daemon" && path != folder {
			continue
		}
		if within(path, folder) && len(folder) >= len(row) {
			row, ok = folder, true
		}
	}
	return row, ok
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func allows(pattern, path string) bool {
	if folder, tree := strings.CutSuffix(pattern, "/..."); tree {
		return within(path, folder)
	}
	return path == pattern
}

// list asks the go tool for every package of the module and all that they depend on, tests aside.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	touch(t)
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	pkgs := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
	if _, ok := pkgs[module+"daemon/core"]; !ok {
		t.Fatalf("expected %sdaemon/core among the %d packages of the module, found it not", module, len(pkgs))
	}
	return pkgs
}

// touch reads the folders of the source, so that go test does not answer from its cache when a file changes that only the go tool reads.
func touch(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"api", "controllers", "daemon", "hack", "specs"} {
		if err := filepath.WalkDir(filepath.Join("..", folder), func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
	}
}
