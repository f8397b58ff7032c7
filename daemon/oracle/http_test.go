package oracle

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// serve starts a server and returns its URL, with credentials in it that must not come back.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "http://", "http://me:secret@", 1) + "/price?key=secret"
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func pollOnce(t *testing.T, ctx context.Context, c config.HTTPSource) Quote {
	t.Helper()
	s, err := newHTTP("kraken", c)
	if err != nil {
		t.Fatal(err)
	}
	q, failure := s.Ask(ctx, 1_700_000_000_000)
	q.Source = s.Name()
	if failure != nil {
		q.Err = failure.Error()
	}
	if strings.Contains(q.Err, "secret") {
		t.Errorf("a credential is in the error: %s", q.Err)
	}
	return q
}

func TestPriceTimeAndVolumeAreReadExactly(t *testing.T) {
	const key = `{"result":{"X.Y":{"c":["4321.125","1.5"]}},"price":4321.125,"big":"4.321125e3","long":"0.12345678999","t":%s,"v":"10"}`
	for _, c := range []struct {
		name, price, time, document string
		wantPrice                   string
		wantPublished               int64
	}{
		{"a string", "$.result['X.Y'].c[0]", "", key, "4321.125", 0},
		{"a number", "$.price", "", key, "4321.125", 0},
		{"an exponent", "$.big", "", key, "4321.125", 0},
		{"more digits than a value has are dropped", "$.long", "", key, "0.123456789", 0},
		{"a number that no float holds", "$[1]", "", `[0, 9007199254.740993]%.0s`, "9007199254.740993", 0},
		{"seconds", "$.price", "$.t", fmt.Sprintf(key, "1690000000"), "4321.125", 1_690_000_000_000},
		{"seconds with a fraction", "$.price", "$.t", fmt.Sprintf(key, "1690000000.1239"), "4321.125", 1_690_000_000_123},
		{"seconds as a string", "$.price", "$.t", fmt.Sprintf(key, `"1690000000.5"`), "4321.125", 1_690_000_000_500},
		{"milliseconds", "$.price", "$.t", fmt.Sprintf(key, "1690000000123"), "4321.125", 1_690_000_000_123},
		{"milliseconds with a fraction", "$.price", "$.t", fmt.Sprintf(key, "1690000000123.9"), "4321.125", 1_690_000_000_123},
		{"RFC 3339", "$.price", "$.t", fmt.Sprintf(key, `"2023-07-22T04:26:40.123456Z"`), "4321.125", 1_690_000_000_123},
		{"RFC 3339 with an offset", "$.price", "$.t", fmt.Sprintf(key, `"2023-07-22T06:26:40+02:00"`), "4321.125", 1_690_000_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			document := c.document
			if strings.Contains(document, "%") {
				document = fmt.Sprintf(document, "0")
			}
			volume := "$.v"
			if document[0] == '[' {
				volume = ""
			}
			q := pollOnce(t, t.Context(), config.HTTPSource{URL: serve(t, answer(document)), Price: c.price, Time: c.time, Volume: volume})
			if q.Err != "" || q.Price != fixed.MustParse(c.wantPrice) || q.Source != "kraken" || q.Received < 1_700_000_000_000 {
				t.Errorf("expected %s, found %+v", c.wantPrice, q)
			}
			if volume != "" && q.Volume != 10*fixed.One {
				t.Errorf("volume: expected 10, found %s", q.Volume)
			}
			if want := c.wantPublished; q.Published != want && (want != 0 || q.Published != q.Received) {
				t.Errorf("publish time: expected %d (0: that of receipt), found %d", want, q.Published)
			}
		})
	}
}

