package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

func TestTheServersClockIsItsDateUnlessTheAnswerIsOld(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, c := range []struct {
		name   string
		header map[string]string
		want   int64
	}{
		{"a date", map[string]string{"Date": date}, 784_111_777_000},
		{"a date out of a cache that is fresh", map[string]string{"Date": date, "Age": "0"}, 784_111_777_000},
		{"a date out of a cache is no clock", map[string]string{"Date": date, "Age": "12"}, 0},
		{"no date", nil, 0},
		{"another text", map[string]string{"Date": "now"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			if got := serverClock(h); got != c.want {
				t.Fatalf("expected %d, found %d", c.want, got)
			}
		})
	}
}

// TestHowLongToWait: what each answer asks for, from a real server.
func TestHowLongToWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		want   Failure
	}{
		{"too many requests, for so many seconds", 429, map[string]string{"Retry-After": "7"}, Failure{Code: RateLimit, After: 7 * time.Second}},
		{"until a date, by the server's own clock", 429, map[string]string{"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT"},
			Failure{Code: RateLimit, After: 30 * time.Second}},
		{"too many requests without a time", 429, nil, Failure{Code: RateLimit, After: DefaultWait}},
		{"with a time that is none", 429, map[string]string{"Retry-After": "soon"}, Failure{Code: RateLimit, After: DefaultWait}},
		{"a wait without end is bounded", 429, map[string]string{"Retry-After": "999999999"}, Failure{Code: RateLimit, After: LongestWait}},
		{"a date that is past is no wait", 503, map[string]string{"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:07 GMT"}, Failure{Code: RateLimit}},
		{"a ban, as Binance says it", 418, map[string]string{"Retry-After": "120"}, Failure{Code: RateLimit, After: 2 * time.Minute}},
		{"a server that is busy says when", 503, map[string]string{"Retry-After": "2"}, Failure{Code: RateLimit, After: 2 * time.Second}},
		{"a server's error may pass", 502, nil, Failure{Code: Status, Passing: true}},
		{"a mistake of ours will not", 404, nil, Failure{Code: Status}},
		{"nor will a missing token", 401, nil, Failure{Code: Status}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			_, clock, f := Get(t.Context(), NewClient(), server.URL, nil)
			if c.want.Detail = fmt.Sprintf("expected 200, found %d", c.status); f == nil || *f != c.want || clock == 0 {
				t.Fatalf("expected %+v and a clock, found %+v, %d", c.want, f, clock)
			}
		})
	}
}

func TestARedirectNeverLeadsOutOfTLS(t *testing.T) {
	from, to := &http.Request{URL: &url.URL{Scheme: "https", Host: "x"}}, &http.Request{URL: &url.URL{Scheme: "http", Host: "x"}}
	if err := checkRedirect(to, []*http.Request{from}); err == nil || err.Error() != "redirect: expected https, found http" {
		t.Errorf("found %v", err)
	}
}

func TestAnErrorOfTheNetworkIsWordedWithoutTheURL(t *testing.T) {
	for _, c := range []struct {
		inner   error
		want    string
		passing bool
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "secret.example", Err: "no such host"}}, "connect: the host's name is not resolved", true},
		{context.Canceled, "deadline", false},
		{&net.OpError{Op: "dial", Err: timeout{}}, "deadline", false},
		{errors.New("secret"), "connect: the request failed (errors.errorString)", true},
	} {
		if found := Worded(&url.Error{Op: "Get", URL: "http://x?key=secret", Err: c.inner}); found.Error() != c.want || found.Passing != c.passing {
			t.Errorf("%v: expected %s, found %+v", c.inner, c.want, found)
		}
	}
}

type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }
