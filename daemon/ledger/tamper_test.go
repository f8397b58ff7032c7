package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write docs/tamper-matrix.md")

// tamperLedger writes a ledger with every kind of record in sealed segments and in the tail, the last record after the newest checkpoint. Key and
// times are fixed, so that the table is the same at every run. It returns the files and the head.
func tamperLedger(t testing.TB, name string, seed byte) (map[string]string, Head) {
	t.Helper()
	dir := t.TempDir()
	key := signingKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))}
	if err := os.WriteFile(filepath.Join(dir, keyName), key.text(), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	commit(t, l, KindBoot, 1, `{"name":"`+name+`"}`)
	for i := 1; i < 44; i++ {
		kind := []Kind{KindTick, KindOutcome, KindCommand, KindTick, KindBoot, KindShutdown, KindSnapshot}[i%7]
		commit(t, l, kind, uint64(1+i/7), fmt.Sprintf(`{"tick":%d,"price":"4242.%03d"}`, i, i))
	}
	if err := l.SealError(); err != nil {
		t.Fatal(err)
	}
	// As a crash would leave it: what Close signs is not there.
	all := contents(t, dir)
	delete(all, reserveName)
	if l.signed.Size >= l.Head().Size || len(l.entries) < 3 {
		t.Fatalf("checkpoint at %d of %d, %d sealed", l.signed.Size, l.Head().Size, len(l.entries))
	}
	return all, l.Head()
}

// tampering is one thing that someone with the volume does.
type tampering struct {
	what, how string
	do        func(files map[string]string)
}

