package oracle

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/hermestest"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

const ethUSD = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"

// hermes is a server of Hermes' interface, at the path /hermes.
type hermes struct {
	*hermestest.Server
	URL string
}

func newHermes(t *testing.T) *hermes {
	h := &hermes{Server: &hermestest.Server{Feed: ethUSD, Latest: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, hermestest.Update(ethUSD, "246682322909", "87014791", -8, 1724826310))
	}}}
	server := httptest.NewServer(h.Server)
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

func pythSource(t *testing.T, c config.PythSource) Source {
	t.Helper()
	sources, err := New([]config.Source{{Name: "pyth", Pyth: &c}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Close(sources); err != nil {
			t.Error(err)
		}
	})
	return sources[0]
}

func TestPythsPriceIsReadExactly(t *testing.T) {
	for _, c := range []struct {
		name, price, conf string
		expo              int64
		maxBps            int64
		want, confidence  string
		reason            string
	}{
		{"the usual exponent", "246682322909", "87014791", -8, 50, "2466.82322909", "0.87014791", ""},
		{"a finer one: the price loses digits, the confidence is rounded up", "2466823229091", "8701479", -10, 50, "246.682322909", "0.000870148", ""},
		{"whole units", "246", "1", 0, 50, "246", "1", ""},
		{"tens", "24", "0", 1, 50, "240", "0", ""},
		{"exactly as wide as is allowed", "10000", "50", 0, 50, "10000", "50", ""},
		{"a unit wider", "10000000000000", "50000000001", -9, 50, "", "", "confidence: expected at most 50 bps of 10000, found 50.000000001"},
		{"much wider", "10000", "10000", 0, 50, "", "", "confidence: expected at most 50 bps of 10000, found 10000"},
		{"so wide that there is no number for it", "1", "9000000000", -9, 5000, "", "", "confidence: expected at most 5000 bps of 0.000000001, found 9"},
		{"a price of zero", "0", "0", -8, 50, "", "", "price: expected above 0, found 0"},
		{"a price below zero", "-5", "0", -8, 50, "", "", "price: expected above 0, found -0.00000005"},
		{"a price below the smallest unit", "5", "0", -10, 50, "", "", "price: expected above 0, found 0"},
		{"a confidence below zero", "5", "-1", 0, 50, "", "", "confidence: expected at least 0, found -1"},
		{"a price beyond the range", "1", "0", 12, 50, "", "", `price: expected a decimal number with at most 9 digits after the point, found "1e12": fixed: outside -9223372036.854775808 to 9223372036.854775807`},
		{"a price with a point", "1.5", "0", 0, 50, "", "", `price: expected a whole number, found "1.5"`},
		{"a price that is a word", "", "0", 0, 50, "", "", `price: expected a whole number, found ""`},
		{"a confidence that is one", "5", "wide", 0, 50, "", "", `confidence: expected a whole number, found "wide"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHermes(t)
			h.Latest = func(w http.ResponseWriter) {
				_, _ = io.WriteString(w, hermestest.Update(ethUSD, c.price, c.conf, c.expo, 1724826310))
			}
			q := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: c.maxBps}).Poll(t.Context(), 1, 5000)
			if q.Err != c.reason || q.Source != "pyth" || q.Received < 5000 || q.Asked != 5000 || q.Server == 0 {
				t.Fatalf("expected %q, with the server's clock, found %+v", c.reason, q)
			}
			if c.reason != "" {
				if q.Price != 0 || q.Published != 0 || q.Confidence != 0 {
					t.Fatalf("a reason with a price: %+v", q)
				}
			} else if q.Price != fixed.MustParse(c.want) || q.Confidence != fixed.MustParse(c.confidence) || q.Published != 1_724_826_310_000 {
				t.Fatalf("expected %s, confidence %s, found %+v", c.want, c.confidence, q)
			}
		})
	}
}

func TestABadUpdateOfHermesIsAReason(t *testing.T) {
	good := hermestest.Update(ethUSD, "5", "0", 0, 1724826310)
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct{ name, document, want string }{
		{"no JSON", "<html>", "json: invalid character '<' looking for beginning of value"},
		{"nothing", "", "json: unexpected end of JSON input"},
		{"half of it", good[:100], "json: unexpected end of JSON input"},
		{"more after it", good + "x", "json: invalid character 'x' after top-level value"},
		{"no parsed price", `{"binary":{"encoding":"hex","data":[]},"parsed":null}`, "json: expected one parsed price, found 0"},
		{"another feed", hermestest.Update(strings.Repeat("0", 64), "5", "0", 0, 1724826310), "price: expected feed " + ethUSD + `, found "0000000000000000000000000000000000000000..."`},
		{"two prices", swap(`"parsed":[`, `"parsed":[{},`), "json: expected one parsed price, found 2"},
		{"a price that is a number", swap(`"price":"5"`, `"price":5`), "json: expected another kind of value at parsed.price.price, found a number"},
		{"an exponent that is none", swap(`"expo":0`, `"expo":0.5`), `price: expected a decimal number with at most 9 digits after the point, found "5e0.5": not a decimal number`},
		{"no exponent", swap(`"expo":0,`, ``), `price: expected a decimal number with at most 9 digits after the point, found "5e": not a decimal number`},
		{"no publish time", swap(`,"publish_time":1724826310`, ``), `time: expected Unix seconds in publish_time, found ""`},
		{"a publish time in microseconds", swap(`"publish_time":1724826310`, `"publish_time":1724826310000000`), `time: expected Unix seconds in publish_time, found "1724826310000000"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHermes(t)
			h.Latest = func(w http.ResponseWriter) { _, _ = io.WriteString(w, c.document) }
			q := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: 50}).Poll(t.Context(), 1, 5000)
			if q.Err != c.want || q.Price != 0 {
				t.Fatalf("expected %s, found %+v", c.want, q)
			}
		})
	}
}

