package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

func at(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }

func shipped(t *testing.T) *series.Series {
	t.Helper()
	s, err := series.Get(series.Sp500Daily)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheRowIsAFunctionOfTheTime(t *testing.T) {
	const length = 5105
	for _, c := range []struct {
		name string
		ms   int64
		step time.Duration
		want string
	}{
		{"the first row", length * 1000 * 7, time.Second, `{"recording":"sp500-daily","symbol":"SPX","price":"1455.22","time":35735000,"row":0,"date":"2000-01-03"}`},
		{"the end of its step", length*1000*7 + 999, time.Second, `{"recording":"sp500-daily","symbol":"SPX","price":"1455.22","time":35735000,"row":0,"date":"2000-01-03"}`},
		{"the next row", length*1000*7 + 1000, time.Second, `{"recording":"sp500-daily","symbol":"SPX","price":"1399.42","time":35736000,"row":1,"date":"2000-01-04"}`},
		{"the last row", length*250 - 1, 250 * time.Millisecond, `{"recording":"sp500-daily","symbol":"SPX","price":"2874.56","time":1276000,"row":5104,"date":"2020-04-17"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			newHandler(shipped(t), c.step, at(c.ms)).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/price", nil))
			if found := strings.TrimSpace(answer.Body.String()); answer.Code != 200 || found != c.want {
				t.Errorf("expected\n%s\nfound %d\n%s", c.want, answer.Code, found)
			}
		})
	}
}

func TestTheOracleReadsTheFeed(t *testing.T) {
	server := httptest.NewServer(newHandler(shipped(t), time.Second, at(35_736_789)))
	defer server.Close()
	sources, err := oracle.New([]config.Source{{Name: "feed", HTTP: &config.HTTPSource{URL: server.URL + "/price", Price: "$.price"}}})
	if err != nil {
		t.Fatal(err)
	}
	if q := oracle.Gather(t.Context(), sources, 0, 0)[0]; q.Err != "" || q.Price != fixed.MustParse("1399.42") {
		t.Errorf("found %+v", q)
	}
}

func TestItServesUntilItIsToldToStop(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, newHandler(shipped(t), time.Second, time.Now)) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	cancel()
	if err := <-ended; err != nil || string(body) != "ok\n" {
		t.Errorf("found %q, %v", body, err)
	}
}

func TestABadFlagIsRefused(t *testing.T) {
	for want, args := range map[string][]string{
		`--step: expected whole milliseconds of at least 1, found 0s`:          {"--step", "0s"},
		`--step: expected whole milliseconds of at least 1, found 1.0005s`:     {"--step", "1.0005s"},
		`--series: expected a shipped series, one of sp500-daily, found "dow"`: {"--series", "dow"},
		`expected flags only, found "now"`:                                     {"now"},
		`flag provided but not defined: -port`:                                 {"--port", "80"},
		`--listen: listen tcp: address nowhere: missing port in address`:       {"--listen", "nowhere"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out); err == nil || err.Error() != want {
			t.Errorf("%v: expected %s, found %v", args, want, err)
		}
	}
}
