package ledger

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// docs/verify.py was written from doc.go alone: that it agrees shows that the text is enough for an auditor.
func TestTheAuditorsPageOfPythonAgrees(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: docs/verify.py is not run here")
	}
	// The name may be a script's that looks for the interpreter: it is asked once.
	real, err := exec.Command(python, "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	python = strings.TrimSpace(string(real))
	run := func(args ...string) (string, int) {
		cmd := exec.Command(python, append([]string{"-S", filepath.Join("..", "..", "docs", "verify.py")}, args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
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

	if _, err := exec.LookPath("zstd"); err != nil {
		t.Log("zstd is not installed: sealed segments are not tried")
		return
	}
	sealed := t.TempDir()
	head = buildSealed(t, sealed, 60, 2000)
	want := fmt.Sprintf("size %d\nhead %s\nroot %s\n", head.Size, head.Leaf, head.Root)
	if out, code := run(sealed); out != want || code != 0 {
		t.Errorf("sealed: expected\n%sfound (exit code %d)\n%s", want, code, out)
	}
	good = contents(t, sealed)
	for name, content := range good {
		if !strings.HasSuffix(name, packedSuffix) && name != checkpointName {
			continue
		}
		files := maps.Clone(good)
		at := len(content) / 2
		if name == checkpointName {
			at = strings.Index(content, "\n60\n") + 5 // in the root; a signature is for us
		}
		files[name] = content[:at] + string(content[at]^2) + content[at+1:]
		if out, code := run(place(t, files)); code != 1 {
			t.Errorf("a changed byte in %s: exit code %d, %s", name, code, out)
		}
	}
}