func TestHermesIsAskedAsItsDocumentationSays(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name, url, feed, token, tokenFile, want string
	}{
		{"a server that wants no token", "", ethUSD, "", "", ""},
		{"what the URL carries stays", "?key=secret", ethUSD, "", "", ""},
		{"a slash at the URL's end", "/", ethUSD, "", "", ""},
		{"a token", "", ethUSD, "abc.DEF", file("token", "abc.DEF\n"), ""},
		{"no token where one is wanted", "", ethUSD, "abc", "", "status: expected 200, found 401"},
		{"a wrong one", "", ethUSD, "abc", file("wrong", "secret"), "status: expected 200, found 401"},
		{"a token's file that is not there", "", ethUSD, "abc", filepath.Join(dir, "none"), "credentials: the token's file cannot be read"},
		{"an empty one", "", ethUSD, "abc", file("empty", "\n"), "credentials: expected one line of printable characters in the token's file"},
		{"one of two lines", "", ethUSD, "abc", file("lines", "secret\nsecret"), "credentials: expected one line of printable characters in the token's file"},
		{"an unknown feed", "", strings.Repeat("1", 64), "", "", "status: expected 200, found 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, stream := range []bool{false, true} {
				h := newHermes(t)
				h.Token = c.token
				h.Stream = func(w http.ResponseWriter, r *http.Request, _ int64) {
					hermestest.Send(w, hermestest.Update(ethUSD, "246682322909", "87014791", -8, 1724826310))
					<-r.Context().Done()
				}
				s := pythSource(t, config.PythSource{URL: h.URL + "/hermes" + c.url, Feed: c.feed, MaxConfidenceBps: 50, TokenFile: c.tokenFile, Stream: stream})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				q := s.Poll(ctx, 1, 5000)
				cancel()
				if q.Err != c.want || (c.want == "") != (q.Price == fixed.MustParse("2466.82322909")) || strings.Contains(q.Err, "secret") {
					t.Fatalf("stream %t: expected %q, found %+v", stream, c.want, q)
				}
			}
		})
	}
}

