package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// contents returns every file of a folder but the lock.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		if e.Name() == lockName {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// place writes files into a new folder.
func place(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := fastDir(t)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// refused checks that Verify and Open both find the damage, say the same, and leave every file as it was.
func refused(t testing.TB, files map[string]string, known Head) *CorruptionError {
	t.Helper()
	dir := place(t, files)
	_, verifyErr := Verify(dir, VerifyOptions{Known: known})
	_, _, openErr := Open(dir, Options{Known: known, sealing: sealNever})
	var damage, other *CorruptionError
	if !errors.As(verifyErr, &damage) || !errors.As(openErr, &other) {
		t.Fatalf("expected a CorruptionError of both, Verify said %v, Open said %v", verifyErr, openErr)
	}
	if *damage != *other {
		t.Fatalf("Verify said %v, Open said %v", damage, other)
	}
	if after := contents(t, dir); !maps.Equal(after, files) {
		t.Fatalf("a refused ledger was changed: files %v became %v", slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(after)))
	}
	if damage.Problem == "" || damage.Expected == "" || damage.Found == "" {
		t.Fatalf("an error with an empty part: %+v", damage)
	}
	return damage
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	dir := t.TempDir()
	head := build(t, dir, 16, 700)
	good := contents(t, dir)
	names := segmentNames(t, dir) // of four records each
	if len(names) != 4 {
		t.Fatalf("expected 4 segments, found %v", names)
	}
	other := t.TempDir()
	l, _ := open(t, other, Options{SegmentBytes: 700, Durability: AtSeal, sealing: sealNever})
	commit(t, l, KindBoot, 1, `{"origin":"tes2"}`)
	for i := 1; i < 16; i++ {
		commit(t, l, KindTick, 1, fmt.Sprintf(`{"tick":%d,"price":"4242.%03d"}`, i, i))
	}
	l.Close()
	spliced := contents(t, other)

	lines := func(name string) []string { return strings.SplitAfter(strings.TrimSuffix(good[name], "\n"), "\n") }
	prevOf := func(name string) string { return lines(name)[0][22:86] }
	edit := func(name, from, to string) func(map[string]string) {
		return func(f map[string]string) {
			if !strings.Contains(f[name], from) {
				t.Fatalf("%s has no %q", name, from)
			}
			f[name] = strings.Replace(f[name], from, to, 1)
		}
	}
	second, last := names[1], names[len(names)-1]
	cases := []struct {
		name    string
		damage  func(map[string]string)
		known   bool
		segment string
		problem string
	}{
		{"a version changed", edit(second, `"v":1`, `"v":2`), false, second, "field v"},
		{"a seq changed", edit(second, `"seq":4`, `"seq":5`), false, second, "field seq"},
		{"a prev changed", edit(second, prevOf(second), strings.Repeat("ab", 32)), false, second, "field prev"},
		{"a kind changed to another", edit(second, `"kind":"tick"`, `"kind":"boot"`), false, second, "field prev"},
		{"a kind changed to none", edit(second, `"kind":"tick"`, `"kind":"tiCk"`), false, second, "field kind"},
		{"a time changed", edit(second, `"ms":17`, `"ms":18`), false, second, "field prev"},
		{"an epoch raised", edit(second, `"epoch":1`, `"epoch":2`), false, second, "field prev"},
		{"an epoch lowered", edit(second, `"epoch":1`, `"epoch":0`), false, second, "field epoch"},
		{"a price changed", edit(second, `4242.`, `4243.`), false, second, "field prev"},
		{"a body name changed", edit(second, `"price"`, `"prize"`), false, second, "field prev"},
		{"the boot's kind changed", edit(names[0], `"boot"`, `"tick"`), false, names[0], "field kind"},
		{"a line deleted", edit(second, lines(second)[1], ""), false, second, "field seq"},
		{"a line doubled", edit(second, lines(second)[1], lines(second)[1]+lines(second)[1]), false, second, "field seq"},
		{"an empty line", edit(second, "\n", "\n\n"), false, second, "field v"},
		{"a line end lost in the middle", edit(second, "\n", " "), false, second, "field body"},
		{"two lines swapped", edit(second, lines(second)[0]+lines(second)[1], lines(second)[1]+lines(second)[0]), false, second, "field seq"},
		{"a DOS line end", edit(second, "\n", "\r\n"), false, second, "field body"},
		{"a segment of zeros", func(f map[string]string) { f[second] = strings.Repeat("\x00", len(f[second])) }, false, second, "line without end in a sealed segment"},
		{"a sealed segment cut at a line", func(f map[string]string) { f[second] = lines(second)[0] }, false, names[2], "gap, doubled or misnamed segment"},
		{"a sealed segment cut in a line", func(f map[string]string) { f[second] = f[second][:len(f[second])-3] }, false, second, "line without end in a sealed segment"},
		{"a sealed segment emptied", func(f map[string]string) { f[second] = "" }, false, names[2], "gap, doubled or misnamed segment"},
		{"the first segment missing", func(f map[string]string) { delete(f, names[0]) }, false, second, "gap, doubled or misnamed segment"},
		{"a middle segment missing", func(f map[string]string) { delete(f, second) }, false, names[2], "gap, doubled or misnamed segment"},
		{"the last segment missing", func(f map[string]string) { delete(f, last) }, true, "", "the ledger was cut or rolled back"},
		{"the last record missing", func(f map[string]string) {
			f[last] = f[last][:strings.LastIndexByte(strings.TrimSuffix(f[last], "\n"), '\n')+1]
		}, true, "", "the ledger was cut or rolled back"},
		{"all segments missing", func(f map[string]string) { clear(f) }, true, "", "the ledger was cut or rolled back"},
		{"a torn tail below the known head", func(f map[string]string) { f[last] = f[last][:len(f[last])-1] }, true, "", "the ledger was cut or rolled back"},
		{"the last record's body changed", func(f map[string]string) {
			f[last] = f[last][:len(f[last])-4] + "9" + f[last][len(f[last])-3:]
		}, true, "", "the ledger was rewritten: leaf hash at size 16"},
		{"a whole other ledger", func(f map[string]string) { clear(f); maps.Copy(f, spliced) }, true, "", "the ledger was rewritten: leaf hash at size 16"},
		{"a segment of another ledger", func(f map[string]string) { f[second] = spliced[second] }, false, second, "field prev"},
		{"a segment under two names", func(f map[string]string) { f["00000000000000000099.log"] = f[last] }, false, "00000000000000000099.log", "gap, doubled or misnamed segment"},
		{"a segment's copy", func(f map[string]string) { f[second+".bak"] = f[second] }, false, second + ".bak", "unknown file that looks like a segment"},
		{"a segment with 19 digits", func(f map[string]string) { f[second[1:]] = f[second] }, false, second[1:], "unknown file that looks like a segment"},
		{"a record longer than the bound", func(f map[string]string) {
			f[last] += `{"v":1,` + strings.Repeat(" ", MaxRecord) + "}\n"
		}, false, last, "field line"},
		{"a line without any end", func(f map[string]string) { f[last] += strings.Repeat("x", 3*readBuffer) }, false, last, "field line"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files := maps.Clone(good)
			c.damage(files)
			known := Head{}
			if c.known {
				known = head
				if _, err := Verify(place(t, files), VerifyOptions{}); err != nil && len(files) > 0 {
					t.Logf("found without a known head too: %v", err)
				}
			}
			damage := refused(t, files, known)
			if damage.Segment != c.segment || damage.Problem != c.problem {
				t.Errorf("expected %q in %q, found: %v", c.problem, c.segment, damage)
			}
		})
	}
}

func TestASegmentThatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, 3, 0)
	if err := os.Rename(filepath.Join(dir, segmentName(0)), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("away", filepath.Join(dir, segmentName(0))); err != nil {
		t.Fatal(err)
	}
	var damage *CorruptionError
	if _, err := Verify(dir, VerifyOptions{}); !errors.As(err, &damage) || damage.Problem != "not a file" {
		t.Errorf("a symbolic link: %v", err)
	}
}

func TestAKnownRootAloneIsCompared(t *testing.T) {
	dir := t.TempDir()
	head := build(t, dir, 9, 0)
	head.Leaf = Hash{}
	if _, err := Verify(dir, VerifyOptions{Known: head}); err != nil {
		t.Error(err)
	}
	head.Root[5] ^= 1
	if damage := refused(t, contents(t, dir), head); damage.Problem != "the ledger was rewritten: root at size 9" || damage.Seq != 8 {
		t.Errorf("another root: %v", damage)
	}
}

// Every single bit of every terminated line is bound: by the next record's prev, and the last record's by a head known outside.
func TestEveryFlippedBitIsFound(t *testing.T) {
	withoutRace(t)
	t.Parallel()
	dir := t.TempDir()
	head := build(t, dir, 7, 500)
	names := segmentNames(t, dir)
	flips := 0
	for i, name := range names {
		good, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		put := func(at int, b byte) {
			if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		lastLine := bytes.LastIndexByte(good[:len(good)-1], '\n') + 1
		for at := range good {
			for bit := range 8 {
				known := Head{}
				if i == len(names)-1 && at >= lastLine {
					known = head
				}
				put(at, good[at]^1<<bit)
				var damage *CorruptionError
				if _, err := Verify(dir, VerifyOptions{Known: known}); !errors.As(err, &damage) {
					t.Fatalf("%s: bit %d of byte %d: %v", name, bit, at, err)
				}
				flips++
			}
			put(at, good[at])
		}
	}
	if _, err := Verify(dir, VerifyOptions{Known: head}); err != nil {
		t.Fatalf("after the last flip back: %v", err)
	}
	t.Logf("%d flips, each found", flips)
}

// Lines of random ledgers deleted, doubled, swapped or altered: whatever differs from what was written is found.
func TestAnyEditOfLinesIsFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "l")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		l, _, err := Open(dir, Options{Durability: AtSeal, sealing: sealNever})
		if err != nil {
			rt.Fatal(err)
		}
		n := rapid.IntRange(2, 12).Draw(rt, "records")
		for i := range n {
			kind := KindBoot
			if i > 0 {
				kind = rapid.SampledFrom(kinds[:]).Draw(rt, "kind")
			}
			if _, err := l.Commit(kind, int64(i), 1, genBody().Draw(rt, "body")); err != nil {
				rt.Fatal(err)
			}
		}
		head := l.Head()
		if err := l.Close(); err != nil {
			rt.Fatal(err)
		}
		path := filepath.Join(dir, segmentName(0))
		good, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		lines := bytes.SplitAfter(good[:len(good)-1], []byte("\n"))
		lines[n-1] = append(bytes.Clone(lines[n-1]), '\n')
		i, j := rapid.IntRange(0, n-1).Draw(rt, "i"), rapid.IntRange(0, n-1).Draw(rt, "j")
		switch rapid.SampledFrom([]string{"delete", "double", "swap", "byte"}).Draw(rt, "edit") {
		case "delete":
			lines = slices.Delete(lines, i, i+1)
		case "double":
			lines = slices.Insert(lines, j, lines[i])
		case "swap":
			lines[i], lines[j] = lines[j], lines[i]
		case "byte":
			line := bytes.Clone(lines[i])
			line[rapid.IntRange(0, len(line)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
			lines[i] = line
		}
		edited := bytes.Join(lines, nil)
		if err := os.WriteFile(path, edited, 0o600); err != nil {
			rt.Fatal(err)
		}
		_, err = Verify(dir, VerifyOptions{Known: head})
		var damage *CorruptionError
		if same := bytes.Equal(edited, good); same && err != nil || !same && !errors.As(err, &damage) {
			rt.Fatalf("edited %v: %v", !same, err)
		}
	})
}