// linesIn reads a segment's lines, and put writes them back: the one who tampers packs what was packed.
func linesIn(t testing.TB, name, content string) []string {
	if strings.HasSuffix(name, packedSuffix) {
		d, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		b, err := d.DecodeAll([]byte(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		content = string(b)
	}
	return strings.SplitAfter(strings.TrimSuffix(content, "\n"), "\n")
}

func put(t testing.TB, files map[string]string, name string, lines []string) {
	content := strings.Join(lines, "")
	if !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	if strings.HasSuffix(name, packedSuffix) {
		b, err := pack([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		content = string(b)
	}
	files[name] = content
}

// headerField finds the value of each member that the format has.
var headerField = regexp.MustCompile(`^\{"v":(1),"seq":(\d+),"prev":"([0-9a-f]+)","kind":"([a-z]+)","ms":(\d+),"epoch":(\d+),(.*)\}`)

var fieldNames = []string{"", "v", "seq", "prev", "kind", "ms", "epoch", "body"}

// other is another value of the same form, so that it is not the form that gives it away.
func other(field, value string) string {
	switch field {
	case "kind":
		if value == "tick" {
			return "boot"
		}
		return "tick"
	case "body":
		return strings.Replace(value, "4242", "4243", 1)
	case "prev":
		return strings.Repeat("ab", 32)
	}
	digits := []byte(value)
	if digits[len(digits)-1]++; digits[len(digits)-1] > '9' {
		digits[len(digits)-1] = '0'
	}
	return string(digits)
}

// tamperings are generated from the format: every field of every kind, every edit of lines and every file.
func tamperings(t testing.TB, good, alien, older map[string]string) []tampering {
	var all []tampering
	found := mustList(t, place(t, good))
	sealed := found.packed[1].name
	tail := found.plain[len(found.plain)-1].name
	for _, at := range []struct{ name, where string }{{sealed, "sealed segment, repacked"}, {tail, "unsealed segment"}} {
		lines := linesIn(t, at.name, good[at.name])
		for i, line := range lines {
			last := at.name == tail && i == len(lines)-1
			m := headerField.FindStringSubmatchIndex(line)
			if m == nil {
				t.Fatalf("not of the format: %s", line)
			}
			kind := line[m[8]:m[9]]
			for f := 1; f < len(fieldNames); f++ {
				from, to := m[2*f], m[2*f+1]
				what := fmt.Sprintf("%s: field %s of a %s record", at.where, fieldNames[f], kind)
				if last {
					what = fmt.Sprintf("last record, after the checkpoint: field %s", fieldNames[f])
				}
				if slices.ContainsFunc(all, func(x tampering) bool { return x.what == what }) {
					continue
				}
				all = append(all, tampering{what, "changed", func(files map[string]string) {
					edited := slices.Clone(lines)
					edited[i] = line[:from] + other(fieldNames[f], line[from:to]) + line[to:]
					put(t, files, at.name, edited)
				}})
			}
		}
		alienName := at.name
		if _, there := alien[alienName]; !there {
			t.Fatalf("the other ledger has no %s", alienName)
		}
		alienLines := linesIn(t, alienName, alien[alienName])
		for how, edit := range map[string]func([]string) []string{
			"a line deleted":                         func(l []string) []string { return slices.Delete(l, 1, 2) },
			"a line inserted":                        func(l []string) []string { return slices.Insert(l, 1, l[1]) },
			"two lines swapped":                      func(l []string) []string { l[0], l[1] = l[1], l[0]; return l },
			"lines of another ledger spliced in":     func(l []string) []string { return append(slices.Clone(alienLines[:2]), l[2:]...) },
			"cut to its first line":                  func(l []string) []string { return l[:1] },
			"all lines replaced by another ledger's": func([]string) []string { return alienLines },
		} {
			all = append(all, tampering{at.where, how, func(files map[string]string) { put(t, files, at.name, edit(slices.Clone(lines))) }})
		}
	}
	for name, content := range good {
		if name == tail {
			continue
		}
		label := regexp.MustCompile(`^\d{20}`).ReplaceAllString(name, "N")
		if numbered := label != name; numbered && !strings.HasPrefix(name, sealed[:nameDigits]) {
			continue
		}
		flipped := []byte(content)
		flipped[len(flipped)/2] ^= 1
		all = append(all,
			tampering{"file " + label, "a bit flipped", func(files map[string]string) { files[name] = string(flipped) }},
			tampering{"file " + label, "deleted", func(files map[string]string) { delete(files, name) }},
			tampering{"file " + label, "cut short", func(files map[string]string) { files[name] = content[:len(content)/2] }},
			tampering{"file " + label, "replaced by another ledger's", func(files map[string]string) { files[name] = alien[name] }},
		)
	}
	without := func(files map[string]string, gone func(first uint64) bool) {
		for name := range files {
			if first, _, numbered := parseName(name); numbered && gone(first) {
				delete(files, name)
			}
		}
	}
	return append(all,
		tampering{"the folder", "head cut off: the first segment removed", func(files map[string]string) { without(files, func(first uint64) bool { return first == 0 }) }},
		tampering{"the folder", "tail cut off behind the checkpoint", func(files map[string]string) {
			lines := linesIn(t, tail, files[tail])
			put(t, files, tail, lines[:len(lines)-1])
		}},
		tampering{"the folder", "tail cut off below the checkpoint", func(files map[string]string) { delete(files, tail) }},
		tampering{"the folder", "an older copy of the volume put back", func(files map[string]string) { clear(files); maps.Copy(files, older) }},
		tampering{"the folder", "another ledger put in its place", func(files map[string]string) { clear(files); maps.Copy(files, alien) }},
		tampering{"the folder", "all signatures removed with their files", func(files map[string]string) {
			for _, name := range []string{manifestName, checkpointName, publicName, keyName} {
				delete(files, name)
			}
		}},
	)
}

func TestEveryTamperingIsFound(t *testing.T) {
	t.Parallel()
	good, head := tamperLedger(t, "ours", 1)
	alien, _ := tamperLedger(t, "else", 2)
	// The older copy of the volume: a prefix of ours by the same key.
	older := func() map[string]string {
		dir := t.TempDir()
		key := signingKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}
		if err := os.WriteFile(filepath.Join(dir, keyName), key.text(), 0o600); err != nil {
			t.Fatal(err)
		}
		l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
		commit(t, l, KindBoot, 1, `{"name":"ours"}`)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return contents(t, dir)
	}()
	public := strings.TrimSpace(good[publicName])
	if _, err := Verify(place(t, good), VerifyOptions{Known: head, Key: public}); err != nil {
		t.Fatalf("the ledger that nobody touched: %v", err)
	}

	var rows []string
	by := map[string]int{}
	for _, x := range tamperings(t, good, alien, older) {
		files := maps.Clone(good)
		x.do(files)
		dir := place(t, files)
		_, alone := Verify(dir, VerifyOptions{})
		_, outside := Verify(dir, VerifyOptions{Known: head, Key: public})
		l, _, start := Open(dir, Options{SegmentBytes: 2000, Known: head, sealing: sealNever})
		if start == nil {
			l.Close()
		}
		mark := func(err error) string {
			switch {
			case err == nil:
				return "no"
			case errors.As(err, new(*CorruptionError)), errors.As(err, new(*SignatureError)):
				return "yes"
			}
			t.Errorf("%s, %s: neither damage nor good: %v", x.what, x.how, err)
			return "?"
		}
		message := outside
		if message == nil {
			message = start
		}
		if message == nil {
			t.Errorf("%s, %s: nothing finds it", x.what, x.how)
			continue
		}
		if alone == nil && outside == nil {
			by["the start alone"]++
		} else if alone == nil {
			by["verify with head and key known outside"]++
		} else {
			by["verify alone"]++
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", x.what, x.how, mark(alone), mark(outside), mark(start), cell(message)))
	}
	slices.Sort(rows)
	t.Logf("%d tamperings, each found: %v", len(rows), by)
	checkTable(t, filepath.Join("..", "..", "docs", "tamper-matrix.md"), rows)
}

// cell shortens what a reader need not compare.
func cell(err error) string {
	text := regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllStringFunc(err.Error(), func(h string) string { return h[:8] + "…" })
	text = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`).ReplaceAllString(text, "…")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return "`" + strings.NewReplacer("|", "\\|", "`", "'", "\n", " ").Replace(text) + "`"
}

func checkTable(t *testing.T, path string, rows []string) {
	t.Helper()
	page := `# What tampering shows as

Made by ` + "`go test ./daemon/ledger -run EveryTampering -update`" + ` from the format: every field of every kind of record, every edit of lines,
every file. The one who tampers has the volume, repacks what was packed, and does not have what is known outside: the head in the
TauDaemon's status and the ledger's verifier key. *Verify alone* is ` + "`taud ledger verify`" + ` with nothing but the folder; *with head and key* adds
` + "`--known-size --head --root --key`" + `; *start* is what the daemon itself finds before it ticks, with the head from its Lease (what lies in sealed
segments behind the newest snapshot is for the scrubber and verify).

| What | How | Verify alone | With head and key | Start | Message |
|---|---|---|---|---|---|
` + strings.Join(rows, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Errorf("%s is not what the test finds: run it with -update and look at the difference", path)
	}
}