func TestATokenThatWasReplacedIsTakenUp(t *testing.T) {
	h := newHermes(t)
	h.Token = "second"
	path := filepath.Join(t.TempDir(), "token")
	s := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: 50, TokenFile: path})
	for _, c := range []struct{ token, want string }{{"first", "status: expected 200, found 401"}, {"second", ""}} {
		if err := os.WriteFile(path, []byte(c.token), 0o600); err != nil {
			t.Fatal(err)
		}
		if q := s.Poll(t.Context(), 1, 5000); q.Err != c.want {
			t.Fatalf("token %s: expected %q, found %+v", c.token, c.want, q)
		}
	}
}

// TestHermesLimitsTheRate: as documented, 429 for a minute; and with a Retry-After for as long as that says.
func TestHermesLimitsTheRate(t *testing.T) {
	for retryAfter, wait := range map[string]time.Duration{"": time.Minute, "30": 30 * time.Second} {
		h := newHermes(t)
		h.Latest = func(w http.ResponseWriter) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
		}
		s := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: 50})
		began := time.Now()
		if q := s.Poll(t.Context(), 1, 5000); q.Err != "ratelimit: expected 200, found 429" {
			t.Fatalf("%+v", q)
		}
		q := s.Poll(t.Context(), 2, 5250)
		text, _ := strings.CutPrefix(q.Err, "ratelimit: not asked for ")
		text, _, _ = strings.Cut(text, " more")
		left, err := time.ParseDuration(text)
		if passed := time.Since(began) + time.Millisecond; err != nil || left > wait || left < wait-passed || h.Asked() != 1 {
			t.Fatalf("expected a wait of %v less the %v that passed, after one question; found %+v after %d", wait, passed, q, h.Asked())
		}
	}
}

// TestEachErrorOfHermesIsAReason, polled and streamed, and the next answer is a price again.
func TestEachErrorOfHermesIsAReason(t *testing.T) {
	for _, c := range []struct {
		name, retryAfter string
		status           int
		want             string
	}{
		{"a question that it does not understand", "", http.StatusBadRequest, "status: expected 200, found 400"},
		{"a token that is no longer good", "", http.StatusForbidden, "status: expected 200, found 403"},
		{"a feed that is gone", "", http.StatusNotFound, "status: expected 200, found 404"},
		{"an internal error", "", http.StatusInternalServerError, "status: expected 200, found 500"},
		{"a gateway that finds nobody", "", http.StatusBadGateway, "status: expected 200, found 502"},
		{"maintenance", "", http.StatusServiceUnavailable, "status: expected 200, found 503"},
		{"maintenance that says for how long", "1", http.StatusServiceUnavailable, "ratelimit: expected 200, found 503"},
		{"a limit that says for how long", "1", http.StatusTooManyRequests, "ratelimit: expected 200, found 429"},
		{"a gateway's own error", "", 520, "status: expected 200, found 520"},
		{"a page instead of an answer", "", http.StatusOK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			for _, stream := range []bool{false, true} {
				h := newHermes(t)
				var failed atomic.Bool
				fail := func(w http.ResponseWriter) (again bool) {
					if failed.Load() {
						return true
					}
					w.Header().Set("Content-Type", "text/html")
					if c.retryAfter != "" {
						w.Header().Set("Retry-After", c.retryAfter)
					}
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, "<html>secret</html>")
					return false
				}
				h.Latest = func(w http.ResponseWriter) {
					if fail(w) {
						_, _ = io.WriteString(w, hermestest.Update(ethUSD, "7", "0", 0, 1724826310))
					}
				}
				h.Stream = func(w http.ResponseWriter, r *http.Request, _ int64) {
					if fail(w) {
						hermestest.Send(w, hermestest.Update(ethUSD, "7", "0", 0, 1724826310))
						<-r.Context().Done()
					}
				}
				want := c.want
				if c.status == http.StatusOK {
					want = map[bool]string{false: "json: invalid character '<'", true: "status: expected a stream of events"}[stream]
				}
				s := pythSource(t, config.PythSource{URL: h.URL, Feed: ethUSD, MaxConfidenceBps: 50, Stream: stream})
				if q := s.Poll(t.Context(), 1, 5000); !failing(want)(q) || strings.Contains(q.Err, "secret") {
					t.Errorf("stream %t: expected %q, found %+v", stream, want, q)
				}
				failed.Store(true)
				eventually(t, s, "a price again", priced("7"))
			}
		})
	}
}

