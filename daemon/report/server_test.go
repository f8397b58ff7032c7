package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// fence is a lease.Tenure that says what it is told to, and keeps what it is given.
type fence struct {
	lease.Tenure
	margin    time.Duration
	err       error
	published chan v1alpha1.Report
	released  chan v1alpha1.Report
}

func (f *fence) Epoch() int64                { return 7 }
func (f *fence) Margin() time.Duration       { return f.margin }
func (f *fence) Err() error                  { return f.err }
func (f *fence) Publish(r v1alpha1.Report)   { f.published <- r }
func (f *fence) Progress()                   {}
func (f *fence) Commands() v1alpha1.Commands { return v1alpha1.Commands{} }
func (f *fence) Changed() <-chan struct{}    { return nil }
func (f *fence) Release(_ context.Context, r v1alpha1.Report) error {
	f.released <- r
	return nil
}

func running(tick int64) Snapshot {
	return Snapshot{Report: v1alpha1.Report{Phase: v1alpha1.PhaseRunning, Tick: tick, Healthy: true, OracleFresh: true}}
}

func TestReadinessAndLiveness(t *testing.T) {
	now := time.Now()
	const limit = time.Minute
	at := func(age time.Duration, change func(*v1alpha1.Report)) *state {
		s := &state{Snapshot: running(5), ticked: now.Add(-age)}
		if change != nil {
			change(&s.Report)
		}
		return s
	}
	held := &fence{margin: 20 * time.Second}
	for _, c := range []struct {
		name     string
		state    *state
		fence    lease.Fence
		waiting  string
		notReady string // "" is ready
		wedged   string // "" is alive
	}{
		{"ticking and fenced is ready", at(time.Second, nil), held, "", "", ""},
		{"ticking without Kubernetes is ready", at(time.Second, nil), lease.NewUnfenced(1), "", "", ""},
		{"quarantine is ready", at(time.Second, func(r *v1alpha1.Report) { r.Healthy, r.Quarantine.Active = false, true }), held, "", "", ""},
		{"a start is alive and says what it waits for", nil, nil, "held by other/b", "starting: held by other/b", ""},
		{"a start that has said nothing is alive", nil, nil, "", "starting", ""},
		{"what a start waited for is forgotten with the first tick", at(0, nil), held, "recovering", "", ""},
		{"no fence is not ready", at(0, nil), nil, "", "no fence yet", ""},
		{"a lease that ran out is not ready", at(0, nil), &fence{margin: -3 * time.Second}, "", "the Lease ran out 3s ago", ""},
		{"a margin of zero is not ready", at(0, nil), &fence{}, "", "the Lease ran out 0s ago", ""},
		{"a lost lease is not ready", at(0, nil), &fence{err: fmt.Errorf("%w: held by other/b", lease.ErrLost)}, "", "lease lost: held by other/b", ""},
		{"halted is alive, and says why it is not ready", at(time.Hour, func(r *v1alpha1.Report) {
			r.Phase, r.Reason, r.Message = v1alpha1.PhaseHalted, "LedgerDamaged", "segment 0, offset 9"
		}), held, "", "halted: LedgerDamaged: segment 0, offset 9", ""},
		{"stopped is alive and not ready", at(time.Hour, func(r *v1alpha1.Report) { r.Phase = v1alpha1.PhaseStopped }), held, "", "phase Stopped", ""},
		{"a tick at the limit is alive", at(limit, nil), held, "", "", ""},
		{"a wedged loop is neither", at(limit+time.Millisecond, nil), held, "", "no tick for 1m0.001s, at most 1m0s expected; last tick 5", "no tick for 1m0.001s, at most 1m0s expected; last tick 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := notReady(c.state, c.fence, c.waiting, now, limit); got != c.notReady {
				t.Errorf("not ready: got %q, want %q", got, c.notReady)
			}
			if got := wedged(c.state, now, limit); got != c.wedged {
				t.Errorf("wedged: got %q, want %q", got, c.wedged)
			}
		})
	}
	for interval, want := range map[time.Duration]time.Duration{250 * time.Millisecond: time.Minute, 6 * time.Second: time.Minute, time.Hour: 10 * time.Hour} {
		if got := wedgeLimit(interval); got != want {
			t.Errorf("limit at %v: got %v, want %v", interval, got, want)
		}
	}
}

func TestSayingTheSameTickAgainIsNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{limit: time.Minute}
		s.Set(running(5))
		time.Sleep(61 * time.Second)
		s.Set(running(5))
		if wedged(s.state.Load(), time.Now(), s.limit) == "" {
			t.Error("alive")
		}
		s.Set(running(6))
		if w := wedged(s.state.Load(), time.Now(), s.limit); w != "" {
			t.Error(w)
		}
	})
}