func TestABadDocumentIsAReasonAndNoPrice(t *testing.T) {
	for _, c := range []struct{ name, document, want string }{
		{"no JSON", `<html>`, "json: invalid character '<' looking for beginning of value"},
		{"nothing", ``, "json: expected a whole document, found its end too early"},
		{"half a document", `{"p":1,`, "json: expected a whole document, found its end too early"},
		{"two documents", `{"p":1}{"p":2}`, "json: expected one document, found more after byte 8"},
		{"no such member", `{"q":1}`, "price: expected a value at $.p, found nothing"},
		{"another shape", `[1]`, "price: expected an object at $, found an array"},
		{"null", `{"p":null}`, "price: expected a number or a string at $.p, found null"},
		{"an object", `{"p":{}}`, "price: expected a number or a string at $.p, found an object"},
		{"a switch", `{"p":true}`, "price: expected a number or a string at $.p, found a boolean"},
		{"a price of zero", `{"p":"0.000"}`, "price: expected above 0, found 0"},
		{"a price below the smallest unit", `{"p":1e-10}`, "price: expected above 0, found 0"},
		{"a negative price", `{"p":-4321.5}`, "price: expected above 0, found -4321.5"},
		{"a price beyond the range", `{"p":1e30}`, `price: at $.p: expected a decimal number with at most 9 digits after the point, found "1e30": fixed: outside -9223372036.854775808 to 9223372036.854775807`},
		{"not a number", `{"p":"NaN"}`, `price: at $.p: expected a decimal number with at most 9 digits after the point, found "NaN": not a decimal number`},
		{"thousands with commas", `{"p":"4,321.5"}`, `price: at $.p: expected a decimal number with at most 9 digits after the point, found "4,321.5": not a decimal number`},
		{"no time", `{"p":1}`, "time: expected a value at $.t, found nothing"},
		{"microseconds", `{"p":1,"t":1690000000123456}`, `time: expected Unix seconds, milliseconds or RFC 3339 at $.t, found "1690000000123456"`},
		{"a time of zero", `{"p":1,"t":0}`, `time: expected Unix seconds, milliseconds or RFC 3339 at $.t, found "0"`},
		{"a negative time", `{"p":1,"t":-5}`, `time: expected Unix seconds, milliseconds or RFC 3339 at $.t, found "-5"`},
		{"a time with an exponent", `{"p":1,"t":1.69e9}`, `time: expected Unix seconds, milliseconds or RFC 3339 at $.t, found "1.69e9"`},
		{"a date", `{"p":1,"t":"2023-07-22"}`, `time: expected Unix seconds, milliseconds or RFC 3339 at $.t, found "2023-07-22"`},
		{"a negative volume", `{"p":1,"t":1690000000,"v":-1}`, "volume: expected at least 0, found -1"},
		{"no volume", `{"p":1,"t":1690000000}`, "volume: expected a value at $.v, found nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := pollOnce(t, t.Context(), config.HTTPSource{URL: serve(t, answer(c.document)), Price: "$.p", Time: "$.t", Volume: "$.v"})
			if q.Err != c.want || q.Price != 0 || q.Volume != 0 || q.Published != 0 {
				t.Errorf("expected %s, found %+v", c.want, q)
			}
		})
	}
}

func TestABadServerIsAReasonByTheDeadline(t *testing.T) {
	stop := make(chan struct{})
	hang := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}
	defer close(stop)
	elsewhere := serve(t, answer(`{"p":1}`))
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"it never answers", hang, "deadline"},
		{"it stops in the middle", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"p":`)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, "deadline"},
		{"it cuts its answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"p":1}`)
		}, "connect: the answer was cut"},
		{"it hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "connect: the answer was cut"},
		{"it is broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "status: expected 200, found 500"},
		{"it limits the rate", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "ratelimit: expected 200, found 429"},
		{"it has no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "status: expected 200, found 204"},
		{"it talks without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 4096)); err != nil {
					return
				}
			}
		}, "size: expected at most 65536 bytes, found more"},
		{"it sends elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, "redirect: expected host"},
		{"it sends round in circles", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, "redirect: expected at most 3, found more"},
		{"it speaks another protocol", func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, "SSH-2.0-secret\r\n\r\n")
				_ = connection.Close()
			}
		}, "connect: the request failed ("},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := 10 * time.Second
			if c.want == "deadline" {
				timeout = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			q := pollOnce(t, ctx, config.HTTPSource{URL: serve(t, c.handler), Price: "$.p"})
			if !strings.HasPrefix(q.Err, c.want) || q.Price != 0 {
				t.Errorf("expected %s, found %+v", c.want, q)
			}
		})
	}
	t.Run("it is not there", func(t *testing.T) {
		q := pollOnce(t, t.Context(), config.HTTPSource{URL: closed.URL + "?key=secret", Price: "$.p"})
		if q.Err != "connect: connection refused" {
			t.Errorf("found %+v", q)
		}
	})
}

func TestARedirectOnTheSameHostIsFollowedButNeverOutOfTLS(t *testing.T) {
	q := pollOnce(t, t.Context(), config.HTTPSource{Price: "$.p", URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2" {
			http.Redirect(w, r, "/v2", http.StatusMovedPermanently)
			return
		}
		_, _ = io.WriteString(w, `{"p":7}`)
	})})
	if q.Err != "" || q.Price != 7*fixed.One {
		t.Errorf("found %+v", q)
	}
}

// FuzzDocument: whatever a server sends, the quote is either a price above zero with a time, or a reason and nothing else.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"result":{"c":["4321.125"]},"t":1690000000}`))
	f.Add([]byte(`{"result":{"c":[1e3]},"t":"2023-07-22T04:26:40Z"}`))
	f.Add([]byte(`{"result":{"c":[{}]},"t":null} x`))
	s, err := newHTTP("a", config.HTTPSource{URL: "http://x", Price: "$.result.c[0]", Time: "$.t"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, failure := s.read(Quote{Received: 5}, body)
		good := failure == nil && q.Price > 0 && q.Published > 0
		bad := failure != nil && q == (Quote{Received: 5}) && len(failure.Error()) <= 500
		if !good && !bad {
			t.Fatalf("%q: found %+v, %v", body, q, failure)
		}
	})
}
