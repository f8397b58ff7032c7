package remote

import (
	"context"
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
)

// MaxDocumentBytes is the longest answer that is read.
const MaxDocumentBytes = 64 << 10

const (
	maxRedirects   = 3
	connectTimeout = 5 * time.Second
	requestTimeout = 30 * time.Second // for a caller whose ctx has no deadline
)

// LongestWait is the longest that a server's wish to be asked later is heeded.
const LongestWait = 10 * time.Minute

// DefaultWait is the wait after "too many requests" without Retry-After: Hermes, which says none, lets nobody in for so long.
const DefaultWait = time.Minute

// NewClient makes an HTTP client with connections of its own: a source that hangs or breaks must not take those of another. It follows a
// redirect only on the same host, and never out of TLS: another host was not chosen by the user, and would see what the URL carries.
func NewClient() *http.Client {
	return &http.Client{
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
}

var errRedirect = errors.New("redirect")

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

// Get asks for a document. The server's clock is what its Date header said, in Unix milliseconds; 0 where there is none that says the time of
// the answer. A failure of the status still has it.
func Get(ctx context.Context, client *http.Client, address string, header http.Header) (body []byte, serverMS int64, f *Failure) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	response, serverMS, f := Open(ctx, client, address, header)
	if f != nil {
		return nil, serverMS, f
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxDocumentBytes+1))
	if err != nil {
		return nil, serverMS, Worded(err)
	}
	if len(body) > MaxDocumentBytes {
		return nil, serverMS, &Failure{Code: Size, Detail: fmt.Sprintf("expected at most %d bytes, found more", MaxDocumentBytes)}
	}
	return body, serverMS, nil
}

// Open is Get without reading: the answer, which has status 200 and must be closed, ends with ctx.
func Open(ctx context.Context, client *http.Client, address string, header http.Header) (*http.Response, int64, *Failure) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, &Failure{Code: Connect, Detail: "the URL is not usable"}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "taud")
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, Worded(err)
	}
	serverMS := serverClock(response.Header)
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, serverMS, refused(response)
	}
	return response, serverMS, nil
}

// serverClock reads the Date header. An answer out of a cache was dated when it was made, which says nothing about now.
func serverClock(h http.Header) int64 {
	if age := h.Get("Age"); age != "" && age != "0" {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return date.UnixMilli()
}

// refused words a status other than 200.
func refused(r *http.Response) *Failure {
	f := &Failure{Code: Status, Detail: fmt.Sprintf("expected 200, found %d", r.StatusCode), Passing: r.StatusCode >= http.StatusInternalServerError}
	wait, asked := retryAfter(r.Header)
	if r.StatusCode == http.StatusTooManyRequests && !asked {
		wait, asked = DefaultWait, true
	}
	if asked {
		f.Code, f.Passing, f.After = RateLimit, false, min(max(wait, 0), LongestWait)
	}
	return f
}

// retryAfter reads the header of that name: seconds, or a date, which is taken relative to the server's own.
func retryAfter(h http.Header) (wait time.Duration, ok bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return DefaultWait, true
	}
	return until.Sub(now), true
}

// Worded is the failure of an HTTP client's error. Only known parts of it are taken over: its text has the URL, with what that carries.
func Worded(err error) *Failure {
	var (
		inner  *url.Error
		number syscall.Errno
		lookup *net.DNSError
	)
	if errors.As(err, &inner) {
		err = inner.Err
	}
	broken := func(detail string) *Failure { return &Failure{Code: Connect, Detail: detail, Passing: true} }
	switch {
	case errors.Is(err, errRedirect):
		return &Failure{Code: Redirect, Detail: strings.TrimPrefix(err.Error(), "redirect: ")}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Failure{Code: Deadline}
	case errors.As(err, &lookup):
		return broken("the host's name is not resolved")
	case errors.As(err, &number):
		return broken(number.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("the answer was cut")
	case isTimeout(err):
		return &Failure{Code: Deadline}
	}
	return broken("the request failed (" + typeName(err) + ")")
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func typeName(err error) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}
