package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// Options of Listen.
type Options struct {
	// Listen is the TCP address, such as ":8080".
	Listen string
	// Interval of ticks: after ten without one, and at least a minute, /livez fails.
	Interval time.Duration
	// Version of the program, for taud_build_info.
	Version string
	// Log of the server's own troubles. The zero Logger discards.
	Log logr.Logger
}

// Server answers for the daemon over HTTP. All methods are safe for concurrent use.
type Server struct {
	http     *http.Server
	listener net.Listener
	limit    time.Duration
	metrics  *Metrics

	state   atomic.Pointer[state]
	fence   atomic.Pointer[lease.Fence]
	waiting atomic.Pointer[string]
}

// shutdownTime is how long Serve lets requests finish.
const shutdownTime = 3 * time.Second

// Listen takes the address, so that a wrong or busy one is an error before anything else is started.
func Listen(o Options) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("report.listen: expected an address that is free, such as \":8080\", found %q: %w", o.Listen, err)
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	s := &Server{listener: l, limit: wedgeLimit(o.Interval)}
	s.metrics = newMetrics(s, o.Version)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, wedged(s.state.Load(), time.Now(), s.limit))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, notReady(s.state.Load(), s.loadFence(), s.loadWaiting(), time.Now(), s.limit))
	})
	mux.HandleFunc("GET /statusz", s.statusz)
	mux.Handle("GET /metrics", s.metrics.handler())
	s.http = &http.Server{
		Handler:           http.MaxBytesHandler(mux, 1<<10),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(o.Log), slog.LevelDebug),
	}
	return s, nil
}

// Addr that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until ctx ends, and then for as long as requests under way need, at most three seconds.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http server: %w", err)
	}
	return nil
}

// Set shows n from now on. To be called at the end of every tick, and when the phase changes.
func (s *Server) Set(n Snapshot) {
	next := &state{Snapshot: n, ticked: time.Now()}
	if prev := s.state.Load(); prev != nil && prev.Report.Phase == n.Report.Phase && prev.Report.Tick == n.Report.Tick {
		// Not a new tick: saying the same again is no sign of life.
		next.ticked = prev.ticked
	}
	s.state.Store(next)
}

// SetFence makes f the fence that /readyz and the metrics ask.
func (s *Server) SetFence(f lease.Fence) { s.fence.Store(&f) }

// Waiting says what the start is waiting for, until the first Set.
func (s *Server) Waiting(why string) { s.waiting.Store(&why) }

// Metrics of the daemon, for the loop to count into.
func (s *Server) Metrics() *Metrics { return s.metrics }

func (s *Server) loadFence() lease.Fence {
	if f := s.fence.Load(); f != nil {
		return *f
	}
	return nil
}

func (s *Server) loadWaiting() string {
	if w := s.waiting.Load(); w != nil {
		return *w
	}
	return ""
}

// answer is 200 where nothing is wrong, and 503 with the reason otherwise.
func answer(w http.ResponseWriter, wrong string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if wrong != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, wrong+"\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// Status is what /statusz answers.
type Status struct {
	// Report as it was published last; absent before the first.
	Report *v1alpha1.Report `json:"report,omitempty"`
	// NotReady: why /readyz is not 200.
	NotReady string `json:"notReady,omitempty"`
	// TickAgeMillis since the last tick ended.
	TickAgeMillis int64 `json:"tickAgeMs"`
	// LeaseMarginMillis until nothing may leave the process; absent where there is no Lease.
	LeaseMarginMillis *int64 `json:"leaseMarginMs,omitempty"`
	// Equity in quote units.
	Equity string `json:"equity,omitempty"`
	// Sources of prices at the last tick.
	Sources []Source `json:"sources,omitempty"`
	// Solver: break-even price and size under all costs.
	Solver any `json:"solver,omitempty"`
	// Detail that the loop gave: guards, anomalies, verdicts.
	Detail any `json:"detail,omitempty"`
}

func (s *Server) statusz(w http.ResponseWriter, _ *http.Request) {
	now, st, f := time.Now(), s.state.Load(), s.loadFence()
	out := Status{NotReady: notReady(st, f, s.loadWaiting(), now, s.limit)}
	if st != nil {
		out.Report, out.Equity, out.Sources, out.Solver, out.Detail = &st.Report, st.Equity, st.Sources, st.Solver, st.Detail
		out.TickAgeMillis = now.Sub(st.ticked).Milliseconds()
	}
	if f != nil && f.Margin() != math.MaxInt64 {
		out.LeaseMarginMillis = new(f.Margin().Milliseconds())
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		http.Error(w, "statusz: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(b, '\n'))
}