// eventually polls until the quote is as wanted. How long that takes is the machine's business.
func eventually(t *testing.T, s Source, what string, wanted func(Quote) bool) {
	t.Helper()
	var q Quote
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if q = s.Poll(t.Context(), 1, 5000); wanted(q) {
			return
		}
	}
	t.Fatalf("expected %s, found %+v", what, q)
}

func priced(price string) func(Quote) bool {
	return func(q Quote) bool { return q.Err == "" && q.Price == fixed.MustParse(price) }
}

func failing(reason string) func(Quote) bool {
	return func(q Quote) bool { return strings.HasPrefix(q.Err, reason) && q.Price == 0 }
}

// TestHermesStream goes through a stream's life: prices, a price that is not sure, comments, an end, a refusal, garbage, and each time prices again.
func TestHermesStream(t *testing.T) {
	h := newHermes(t)
	next := make(chan struct{})
	step := func(r *http.Request) {
		select {
		case <-next:
		case <-r.Context().Done():
		}
	}
	h.Stream = func(w http.ResponseWriter, r *http.Request, connection int64) {
		price := func(text, conf string) { hermestest.Send(w, hermestest.Update(ethUSD, text, conf, 0, 1724826310)) }
		switch connection {
		case 1:
			price("100", "0")
			step(r)
			_, _ = io.WriteString(w, ": keep-alive\n\nevent: ping\n\nid: 7\nretry: 10\n\n")
			price("101", "0")
			step(r)
			price("102", "50")
			step(r)
			price("103", "0")
			step(r) // and the server ends it, as Hermes does after 24 hours
		case 2:
			price("104", "0")
			step(r)
			hermestest.Send(w, `{"parsed":[`)
			<-r.Context().Done() // the source hangs up by itself
		case 3:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
		case 4:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>maintenance</html>")
		default:
			price("105", "0")
			<-r.Context().Done()
		}
	}
	s := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: 50, Stream: true})
	eventually(t, s, "the first price", priced("100"))
	next <- struct{}{}
	eventually(t, s, "a price past comments and other fields", priced("101"))
	next <- struct{}{}
	eventually(t, s, "a price that is not sure to be refused", failing("confidence: expected at most 50 bps of 102, found 50"))
	next <- struct{}{}
	eventually(t, s, "the next price of the same connection", priced("103"))
	if n := h.Asked(); n != 1 {
		t.Fatalf("expected one connection so far, found %d", n)
	}
	next <- struct{}{}
	eventually(t, s, "a price of the next connection", priced("104"))
	next <- struct{}{}
	eventually(t, s, "garbage to be said", failing("json: unexpected end of JSON input"))
	eventually(t, s, "the limit of the rate to be said", failing("ratelimit: expected 200, found 429"))
	eventually(t, s, "another kind of answer to be said", failing("status: expected a stream of events"))
	eventually(t, s, "a price in the end", priced("105"))
}

func TestAStreamIsResumedAfterTheServerIsGone(t *testing.T) {
	h := newHermes(t)
	h.Stream = func(w http.ResponseWriter, r *http.Request, n int64) {
		if n > 1 { // the first connection is of the server that goes
			hermestest.Send(w, hermestest.Update(ethUSD, "2", "0", 0, 1724826310))
			<-r.Context().Done()
			return
		}
		hermestest.Send(w, hermestest.Update(ethUSD, "1", "0", 0, 1724826310))
		panic(http.ErrAbortHandler)
	}
	s := pythSource(t, config.PythSource{URL: h.URL + "/hermes", Feed: ethUSD, MaxConfidenceBps: 50, Stream: true})
	eventually(t, s, "a price of the second connection", priced("2"))
}

