package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("feed", flag.ContinueOnError)
	flags.SetOutput(out)
	listen := flags.String("listen", ":8080", "address of the HTTP server")
	name := flags.String("series", series.Sp500Daily, "recorded series, one of "+strings.Join(series.Names(), ", "))
	step := flags.Duration("step", time.Second, "time from one row to the next, whole milliseconds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("expected flags only, found %q", flags.Arg(0))
	}
	if *step < time.Millisecond || *step%time.Millisecond != 0 {
		return fmt.Errorf("--step: expected whole milliseconds of at least 1, found %v", *step)
	}
	recording, err := series.Get(*name)
	if err != nil {
		return fmt.Errorf("--series: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(out, nil))
	log.Info("playing a recording, not a market", "series", *name, "rows", len(recording.Rows), "step", step.String(), "listen", listener.Addr().String())
	return serve(ctx, listener, newHandler(recording, *step, time.Now))
}

// serve answers until ctx is done, and then lets open requests end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}

// quote is the answer of /price.
type quote struct {
	Recording string      `json:"recording"`
	Symbol    string      `json:"symbol"`
	Price     fixed.Value `json:"price"`
	// Time is the start of the step, in Unix milliseconds.
	Time int64  `json:"time"`
	Row  int    `json:"row"`
	Date string `json:"date,omitempty"`
}

func newHandler(recording *series.Series, step time.Duration, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /price", func(w http.ResponseWriter, _ *http.Request) {
		n := now().UnixMilli() / step.Milliseconds()
		row, index := recording.At(0, uint64(n))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		// An error here is the client's connection: there is nobody left to tell.
		_ = json.NewEncoder(w).Encode(quote{
			Recording: recording.Name, Symbol: recording.Symbol, Price: row.Price, Time: n * step.Milliseconds(), Row: index, Date: row.Date,
		})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}
