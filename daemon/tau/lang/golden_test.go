package lang_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestErrorsReadAsRecorded compares the findings about testdata/errors/*.tau with the .txt beside each: what a user
// sees, with place and caret.
func TestErrorsReadAsRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.tau")
	if err != nil || len(files) == 0 {
		t.Fatalf("expected specs in testdata/errors, found %d: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tau"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = lang.Load(filepath.Base(file), src)
			if err == nil {
				t.Fatal("expected the spec to be refused, it was accepted")
			}
			golden(t, strings.TrimSuffix(file, ".tau")+".txt", err.Error()+"\n")
		})
	}
}

// TestCanonicalFormIsAsRecorded compares how testdata/cases/*/spec.tau prints with printed.tau beside it.
func TestCanonicalFormIsAsRecorded(t *testing.T) {
	files, _ := filepath.Glob("testdata/cases/*/spec.tau")
	if len(files) == 0 {
		t.Fatal("expected specs in testdata/cases, found none")
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := lang.Parse(file, src)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(filepath.Dir(file), "printed.tau"), s.String())
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\nexpected\n%s\nfound\n%s", file, want, got)
	}
}
