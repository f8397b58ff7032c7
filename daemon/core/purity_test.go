package core_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// decides are the packages through which a price becomes a decision and a record, and the solver, which tells people what a decision needs.
var decides = []string{"core", "guard", "signal", "actuator", "kernel", "monitor", "fixed", "solver"}

// TestWhatDecidesIsPure reads the source of the packages that decide. What it can't see: a write to a package's variable through a copy of a
// slice, map or pointer in it. What they import is held by the architecture test.
func TestWhatDecidesIsPure(t *testing.T) {
	var paths []string
	for _, name := range decides {
		paths = append(paths, "github.com/taudaemon/taudaemon/daemon/"+name)
	}
	imp := compiled(t, paths...)
	for i, name := range decides {
		var files []string
		entries, err := os.ReadDir(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
				files = append(files, filepath.Join("..", name, e.Name()))
			}
		}
		if len(files) < 2 {
			t.Fatalf("expected the source of %s, found %v", name, files)
		}
		for _, finding := range impurities(t, imp, paths[i], files, nil) {
			t.Error(finding)
		}
	}
}

// TestImpuritiesAreFound: the test above could fail. Each source breaks one rule and no other.
func TestImpuritiesAreFound(t *testing.T) {
	imp := compiled(t, "time", "math", "maps", "slices", "sync")
	for _, c := range []struct{ name, src, want string }{
		{"nothing wrong", `import "slices"
			type state struct{ n int64; m map[string]int64 }
			var names = []string{"a", "b"}
			func f(s state) (sum int64) {
				local := s
				local.n++
				for i := range names { sum += int64(i) }
				for _, v := range slices.Sorted(slices.Values([]int64{2, 1})) { sum += v }
				return sum + local.m["a"] + 7/2
			}`, ""},
		{"a type of floats", `type price float64`, "float64"},
		{"a field of float32", `type t struct{ x float32 }`, "float32"},
		{"a complex number", `var c complex128`, "complex128"},
		{"a literal with a point", `const half = 0.5`, "float"},
		{"a float that nobody names", `import "math"
			func f(n int64) int64 { return int64(math.Sqrt(4)) }`, "float64"},
		{"a conversion by way of a float", `func f(n int64) int64 { return int64(float64(n)) }`, "float64"},
		{"a goroutine", `func f() { go f() }`, "go statement"},
		{"a channel's type", `func f(c <-chan int) {}`, "channel"},
		{"a made channel", `func f() { _ = make(chan int) }`, "channel"},
		{"a select", `func f() { select {} }`, "select"},
		{"an order of a map", `func f(m map[string]int) { for range m {} }`, "range over a map"},
		{"an order of a map with a name", `type set map[string]bool
			func f(s set) { for k := range s { _ = k } }`, "range over a map"},
		{"an order of a map as a sequence", `import "maps"
			func f(m map[string]int) { for range maps.Keys(m) {} }`, "maps.Keys"},
		{"the clock", `import "time"
			func f() int64 { return time.Now().UnixMilli() }`, "time.Now"},
		{"the clock by another name", `import clock "time"
			var now = clock.Now`, "time.Now"},
		{"a lock", `import "sync"
			func f(m *sync.Mutex) {}`, "sync.Mutex"},
		{"a counter of the package", `var n int
			func f() { n++ }`, "write to n"},
		{"a memory of the package", `var last struct{ tick int }
			func f() { last.tick = 1 }`, "write to last"},
		{"an entry of the package's map", `var cache = map[string]int{}
			func f() { cache["a"] = 1 }`, "write to cache"},
		{"an element of the package's list", `var list [3]int
			func f() { (&list)[0] += 1 }`, "write to list"},
		{"a loop that counts in the package's variable", `var i int
			func f() { for i = range 3 {} }`, "write to i"},
		{"the address of the package's variable", `var n int
			func f() *int { return &n }`, "write to n"},
		{"a method that changes the package's variable", `type counter int
			func (c *counter) add() { *c++ }
			var n counter
			func f() { n.add() }`, "write to n"},
		{"a package's map that is emptied", `var cache = map[string]int{}
			func f() { clear(cache) }`, "write to cache"},
		{"what runs before main", `var n int
			func init() { n = 1 }`, "write to n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := impurities(t, imp, "p", []string{"bad.go"}, "package p\n"+c.src)
			if c.want == "" && len(found) > 0 {
				t.Fatalf("expected nothing, found %q", found)
			}
			if c.want == "" {
				return
			}
			if len(found) == 0 {
				t.Fatalf("expected %q, found nothing", c.want)
			}
			for _, f := range found {
				if !strings.Contains(f, c.want) {
					t.Errorf("expected only %q, found %q", c.want, f)
				}
			}
		})
	}
}