// start gives a server on a free port that stops with the test.
func start(t *testing.T) *Server {
	t.Helper()
	s, err := Listen(Options{Listen: "127.0.0.1:0", Interval: time.Second, Version: "v0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHTTP(t *testing.T) {
	s := start(t)
	s.Waiting("recovering the ledger")
	for _, c := range []struct {
		path, body string
		code       int
	}{
		{"/livez", "ok\n", 200},
		{"/readyz", "starting: recovering the ledger\n", 503},
		{"/nothing", "404 page not found\n", 404},
	} {
		if code, body := get(t, s, c.path); code != c.code || body != c.body {
			t.Errorf("%s: got %d %q, want %d %q", c.path, code, body, c.code, c.body)
		}
	}
	s.SetFence(&fence{margin: 20 * time.Second})
	n := running(5)
	n.Equity = "10000.5"
	n.Sources = []Source{{Name: "a", OK: true, Price: "100"}, {Name: "b", Why: "stale"}}
	n.Detail, n.Solver = map[string]int{"profit": 1}, map[string]string{"breakEven": "100.8"}
	s.Set(n)
	if code, body := get(t, s, "/readyz"); code != 200 || body != "ok\n" {
		t.Errorf("ready: got %d %q", code, body)
	}
	code, body := get(t, s, "/statusz")
	var st Status
	if err := json.Unmarshal([]byte(body), &st); err != nil || code != 200 {
		t.Fatalf("statusz: %d %v: %s", code, err, body)
	}
	if st.Report.Tick != 5 || *st.LeaseMarginMillis != 20000 || st.Equity != "10000.5" || len(st.Sources) != 2 || st.Detail.(map[string]any)["profit"] != 1.0 ||
		st.Solver.(map[string]any)["breakEven"] != "100.8" || st.NotReady != "" {
		t.Errorf("statusz: %s", body)
	}
	n.Detail = math.NaN()
	s.Set(n)
	if code, body := get(t, s, "/statusz"); code != 500 || !strings.Contains(body, "NaN") {
		t.Errorf("a detail that is no JSON: %d %q", code, body)
	}
	resp, err := http.Post("http://"+s.Addr().String()+"/livez", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", resp.StatusCode)
	}
}

func TestListenNamesWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, addr := range []string{taken.Addr().String(), "no-port", "127.0.0.1:notaport"} {
		if _, err := Listen(Options{Listen: addr}); err == nil || !strings.Contains(err.Error(), "report.listen") || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: got %v", addr, err)
		}
	}
}

func TestMetricsGolden(t *testing.T) {
	s := start(t)
	s.SetFence(&fence{margin: 20 * time.Second})
	n := running(5)
	n.Report.Position = v1alpha1.PositionReport{Quantity: "10", Realised: "-1.25"}
	n.Report.Ledger = &v1alpha1.LedgerReport{Size: 12}
	n.Equity = "10000.5"
	n.Sources = []Source{
		{Name: "a", OK: true, Price: "100.5", Confidence: "0.25", AgeMillis: new(int64(1250)), ClockAheadMillis: new(int64(-2000))},
		{Name: "b", Why: "connect: connection refused"},
	}
	s.Set(n)
	m := s.Metrics()
	m.SourceFailed("b", "connect: connection refused")
	m.SourceFailed("b", "deadline")
	m.Tick(3 * time.Millisecond)
	m.LedgerCommit(time.Millisecond)
	m.Quarantine("OracleStale")
	m.Order("buy", "filled")
	m.Order("buy", "filled")

	code, body := get(t, s, "/metrics")
	if code != 200 || !strings.Contains(body, `taud_build_info{goversion="go`) || !strings.Contains(body, "go_goroutines") {
		t.Errorf("%d %s", code, body)
	}
	var got strings.Builder
	for line := range strings.Lines(body) {
		if strings.Contains(line, "taud_") && !strings.Contains(line, "taud_build_info") {
			got.WriteString(line)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("differs from testdata/metrics.txt:\n%s", got.String())
	}
}

func TestMetricsLeaveOutWhatIsNotKnown(t *testing.T) {
	s := start(t)
	if _, body := get(t, s, "/metrics"); strings.Contains(body, "taud_epoch") || strings.Contains(body, "taud_tick ") || strings.Contains(body, "taud_health") {
		t.Errorf("a start says %s", body)
	}
	s.SetFence(lease.NewUnfenced(3))
	s.Set(running(1))
	_, body := get(t, s, "/metrics")
	for line, want := range map[string]bool{"taud_lease_margin_seconds +Inf\n": true, "taud_epoch 3\n": true, "taud_tick 1\n": true, "taud_equity_quote ": false, "taud_ledger_records ": false} {
		if strings.Contains(body, "\n"+line) != want {
			t.Errorf("%q: expected %v in %s", line, want, body)
		}
	}
}

func TestSetDoesNotRaceWithReaders(t *testing.T) {
	s := start(t)
	s.SetFence(&fence{margin: time.Second})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := int64(0); ; tick++ {
			select {
			case <-stop:
				return
			default:
				s.Set(running(tick))
				s.Metrics().Tick(time.Millisecond)
			}
		}
	}()
	for range 20 {
		for _, path := range []string{"/livez", "/readyz", "/statusz", "/metrics"} {
			if code, body := get(t, s, path); code != 200 && path != "/readyz" {
				t.Errorf("%s: %d %s", path, code, body)
			}
		}
	}
	close(stop)
	<-done
}

func TestSetIsCheap(t *testing.T) {
	s := &Server{}
	n := running(1)
	if got := testing.AllocsPerRun(100, func() { s.Set(n) }); got > 1 {
		t.Errorf("%v allocations", got)
	}
}
