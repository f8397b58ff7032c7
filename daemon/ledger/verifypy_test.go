package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python is the interpreter, or the test is skipped.
func python(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: docs/verify.py is not run here")
	}
	// The name may be a script's that looks for the interpreter: it is asked once.
	real, err := exec.Command(name, "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(real))
}

// verifyPy runs docs/verify.py, and returns what it prints and its exit code.
func verifyPy(t *testing.T) func(args ...string) (string, int) {
	t.Helper()
	// One process for many runs: to start one takes longer than to verify.
	const driver = `
import contextlib, io, json, runpy, sys
main = runpy.run_path(sys.argv[1])["main"]
for line in sys.stdin:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(json.loads(line))
    print(json.dumps([code, out.getvalue()]), flush=True)
`
	cmd := exec.Command(python(t), "-SB", "-c", driver, filepath.Join("..", "..", "docs", "verify.py"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	answers := json.NewDecoder(out)
	return func(args ...string) (text string, code int) {
		if err := json.NewEncoder(in).Encode(args); err != nil {
			t.Fatal(err)
		}
		if err := answers.Decode(&[]any{&code, &text}); err != nil {
			t.Fatal(err)
		}
		return text, code
	}
}

func TestTheAuditorsPageEndsWithItsExitCode(t *testing.T) {
	interpreter := python(t)
	whole := t.TempDir()
	head := build(t, whole, 10, 2000)
	files := contents(t, whole)
	files[segmentName(0)] = strings.Replace(files[segmentName(0)], "4242", "4243", 1)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{{[]string{whole}, 0, said(head)}, {[]string{place(t, files)}, 1, "WRONG: "}, {[]string{t.TempDir()}, 2, "cannot tell: "}, {nil, 2, "usage: "}, {[]string{whole, "x"}, 2, "usage: "}} {
		cmd := exec.Command(interpreter, append([]string{"-SB", filepath.Join("..", "..", "docs", "verify.py")}, c.args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: expected exit code %d and %q, found %d, %s", c.args, c.code, c.want, code, out)
		}
	}
}

// docs/verify.py was written from doc.go alone: that it agrees shows that the text is enough for an auditor.
func TestTheAuditorsPageOfPythonAgrees(t *testing.T) {
	run := verifyPy(t)
	dir := t.TempDir()
	head := build(t, dir, 40, 2000)
	good := contents(t, dir)
	for _, size := range []uint64{0, 1, 2, 7, 39, 40} {
		result, err := Verify(dir, VerifyOptions{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		args := []string{dir}
		if size > 0 {
			args = append(args, fmt.Sprint(size))
		}
		want := fmt.Sprintf("size %d\nhead %s\nroot %s\n", result.Head.Size, result.Head.Leaf, result.Head.Root)
		if out, code := run(args...); out != want || code != 0 {
			t.Errorf("size %d: expected\n%sfound (exit code %d)\n%s", size, want, code, out)
		}
	}

	names := segmentNames(t, dir)
	damages := map[string]func(map[string]string){
		"a price changed":      func(f map[string]string) { f[names[1]] = strings.Replace(f[names[1]], "4242", "4243", 1) },
		"a kind changed":       func(f map[string]string) { f[names[1]] = strings.Replace(f[names[1]], "tick", "boot", 1) },
		"a segment missing":    func(f map[string]string) { delete(f, names[1]) },
		"a sealed segment cut": func(f map[string]string) { f[names[1]] = f[names[1]][:99] },
		"a body name twice":    func(f map[string]string) { f[names[0]] = strings.Replace(f[names[0]], `"price"`, `"tick"`, 1) },
		"whitespace":           func(f map[string]string) { f[names[0]] = strings.Replace(f[names[0]], `"price":`, `"price": `, 1) },
	}
	for name, damage := range damages {
		files := maps.Clone(good)
		damage(files)
		refused(t, files, Head{})
		if out, code := run(place(t, files)); code != 1 || !strings.HasPrefix(out, "WRONG: ") {
			t.Errorf("%s: exit code %d, %s", name, code, out)
		}
	}
	if out, code := run(dir, "41"); code != 1 {
		t.Errorf("a size the ledger does not have: exit code %d, %s", code, out)
	}
	if out, code := run(t.TempDir()); code != 2 {
		t.Errorf("an empty folder: exit code %d, %s", code, out)
	}

	last := filepath.Join(dir, names[len(names)-1])
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, `{"v":1,"seq":40,"pr`)
	f.Close()
	if out, code := run(dir); code != 0 || !strings.Contains(out, "torn tail: 19 bytes") || !strings.Contains(out, head.Root.String()) {
		t.Errorf("a torn tail: exit code %d, %s", code, out)
	}
}

// withoutZstd skips where docs/verify.py can't unpack.
func withoutZstd(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Skip("the program zstd is not installed: docs/verify.py reads no sealed segments here")
	}
}

// said is what docs/verify.py prints of a good ledger.
func said(h Head) string { return fmt.Sprintf("size %d\nhead %s\nroot %s\n", h.Size, h.Leaf, h.Root) }

func TestTheAuditorsPageReadsSealedAndPrunedLedgersAndRefusesEveryChangedFile(t *testing.T) {
	run := verifyPy(t)
	withoutZstd(t)
	for _, prune := range []bool{false, true} {
		dir := fastDir(t)
		head := buildSealed(t, dir, 60, 2000)
		want := said(head)
		if prune {
			l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
			done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: stateAt(t, l, 55)})
			if err = errors.Join(err, l.Close()); err != nil || done.Segments < 2 {
				t.Fatalf("%+v, %v", done, err)
			}
		}
		result, err := Verify(dir, VerifyOptions{})
		if err != nil || result.Head != head || result.Pruned > 0 != prune {
			t.Fatalf("%+v, %v", result, err)
		}
		for _, args := range [][]string{{dir}, {dir, "60"}, {dir, "--key", result.Key}, {dir, "--key", filepath.Join(dir, publicName)}} {
			if out, code := run(args...); !strings.HasSuffix(out, want) || strings.Contains(out, "pruned: records") != prune || code != 0 {
				t.Errorf("pruned %t, %q: expected\n%sfound (exit code %d)\n%s", prune, args[1:], want, code, out)
			}
		}
		other := fastDir(t)
		buildSealed(t, other, 20, 2000)
		if out, code := run(dir, "--key", filepath.Join(other, publicName)); code != 1 {
			t.Errorf("under another ledger's key: exit code %d, %s", code, out)
		}
		good := contents(t, dir)
		for name, content := range good {
			if name == keyName || name == lockName || name == reserveName || name == rotationName || name == nextKeyName {
				continue
			}
			for _, damage := range []struct {
				what string
				do   func(map[string]string)
			}{
				{"a byte changed", func(f map[string]string) {
					at := len(content) / 2
					f[name] = content[:at] + string(content[at]^2) + content[at+1:]
				}},
				{"it is gone", func(f map[string]string) { delete(f, name) }},
				{"its end is gone", func(f map[string]string) { f[name] = content[:len(content)-len(content)/3] }},
			} {
				first, suffix, _ := parseName(name)
				harmless := damage.what == "it is gone" && suffix == treeSuffix && good[packedName(first)] != ""
				if damage.what == "its end is gone" && suffix == segmentSuffix && strings.HasSuffix(content[:len(content)-len(content)/3], "\n") {
					continue
				}
				files := maps.Clone(good)
				damage.do(files)
				if out, code := run(place(t, files)); (code == 0) != harmless {
					t.Errorf("pruned %t, %s: %s: exit code %d, %s", prune, name, damage.what, code, out)
				}
			}
		}
	}
}

func TestTheAuditorsPageReadsExportsAndRefusesEveryChangedFile(t *testing.T) {
	run := verifyPy(t)
	for _, c := range []struct {
		records int
		anchor  uint64
	}{{1, 0}, {256, 0}, {700, 0}, {1500, 600}, {66_000, 0}} {
		dir, out := fastDir(t), filepath.Join(fastDir(t), "tiles")
		head := buildSealed(t, dir, c.records, 20_000)
		if c.anchor > 0 {
			l, _ := open(t, dir, Options{SegmentBytes: 20_000, sealing: sealInLine})
			_, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1_000_000, Anchor: stateAt(t, l, c.anchor)})
			if err = errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
		}
		x, err := Export(dir, out, nil)
		if err != nil || x.Checkpoint.Size != head.Size || x.From > 0 != (c.anchor > 0) {
			t.Fatalf("%+v, %v", x, err)
		}
		if said, code := run(out, "--key", filepath.Join(dir, publicName)); !strings.HasSuffix(said, fmt.Sprintf("root %s\n", head.Root)) || code != 0 ||
			strings.Contains(said, fmt.Sprintf("pruned: records 0 to %d are not", x.From-1)) != (x.From > 0) {
			t.Errorf("%d records, from %d on: exit code %d, %s", c.records, x.From, code, said)
		}
		if c.records > 10_000 {
			continue
		}
		files := 0
		err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			good, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for at := range 3 {
				bad := bytes.Clone(good)
				bad[len(bad)*(2*at+1)/6] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					return err
				}
				if said, code := run(out); code != 1 {
					t.Errorf("%d records, a bit flipped in %s: exit code %d, %s", c.records, path, code, said)
				}
			}
			files++
			return os.WriteFile(path, good, 0o600)
		})
		if err != nil || files == 0 {
			t.Fatal(files, err)
		}
		if said, code := run(out); code != 0 {
			t.Errorf("with all put back: exit code %d, %s", code, said)
		}
	}
}