// impurities names what makes two runs differ, or a number inexact, in the files (or in src, as if it were the only file), each with its place.
func impurities(t *testing.T, imp types.Importer, path string, files []string, src any) []string {
	t.Helper()
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	c := &checker{info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	conf := types.Config{Importer: imp}
	pkg, err := conf.Check(path, fset, parsed, c.info)
	if err != nil {
		t.Fatal(err)
	}
	c.global = pkg.Scope()
	c.note = func(at ast.Node, what string) {
		c.found = append(c.found, fmt.Sprintf("%s: %s", fset.Position(at.Pos()), what))
	}
	for _, f := range parsed {
		ast.Inspect(f, c.visit)
	}
	slices.Sort(c.found)
	return slices.Compact(c.found)
}

type checker struct {
	info   *types.Info
	global *types.Scope
	note   func(ast.Node, string)
	found  []string
}

func (c *checker) visit(n ast.Node) bool {
	if e, ok := n.(ast.Expr); ok {
		c.inexact(e)
	}
	switch n := n.(type) {
	case *ast.GoStmt:
		c.note(n, "go statement")
	case *ast.SelectStmt:
		c.note(n, "select")
	case *ast.ChanType:
		c.note(n, "channel")
	case *ast.RangeStmt:
		if _, isMap := c.info.TypeOf(n.X).Underlying().(*types.Map); isMap {
			c.note(n, "range over a map")
		}
		if n.Tok == token.ASSIGN {
			c.written(n.Key)
			c.written(n.Value)
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, l := range n.Lhs {
				c.written(l)
			}
		}
	case *ast.IncDecStmt:
		c.written(n.X)
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			c.written(n.X)
		}
	case *ast.CallExpr:
		c.call(n)
	case *ast.Ident:
		c.foreign(n)
	}
	return true
}

// inexact notes an expression, a type or a constant of a float's or a complex number's kind.
func (c *checker) inexact(e ast.Expr) {
	tv, ok := c.info.Types[e]
	if !ok || tv.Type == nil {
		return
	}
	if b, ok := tv.Type.Underlying().(*types.Basic); ok && b.Info()&(types.IsFloat|types.IsComplex) != 0 {
		c.note(e, b.Name())
	}
}

// call notes a call that changes a package's variable: by clear, delete or copy, or by a method with a pointer receiver.
func (c *checker) call(n *ast.CallExpr) {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		if _, builtin := c.info.Uses[f].(*types.Builtin); builtin && slices.Contains([]string{"clear", "delete", "copy"}, f.Name) {
			c.written(n.Args[0])
		}
	case *ast.SelectorExpr:
		s := c.info.Selections[f]
		if s == nil || s.Kind() != types.MethodVal {
			return
		}
		_, byPointer := s.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer)
		_, isPointer := s.Recv().(*types.Pointer)
		if byPointer && !isPointer {
			c.written(f.X)
		}
	}
}

// foreign notes what other packages offer against the rules.
func (c *checker) foreign(id *ast.Ident) {
	o := c.info.Uses[id]
	if o == nil || o.Pkg() == nil {
		return
	}
	switch o.Pkg().Path() {
	case "time", "sync", "sync/atomic", "maps", "reflect", "unsafe", "math/rand", "math/rand/v2", "crypto/rand":
		if _, name := o.(*types.PkgName); !name && o.Parent() == o.Pkg().Scope() {
			c.note(id, o.Pkg().Name()+"."+o.Name())
		}
	}
}

// written notes a variable of the package that is changed, or may be, at any place but its declaration.
func (c *checker) written(e ast.Expr) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.UnaryExpr:
			e = x.X
		case *ast.Ident:
			if v, ok := c.info.ObjectOf(x).(*types.Var); ok && v.Parent() == c.global {
				c.note(x, "write to "+x.Name)
			}
			return
		default:
			return
		}
	}
}

// compiled imports packages from what the go tool has compiled of them.
func compiled(t *testing.T, paths ...string) types.Importer {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}"}, paths...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		}
		return os.Open(exports[path])
	})
}
