package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// MaxDocumentBytes is the longest answer that an http source takes.
const MaxDocumentBytes = 64 << 10

const (
	maxRedirects   = 3
	connectTimeout = 5 * time.Second
	requestTimeout = 30 * time.Second // for a caller whose ctx has no deadline
)

// httpSource polls a JSON document.
type httpSource struct {
	name                string
	url                 string
	price, time, volume *path // time and volume may be nil
	client              *http.Client
}

func newHTTP(name string, c config.HTTPSource) (*httpSource, error) {
	s := &httpSource{name: name, url: c.URL}
	for _, p := range []struct {
		key, text string
		into      **path
	}{{"price", c.Price, &s.price}, {"time", c.Time, &s.time}, {"volume", c.Volume, &s.volume}} {
		if p.text == "" && p.into != &s.price {
			continue
		}
		parsed, err := parsePath(p.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.key, err)
		}
		*p.into = &parsed
	}
	// A transport of its own: a source that hangs or breaks must not take the connections of another.
	s.client = &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: MaxDocumentBytes,
			MaxIdleConns:           1,
			IdleConnTimeout:        2 * time.Minute,
			ForceAttemptHTTP2:      true,
		},
	}
	return s, nil
}

var errRedirect = errors.New("redirect")

// checkRedirect stays with the configured host: another one was not chosen by the user, and would see what the URL carries.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: expected at most %d, found more", errRedirect, maxRedirects)
	case next.URL.Host != first.Host:
		return fmt.Errorf("%w: expected host %s, found %s", errRedirect, first.Host, next.URL.Host)
	case first.Scheme == "https" && next.URL.Scheme != "https":
		return fmt.Errorf("%w: expected https, found %s", errRedirect, next.URL.Scheme)
	}
	return nil
}

func (s *httpSource) Name() string { return s.name }

// Poll measures the time to the answer on the monotonic clock and adds it to the tick's time, so that a step of the wall clock in between
// does not show.
func (s *httpSource) Poll(ctx context.Context, _ uint64, nowMS int64) Quote {
	began := time.Now()
	body, reason := s.fetch(ctx)
	q := Quote{Source: s.name, Received: nowMS + time.Since(began).Milliseconds()}
	if reason != "" {
		q.Err = reason
		return q
	}
	return s.read(q, body)
}

// fetch returns the document, or the reason why there is none.
func (s *httpSource) fetch(ctx context.Context) (body []byte, reason string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, ReasonConnect + ": the URL is not usable"
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "taud")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Sprintf("%s: expected 200, found %d", ReasonStatus, response.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, MaxDocumentBytes+1))
	if err != nil {
		return nil, failure(err)
	}
	if len(body) > MaxDocumentBytes {
		return nil, fmt.Sprintf("%s: expected at most %d bytes, found more", ReasonSize, MaxDocumentBytes)
	}
	return body, ""
}

// failure words an error of the HTTP client. Only known parts of it are taken over: its text has the URL, with what that carries.
func failure(err error) string {
	var (
		inner  *url.Error
		number syscall.Errno
		lookup *net.DNSError
	)
	if errors.As(err, &inner) {
		err = inner.Err
	}
	switch {
	case errors.Is(err, errRedirect):
		return err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ReasonDeadline
	case errors.As(err, &lookup):
		return ReasonConnect + ": the host's name is not resolved"
	case errors.As(err, &number):
		return ReasonConnect + ": " + number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ReasonConnect + ": the answer was cut"
	case isTimeout(err):
		return ReasonDeadline
	}
	return ReasonConnect + ": the request failed (" + typeName(err) + ")"
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func typeName(err error) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

// read fills q from the document.
func (s *httpSource) read(q Quote, body []byte) Quote {
	fail := func(reason string, err error) Quote {
		return Quote{Source: q.Source, Received: q.Received, Err: reason + ": " + err.Error()}
	}
	document, err := decode(body)
	if err != nil {
		return fail(ReasonJSON, err)
	}
	if q.Price, err = amountIn(document, *s.price); err != nil {
		return fail(ReasonPrice, err)
	}
	if q.Price <= 0 {
		return fail(ReasonPrice, fmt.Errorf("expected above 0, found %s", q.Price))
	}
	q.Published = q.Received
	if s.time != nil {
		if q.Published, err = timeIn(document, *s.time); err != nil {
			return fail(ReasonTime, err)
		}
	}
	if s.volume != nil {
		if q.Volume, err = amountIn(document, *s.volume); err != nil {
			return fail(ReasonVolume, err)
		}
		if q.Volume < 0 {
			return fail(ReasonVolume, fmt.Errorf("expected at least 0, found %s", q.Volume))
		}
	}
	return q
}

// decode keeps the digits of numbers as they are written, and refuses anything after the document.
func decode(body []byte) (document any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("expected a whole document, found its end too early")
		}
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("expected one document, found more after byte %d", decoder.InputOffset())
	}
	return document, nil
}

func amountIn(document any, p path) (fixed.Value, error) {
	text, err := p.textIn(document)
	if err != nil {
		return 0, err
	}
	v, err := fixed.ParseTruncate(text)
	if err != nil {
		return 0, fmt.Errorf("at %s: %w", p.text, err)
	}
	return v, nil
}

func timeIn(document any, p path) (unixMS int64, err error) {
	text, err := p.textIn(document)
	if err != nil {
		return 0, err
	}
	ms, ok := parseTime(text)
	if !ok {
		return 0, fmt.Errorf("expected Unix seconds, milliseconds or RFC 3339 at %s, found %q", p.text, shorten(text))
	}
	return ms, nil
}

// firstMS tells seconds from milliseconds: as milliseconds it is in March 1973, as seconds in the year 5138. lastMS is the same limit as
// milliseconds: what is above it is microseconds or worse.
const (
	firstMS = 100_000_000_000
	lastMS  = firstMS * 1000
)

// parseTime reads Unix seconds, Unix milliseconds (either with a fraction, of which whole milliseconds are kept) or RFC 3339.
func parseTime(text string) (unixMS int64, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || t.UnixMilli() <= 0 || t.UnixMilli() >= lastMS {
			return 0, false
		}
		return t.UnixMilli(), true
	}
	if strings.Trim(fraction, "0123456789") != "" || n == 0 || n >= lastMS {
		return 0, false
	}
	if n >= firstMS {
		return int64(n), true
	}
	thousandths, err := strconv.ParseUint((fraction + "000")[:3], 10, 63)
	return int64(n)*1000 + int64(thousandths), err == nil
}

func shorten(text string) string {
	const longest = 40
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
