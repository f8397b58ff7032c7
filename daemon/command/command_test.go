package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, dataDir string) *Inbox {
	t.Helper()
	i, err := Open(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func give(t *testing.T, dataDir string, o Order) *Given {
	t.Helper()
	g, err := Give(dataDir, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func pending(t *testing.T, i *Inbox) []Order {
	t.Helper()
	orders, err := i.Pending()
	if err != nil {
		t.Fatal(err)
	}
	return orders
}

// left are the names in the folder of commands.
func left(t *testing.T, dataDir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dataDir, folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAnOrderIsTakenUpAndItsAnswerReachesWhoGaveIt(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir)
	g := give(t, dir, Order{Halt: "maintenance"})
	orders := pending(t, i)
	if len(orders) != 1 || orders[0].Halt != "maintenance" || orders[0].Release || i.Released() {
		t.Fatalf("expected the halt, found %+v", orders)
	}
	if again := pending(t, i); len(again) != 1 || again[0] != orders[0] {
		t.Fatalf("an order that is not answered yet waits, as after a crash: found %+v", again)
	}
	want := Answer{Done: true, Text: "halted after tick 4"}
	if err := i.Done(orders[0], want); err != nil {
		t.Fatal(err)
	}
	if got, err := g.Wait(t.Context()); err != nil || got != want {
		t.Fatalf("expected %+v, found %+v, %v", want, got, err)
	}
	if names := left(t, dir); len(names) != 0 {
		t.Fatalf("expected nothing left, found %v", names)
	}
}

func TestAnOrderWaitsForADaemonThatDoesNotRun(t *testing.T) {
	dir := t.TempDir()
	g := give(t, dir, Order{Release: true, Incident: "q4"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*poll)
	defer cancel()
	if _, err := g.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("expected no answer, found %v", err)
	}
	if _, err := os.Stat(g.Path()); err != nil {
		t.Fatalf("the order is gone: %v", err)
	}
	i := open(t, dir)
	orders := pending(t, i)
	if len(orders) != 1 || orders[0].Incident != "q4" || !i.Released() {
		t.Fatalf("expected the release, found %+v", orders)
	}
	// The daemon answers and starts again before the answer is read.
	if err := i.Done(orders[0], Answer{Text: "no"}); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if got, err := g.Wait(t.Context()); err != nil || got != (Answer{Text: "no"}) {
		t.Fatalf("expected the answer, found %+v, %v", got, err)
	}
}

func TestWhatNobodyWaitsForAnyMoreIsRemovedAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir)
	give(t, dir, Order{Halt: "answered, and nobody read it"})
	if err := i.Done(pending(t, i)[0], Answer{Done: true}); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * forgotten)
	if err := os.WriteFile(filepath.Join(dir, folder, "0-crashed"+tempEnd), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	waits := give(t, dir, Order{Halt: "an order is never too old"})
	for _, name := range left(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, folder, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if names := left(t, dir); len(names) != 1 || names[0] != filepath.Base(waits.Path()) {
		t.Fatalf("expected the order alone, found %v", names)
	}
}

func TestWhatIsNoOrderIsRefusedBeforeItIsGiven(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]Order{
		"neither halt nor release":    {},
		"both":                        {Halt: "x", Release: true},
		"an incident with a halt":     {Halt: "x", Incident: "q1"},
		"an incident and nothing":     {Incident: "q1"},
		"a line feed":                 {Halt: "a\nb"},
		"an escape for the terminal":  {Halt: "a\x1b[2Jb"},
		"a control character above 7": {Halt: "a\u009bb"},
		"a line separator":            {Release: true, Incident: "q1\u2028"},
		"bytes that are no text":      {Halt: "\xff"},
		"too long":                    {Halt: strings.Repeat("x", maxText+1)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Give(dir, o); err == nil || !strings.Contains(err.Error(), "expected") {
				t.Fatalf("expected what was expected, found %v", err)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, folder)); err == nil {
		t.Fatal("something was written")
	}
	gone := filepath.Join(dir, "gone")
	if _, err := Give(gone, Order{Halt: "x"}); err == nil || !strings.Contains(err.Error(), gone) {
		t.Fatalf("expected the folder that is not there to be named, found %v", err)
	}
}

func TestABadFileIsAnsweredAndIsNoOrder(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"no JSON":             {"halt", "expected an order as JSON"},
		"nothing":             {"", "expected an order as JSON"},
		"half of an order":    {`{"halt":"x`, "expected an order as JSON"},
		"an unknown key":      {`{"halt":"x","sell":true}`, `unknown field "sell"`},
		"a wrong type":        {`{"halt":true}`, "cannot unmarshal"},
		"two orders":          {`{"halt":"x"}{"release":true}`, "found more after it"},
		"neither":             {`null`, "expected one of halt and release"},
		"both":                {`{"halt":"x","release":true}`, "expected one of halt and release"},
		"more than one reads": {`{"halt":"` + strings.Repeat("x", maxOrder) + `"}`, fmt.Sprintf("at most %d bytes", maxOrder)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			i := open(t, dir)
			path := filepath.Join(dir, folder, "1-bad")
			if err := os.WriteFile(path+orderEnd, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			good := give(t, dir, Order{Halt: "good"})
			orders := pending(t, i)
			if len(orders) != 1 || orders[0].Halt != "good" {
				t.Fatalf("expected the good order alone, found %+v", orders)
			}
			a, err := (&Given{path}).Wait(t.Context())
			if err != nil || a.Done || !strings.HasPrefix(a.Text, "refused: ") || !strings.Contains(a.Text, c.want) {
				t.Fatalf("expected it refused with %q, found %+v, %v", c.want, a, err)
			}
			if names := left(t, dir); len(names) != 1 || names[0] != filepath.Base(good.Path()) {
				t.Fatalf("expected the good order alone, found %v", names)
			}
		})
	}
}

// TestWhatIsNoFileKeepsNobodyWaiting: opening a pipe without a writer would never return.
func TestWhatIsNoFileKeepsNobodyWaiting(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir)
	in := filepath.Join(dir, folder)
	for _, err := range []error{
		unix.Mkfifo(filepath.Join(in, "1-pipe"+orderEnd), 0o600),
		os.Mkdir(filepath.Join(in, "2-folder"+orderEnd), 0o700),
		os.Symlink("1-pipe"+orderEnd, filepath.Join(in, "3-link"+orderEnd)),
		os.WriteFile(filepath.Join(in, "4-order.json~"), []byte(`{"release":true}`), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if orders := pending(t, i); len(orders) != 0 {
		t.Fatalf("expected no order, found %+v", orders)
	}
}

func TestAFolderThatCannotBeReadIsAnErrorWithItsName(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir)
	if err := os.Remove(filepath.Join(dir, folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Pending(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("expected an error that names the folder, found %v", err)
	}
	if i.Released() {
		t.Error("what cannot be read releases nothing")
	}
	if err := os.WriteFile(filepath.Join(dir, folder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a file in the folder's place was opened")
	}
}

func TestOnlyTheDaemonsUserMayEnter(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, folder)
	if err := os.Mkdir(in, 0o777); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(in); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest is about orders that root gives to another user's daemon, and needs root")
	}
	if err := errors.Join(os.RemoveAll(in), os.Chown(dir, 65532, 65532)); err != nil {
		t.Fatal(err)
	}
	g := give(t, dir, Order{Halt: "x"})
	for _, path := range []string{in, g.Path()} {
		var s unix.Stat_t
		if err := unix.Stat(path, &s); err != nil || s.Uid != 65532 || s.Gid != 65532 {
			t.Errorf("%s belongs to %d:%d, %v", path, s.Uid, s.Gid, err)
		}
	}
}

// TestRacingWritersAreEachAnsweredOnce: many people order while the daemon looks without a pause.
func TestRacingWritersAreEachAnsweredOnce(t *testing.T) {
	const people, each = 8, 25
	dir := t.TempDir()
	i := open(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	var taken []string
	daemon := make(chan error, 1)
	go func() {
		daemon <- func() error {
			for ctx.Err() == nil {
				orders, err := i.Pending()
				if err != nil {
					return err
				}
				for _, o := range orders {
					taken = append(taken, o.Halt)
					if err := i.Done(o, Answer{Done: true, Text: o.Halt}); err != nil {
						return err
					}
				}
			}
			return nil
		}()
	}()
	var all sync.WaitGroup
	for p := range people {
		all.Go(func() {
			for n := range each {
				o := Order{Halt: fmt.Sprint(p, " ", n)}
				g, err := Give(dir, o)
				if err != nil {
					t.Error(err)
					return
				}
				if a, err := g.Wait(ctx); err != nil || a.Text != o.Halt {
					t.Errorf("%s: answered %+v, %v", o.Halt, a, err)
				}
			}
		})
	}
	all.Wait()
	stop()
	if err := <-daemon; err != nil {
		t.Fatal(err)
	}
	seen, last := map[string]bool{}, map[int]int{}
	for _, text := range taken {
		var p, n int
		if _, err := fmt.Sscan(text, &p, &n); err != nil || seen[text] || n < last[p] {
			t.Fatalf("%q was taken up twice, torn or out of its order: %v", text, err)
		}
		seen[text], last[p] = true, n
	}
	if len(taken) != people*each || len(left(t, dir)) != 0 {
		t.Fatalf("expected %d orders taken up and nothing left, found %d and %v", people*each, len(taken), left(t, dir))
	}
}

// FuzzOrder: what is accepted is one thing that a person may order, in one line, and reads the same when it is written again.
func FuzzOrder(f *testing.F) {
	for _, s := range []string{`{"halt":"x"}`, `{"release":true}`, `{"release":true,"incident":"q41"}`, `{"halt":"x"} {"release":true}`, "null", "", `{"halt":"\u0000"}`, `{"Halt":"é"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parse(b)
		if err != nil {
			if o != (Order{}) {
				t.Fatalf("refused, and yet %+v", o)
			}
			return
		}
		if (o.Halt != "") == o.Release || o.Halt != "" && o.Incident != "" || strings.ContainsAny(o.Halt+o.Incident, "\n\r\x00\x1b") {
			t.Fatalf("%q was taken for %+v", b, o)
		}
		dir := t.TempDir()
		g, err := Give(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(g.Path())
		if err != nil || again != o {
			t.Fatalf("expected %+v, found %+v, %v", o, again, err)
		}
	})
}
