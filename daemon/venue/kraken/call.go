package kraken

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxAnswerBytes of an answer: 50 closed orders have about 50 KiB.
	maxAnswerBytes = 1 << 20
	connectTimeout = 5 * time.Second
	// requestTimeout is for a caller whose context has no deadline.
	requestTimeout = 30 * time.Second
	// idleTimeout after which a connection is not used again. One that the other side is about to close would make an order ambiguous.
	idleTimeout = 15 * time.Second
)

// client speaks the protocol: it signs, sends once, and decodes. One call at a time.
type client struct {
	url                 string
	keyFile, secretFile string
	last                credentials // the last good ones
	nonces              nonces
	now                 func() time.Time
	http                *http.Client
}

func newClient(url, keyFile, secretFile string, now func() time.Time) (*client, error) {
	last, err := readCredentials(keyFile, secretFile)
	if err != nil {
		return nil, err
	}
	return &client{url: url, keyFile: keyFile, secretFile: secretFile, last: last, now: now, http: &http.Client{
		Timeout: requestTimeout,
		// A redirect would send a signed order again, to where nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           2,
			IdleConnTimeout:        idleTimeout,
		},
	}}, nil
}

// public calls a method that needs no key.
func (c *client) public(ctx context.Context, method string, query url.Values, into any) *failure {
	target := c.url + "/0/public/" + method
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return &failure{text: "the URL is not usable"}
	}
	return c.send(request, into)
}

// private calls a signed method, once.
func (c *client) private(ctx context.Context, method string, form url.Values, into any) *failure {
	if fresh, err := readCredentials(c.keyFile, c.secretFile); err == nil {
		c.last = fresh
	}
	if form == nil {
		form = url.Values{}
	}
	nonce := strconv.FormatInt(c.nonces.next(c.now()), 10)
	form.Set("nonce", nonce)
	path, body := "/0/private/"+method, form.Encode()
	// The transport may take another connection for a POST only where it wrote nothing to the first one.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, strings.NewReader(body))
	if err != nil {
		return &failure{text: "the URL is not usable"}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("API-Key", c.last.key)
	request.Header.Set("API-Sign", c.last.sign(path, nonce, body))
	f := c.send(request, into)
	if f != nil {
		f.text = c.last.redact(f.text)
	}
	return f
}

// send sends the request and decodes the result into into. A request counts as sent from the moment it has a connection.
func (c *client) send(request *http.Request, into any) *failure {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "taud")
	response, err := c.http.Do(request)
	if err != nil {
		return &failure{sent: sent.Load(), text: reason(err)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // so that the connection can be used again
		return &failure{sent: true, limited: response.StatusCode == http.StatusTooManyRequests, text: fmt.Sprintf("expected status 200, found %d", response.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return &failure{sent: true, text: "the answer broke off: " + reason(err)}
	}
	if len(body) > maxAnswerBytes {
		return &failure{sent: true, text: fmt.Sprintf("expected an answer of at most %d bytes, found more", maxAnswerBytes)}
	}
	return decode(body, into)
}

// reason words an error of the HTTP client, without the URL.
func reason(err error) string {
	var (
		inner  *url.Error
		lookup *net.DNSError
		number syscall.Errno
	)
	if errors.As(err, &inner) {
		err = inner.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &lookup):
		return "the host's name cannot be resolved"
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	return printable(err.Error())
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