// quietServer is a connection on which one event comes and then nothing more.
type quietServer struct{ connections int }

func (q *quietServer) RoundTrip(r *http.Request) (*http.Response, error) {
	q.connections++
	body, w := io.Pipe()
	go func() {
		_, _ = fmt.Fprintf(w, "data:%s\n\n", hermestest.Update(ethUSD, fmt.Sprint(q.connections), "0", 0, 1724826310))
		<-r.Context().Done()
		_ = w.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body}, nil
}

func TestAConnectionOnWhichNothingComesIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &quietServer{}
		p := &pyth{name: "pyth", feed: ethUSD, url: "http://hermes.test", maxBps: 50, client: &http.Client{Transport: server}}
		heard := 0
		began := time.Now()
		f := p.Listen(t.Context(), func(Quote, *remote.Failure) { heard++ })
		if f.Error() != "deadline: nothing came for 15s" || heard != 1 || time.Since(began) != quietFor {
			t.Fatalf("expected the end after 15 s of silence, found %v, %d events, %v", f, heard, time.Since(began))
		}
	})
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	long := strings.Repeat("x", remote.MaxDocumentBytes+1)
	for _, c := range []struct{ name, stream, want, end string }{
		{"one line", "data: a\n\n", "[a]", "connect: the server ended the stream"},
		{"without a space, and with two", "data:a\n\ndata:  b\n\n", "[a  b]", "connect: the server ended the stream"},
		{"several lines are joined", "data: a\ndata: b\n\n", "[a\nb]", "connect: the server ended the stream"},
		{"line ends of any kind", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[a b c]", "connect: the server ended the stream"},
		{"comments and other fields are passed over", ": hi\nevent: x\nid: 1\nretry: 5\ndata: a\nfoo\n\n", "[a]", "connect: the server ended the stream"},
		{"an event without data is none", "event: x\n\n\n\ndata: a\n\n", "[a]", "connect: the server ended the stream"},
		{"a data field without a value is an empty one", "data\n\n", "[]", "connect: the server ended the stream"},
		{"an event that the end cuts is dropped", "data: a\n\ndata: b\n", "[a]", "connect: the server ended the stream"},
		{"a line that is too long", "data: " + long + "\n\n", "[]", "size: expected at most 65536 bytes an event, found more"},
		{"an event that is too long", strings.Repeat("data: "+long[:40_000]+"\n", 2) + "\n", "[]", "size: expected at most 65536 bytes an event, found more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := []string{}
			f := events(strings.NewReader(c.stream), func(data []byte) *remote.Failure {
				found = append(found, string(data))
				return nil
			})
			if fmt.Sprint(found) != c.want || f.Error() != c.end {
				t.Fatalf("expected %s and %q, found %s and %q", c.want, c.end, found, f)
			}
		})
	}
}

// FuzzHermes: whatever a stream sends, each event is either a price above zero with a time and a confidence within the limit, or a reason alone.
func FuzzHermes(f *testing.F) {
	f.Add([]byte("data:" + hermestest.Update(ethUSD, "246682322909", "87014791", -8, 1724826310) + "\n\n"))
	f.Add([]byte(": x\r\ndata: {\"parsed\":[{}]}\r\rdata\n\n"))
	f.Add([]byte("data:" + hermestest.Update(ethUSD, "-1", "9223372036854775808", -19, 0) + "\n\n"))
	p := &pyth{name: "a", feed: ethUSD, maxBps: 50}
	f.Fuzz(func(t *testing.T, stream []byte) {
		end := events(strings.NewReader(string(stream)), func(data []byte) *remote.Failure {
			q, failure := p.read(Quote{}, data)
			good := failure == nil && q.Price > 0 && q.Published > 0 && q.Confidence >= 0 && q.Confidence <= q.Price
			bad := failure != nil && q == Quote{} && len(failure.Error()) <= 500
			if !good && !bad {
				t.Fatalf("%q: found %+v, %v", data, q, failure)
			}
			return nil
		})
		if end == nil {
			t.Fatal("a stream that ends says so")
		}
	})
}
