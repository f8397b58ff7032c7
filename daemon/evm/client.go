package evm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// MaxAnswerBytes is the longest answer that a Client reads; a longer one is cut, and so lost.
const MaxAnswerBytes = 8 << 20

const (
	connectTimeout = 5 * time.Second
	requestTimeout = 30 * time.Second // for a caller whose ctx has no deadline
	longestText    = 160              // of what a node says, in bytes
	shortestSecret = 6                // of a URL's part that is hidden where a node repeats it
)

// Fate is what became of a request that failed.
type Fate string

const (
	// NotSent: it never left, so the node does not know of it.
	NotSent Fate = "not sent"
	// TurnedAway: an HTTP status from 300 to 499 instead of an answer, such as 401 or 429; the node did not look at it.
	TurnedAway Fate = "turned away"
	// Lost: it may have arrived. Whether the node acted on it is not known.
	Lost Fate = "no answer"
	// Answered: the node's answer is an error.
	Answered Fate = "refused"
)

// Error says why a call has no result.
type Error struct {
	Fate Fate
	// Method of the call, such as eth_call; of a batch its first.
	Method string
	// Code of the node's answer, or the HTTP status; 0 if there is none.
	Code int
	// Text says what was found, without URL and keys.
	Text string
	// Timeout: there was no answer in time, or no time to ask.
	Timeout bool
	// Data is what the node added to its answer, such as a revert's; nil if nothing.
	Data any
}

// Error is the method, the fate and the text.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Method, e.Fate, e.Text) }

// FateOf is the fate of the request that err is about; Lost for an error that is none of a Client's.
func FateOf(err error) Fate {
	var e *Error
	if errors.As(err, &e) {
		return e.Fate
	}
	return Lost
}

// Client speaks with one node. It may be used by several goroutines.
type Client struct {
	rpc     *rpc.Client
	secrets []string
}

// Dial makes a client; it connects at the first call.
func Dial(address string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("expected the http or https URL of a node, found another text") // it may be a key
	}
	// A transport of its own: another user of the process's connections must not be slowed down by a node that hangs.
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		MaxIdleConns:          2,
		IdleConnTimeout:       2 * time.Minute,
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: requestTimeout,
	}
	h := &http.Client{
		Timeout: requestTimeout, Transport: limited{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // its status is no answer
	}
	c, err := rpc.DialOptions(context.Background(), address, rpc.WithHTTPClient(h), rpc.WithHeader("User-Agent", "taud"))
	if err != nil {
		return nil, errors.New("expected the http or https URL of a node, found one that cannot be used")
	}
	return &Client{rpc: c, secrets: secretsIn(u)}, nil
}

// secretsIn are the parts of a URL that may be a key.
func secretsIn(u *url.URL) (all []string) {
	parts := strings.Split(u.Path, "/")
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.Username(), password)
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, p := range parts {
		if len(p) >= shortestSecret {
			all = append(all, p)
		}
	}
	return all
}

// limited bounds what is read of an answer.
type limited struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = cut{io.LimitReader(response.Body, MaxAnswerBytes), response.Body}
	return response, nil
}

type cut struct {
	io.Reader
	io.Closer
}

// Call is one question of a batch.
type Call struct {
	Method string
	Args   []any
	// Result is a pointer that the answer is decoded into.
	Result any
	// Err says why there is no result; set by Do. A *Error.
	Err error
}

// Do asks all calls in one request, and sets each one's Err. It returns the first of them, in the order of the calls.
func (c *Client) Do(ctx context.Context, calls ...*Call) error {
	if err := ctx.Err(); err != nil {
		return c.all(calls, &Error{Fate: NotSent, Text: "the deadline had passed", Timeout: true})
	}
	batch := make([]rpc.BatchElem, len(calls))
	for i, call := range calls {
		batch[i] = rpc.BatchElem{Method: call.Method, Args: call.Args, Result: call.Result}
	}
	if err := c.rpc.BatchCallContext(ctx, batch); err != nil {
		return c.all(calls, c.failure(err))
	}
	var first error
	for i, call := range calls {
		if call.Err = nil; batch[i].Error != nil {
			e := c.answer(batch[i].Error)
			e.Method, call.Err = call.Method, e
		}
		if first == nil {
			first = call.Err
		}
	}
	return first
}

// One asks a single question.
func (c *Client) One(ctx context.Context, result any, method string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return &Error{Method: method, Fate: NotSent, Text: "the deadline had passed", Timeout: true}
	}
	err := c.rpc.CallContext(ctx, result, method, args...)
	if err == nil {
		return nil
	}
	e := c.answer(err)
	if e.Fate != Answered {
		e = c.failure(err)
	}
	e.Method = method
	return e
}

func (c *Client) all(calls []*Call, e *Error) error {
	if e.Method == "" && len(calls) > 0 {
		e.Method = calls[0].Method
	}
	for _, call := range calls {
		call.Err = e
	}
	return e
}

// answer words what a single answer says.
func (c *Client) answer(err error) *Error {
	var said rpc.Error
	if !errors.As(err, &said) {
		return &Error{Fate: Lost, Text: "an answer that cannot be read: " + c.hide(err.Error())}
	}
	e := &Error{Fate: Answered, Code: said.ErrorCode(), Text: c.hide(said.Error())}
	var more rpc.DataError
	if errors.As(err, &more) {
		e.Data = more.ErrorData()
	}
	return e
}

// failure words an error of the HTTP client. Only known parts of it are taken over: its text has the URL.
func (c *Client) failure(err error) *Error {
	var (
		status  rpc.HTTPError
		lookup  *net.DNSError
		dial    *net.OpError
		number  syscall.Errno
		cert    *tls.CertificateVerificationError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &status):
		e := &Error{Fate: Lost, Code: status.StatusCode, Text: fmt.Sprintf("expected HTTP status 200, found %d", status.StatusCode)}
		if 300 <= status.StatusCode && status.StatusCode < 500 && status.StatusCode != http.StatusRequestTimeout {
			e.Fate = TurnedAway
		}
		return e
	case errors.As(err, &lookup):
		return &Error{Fate: NotSent, Text: "the host's name is not resolved"}
	case errors.As(err, &cert):
		return &Error{Fate: NotSent, Text: "the host's certificate is not trusted"}
	case errors.As(err, &dial) && dial.Op == "dial":
		text := "no connection"
		if errors.As(err, &number) {
			text += ": " + number.Error()
		}
		return &Error{Fate: NotSent, Text: text}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Fate: Lost, Text: "none by the deadline", Timeout: true}
	case errors.As(err, &number):
		return &Error{Fate: Lost, Text: "the connection broke: " + number.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Fate: Lost, Text: "the answer was cut"}
	}
	return &Error{Fate: Lost, Text: "the request failed (" + strings.TrimPrefix(fmt.Sprintf("%T", err), "*") + ")"}
}

// hide shortens what a node says, and takes out what may be a key.
func (c *Client) hide(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "") + "..."
	}
	return text
}
