package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
)

// TestCodesAreAllThatAreDeclared: tables over core.Codes would else leave a new one out.
func TestCodesAreAllThatAreDeclared(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "anomaly.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []core.Code
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Code" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil || text != v.Names[0].Name {
				t.Errorf("%s is %q, %v", v.Names[0].Name, text, err)
			}
			declared = append(declared, core.Code(text))
		}
		return true
	})
	if len(declared) < 20 || !slices.Equal(declared, core.Codes()) {
		t.Fatalf("declared %v\nlisted   %v", declared, core.Codes())
	}
}
