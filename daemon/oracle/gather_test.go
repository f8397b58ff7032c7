package oracle

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// fake answers after a delay, or with the context's end where it comes first (unless it is deaf to it).
type fake struct {
	name  string
	delay time.Duration
	quote Quote
	deaf  bool
	panic bool
}

func (f fake) Name() string { return f.name }

func (f fake) Poll(ctx context.Context, tick uint64, nowMS int64) Quote {
	if f.panic {
		panic("a bug")
	}
	done := ctx.Done()
	if f.deaf {
		done = nil
	}
	select {
	case <-time.After(f.delay):
		return f.quote
	case <-done:
		return Quote{Err: string(remote.Deadline)}
	}
}

func TestGatherAnswersInTheConfiguredOrderByTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		quotes := Gather(ctx, []Source{
			fake{name: "slow", delay: 90 * time.Millisecond, quote: Quote{Price: 1}},
			fake{name: "late", delay: time.Second, quote: Quote{Price: 2}},
			fake{name: "deaf", delay: time.Hour, quote: Quote{Price: 3}, deaf: true},
			fake{name: "quick", quote: Quote{Price: 4, Source: "another name"}},
			fake{name: "broken", panic: true},
			fake{name: "free", quote: Quote{Price: 0, Received: 5}},
			fake{name: "down", quote: Quote{Err: "status: expected 200, found 500"}},
		}, 1, 2)
		want := []Quote{
			{Source: "slow", Price: 1}, {Source: "late", Err: "deadline"}, {Source: "deaf", Err: "deadline"}, {Source: "quick", Price: 4},
			{Source: "broken", Err: "internal: the source panicked"}, {Source: "free", Received: 5, Err: "price: expected above 0, found 0"},
			{Source: "down", Err: "status: expected 200, found 500"},
		}
		if !reflect.DeepEqual(quotes, want) {
			t.Errorf("expected\n%+v\nfound\n%+v", want, quotes)
		}
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("expected to wait until the deadline, found %v", took)
		}
		time.Sleep(2 * time.Hour) // The fake clock's: the deaf source must end too, or the bubble fails.
	})
}

func TestGatherDoesNotWaitWhenAllHaveAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		quotes := Gather(context.Background(), []Source{fake{name: "a", quote: Quote{Price: 1}}, fake{name: "b", delay: time.Second, quote: Quote{Price: 2}}}, 0, 0)
		if took := time.Since(began); took != time.Second || quotes[0].Price != 1 || quotes[1].Price != 2 {
			t.Errorf("found %+v after %v", quotes, took)
		}
		if none := Gather(context.Background(), nil, 0, 0); len(none) != 0 {
			t.Errorf("no sources: found %+v", none)
		}
	})
}

func TestTheConfiguredSourcesAreMadeInTheirOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "eth.csv")
	if err := os.WriteFile(file, []byte("price,volume\n10,1\n20,2\n30,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sources, err := New([]config.Source{
		{Name: "file", Replay: &config.ReplaySource{File: file, Offset: 2}},
		{Name: "file-2", Replay: &config.ReplaySource{File: file}},
		{Name: "shipped", Replay: &config.ReplaySource{Series: "sp500-daily"}},
		{Name: "walk", Simulated: &config.SimulatedSource{Start: fixed.One}},
		{Name: "kraken", HTTP: &config.HTTPSource{URL: "http://127.0.0.1:1/", Price: "$.p"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	quotes := Gather(context.Background(), sources[:4], 1, 7000)
	walked := quotes[3]
	want := []Quote{
		{Source: "file", Price: fixed.MustParse("10"), Volume: fixed.One, Published: 7000, Received: 7000},
		{Source: "file-2", Price: fixed.MustParse("20"), Volume: 2 * fixed.One, Published: 7000, Received: 7000},
		{Source: "shipped", Price: fixed.MustParse("1399.42"), Published: 7000, Received: 7000},
		walked,
	}
	if !reflect.DeepEqual(quotes, want) || walked.Source != "walk" || walked.Err != "" || sources[4].Name() != "kraken" {
		t.Errorf("expected\n%+v\nfound\n%+v", want, quotes)
	}
	if sources[0].(stepped).series != sources[1].(stepped).series {
		t.Error("expected the file to be read once")
	}
}

func TestABadSourceStopsTheStart(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("price\nten\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		source config.Source
		want   string
	}{
		{"no kind", config.Source{}, "oracle source a: expected exactly one of chainlink, http, pyth, replay, simulated, uniswap_v2, found none"},
		{"a missing file", config.Source{Replay: &config.ReplaySource{File: bad + "x"}}, "oracle source a: open " + bad + "x: no such file or directory"},
		{"a bad file", config.Source{Replay: &config.ReplaySource{File: bad}}, "oracle source a: " + bad + ":2: price: expected a decimal number"},
		{"an unknown series", config.Source{Replay: &config.ReplaySource{Series: "dow"}}, `oracle source a: expected a shipped series, one of sp500-daily, found "dow"`},
		{"a bad path", config.Source{HTTP: &config.HTTPSource{URL: "http://x", Price: "$.a", Time: "$.a[-1]"}}, `oracle source a: time: expected a path such as`},
		{"no price", config.Source{HTTP: &config.HTTPSource{URL: "http://x"}}, `oracle source a: price: expected a path such as`},
		{"a walk from nothing", config.Source{Simulated: &config.SimulatedSource{}}, "oracle source a: simulated.start: expected a price above 0, found 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.Name = "a"
			if _, err := New([]config.Source{c.source}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("expected %s, found %v", c.want, err)
			}
		})
	}
}
