package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/moment"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// The paths of Hermes' interface.
const (
	hermesLatest = "v2/updates/price/latest"
	hermesStream = "v2/updates/price/stream"
)

// quietFor is how long a stream may say nothing. Hermes sends several prices a second, so a connection that is quiet for so long is dead.
const quietFor = 15 * time.Second

// pyth asks a Hermes server for one feed of the Pyth network.
type pyth struct {
	name, feed string
	url        string // of the document, or of the stream
	maxBps     int64
	tokenFile  string
	client     *http.Client
}

// newPyth makes the source, over the stream or by asking at every poll.
func newPyth(name string, c config.PythSource) (Source, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" {
		return nil, errors.New("pyth.url: expected an http or https URL, found another text")
	}
	path := hermesLatest
	if c.Stream {
		path = hermesStream
	}
	at := base.JoinPath(path)
	query := at.Query() // what the server's URL carries stays
	query.Set("ids[]", "0x"+c.Feed)
	query.Set("parsed", "true")
	at.RawQuery = query.Encode()
	p := &pyth{name: name, feed: c.Feed, url: at.String(), maxBps: c.MaxConfidenceBps, tokenFile: c.TokenFile, client: remote.NewClient()}
	if c.Stream {
		return remote.NewStream(p), nil
	}
	return remote.New(p), nil
}

// Name implements remote.Asker and remote.Listener.
func (p *pyth) Name() string { return p.name }

// Ask implements remote.Asker.
func (p *pyth) Ask(ctx context.Context, nowMS int64) (Quote, *remote.Failure) {
	header, failure := p.header()
	if failure != nil {
		return Quote{Received: nowMS}, failure
	}
	began := time.Now()
	body, serverMS, failure := remote.Get(ctx, p.client, p.url, header)
	q := answered(nowMS, began, serverMS)
	if failure != nil {
		return q, failure
	}
	return p.read(q, body)
}

// Listen implements remote.Listener.
func (p *pyth) Listen(ctx context.Context, heard func(Quote, *remote.Failure)) *remote.Failure {
	header, failure := p.header()
	if failure != nil {
		return failure
	}
	header.Set("Accept", "text/event-stream")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(quietFor, func() { cancel(errQuiet) })
	defer quiet.Stop()
	response, _, failure := remote.Open(ctx, p.client, p.url, header) // its Date is of the connection's start, and no use later
	if failure != nil {
		return failure
	}
	defer func() { _ = response.Body.Close() }()
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return &remote.Failure{Code: remote.Status, Detail: "expected a stream of events (text/event-stream), found another kind of answer"}
	}
	failure = events(response.Body, func(data []byte) *remote.Failure {
		quiet.Reset(quietFor)
		q, failure := p.read(Quote{}, data)
		heard(q, failure)
		if failure != nil && !failure.Answered {
			return failure // what is said now is not what was asked for: connect anew
		}
		return nil
	})
	if errors.Is(context.Cause(ctx), errQuiet) {
		return &remote.Failure{Code: remote.Deadline, Detail: errQuiet.Error()}
	}
	return failure
}

var errQuiet = fmt.Errorf("nothing came for %v", quietFor)

// header carries the token, which is read anew each time, so that one that was replaced is taken up.
func (p *pyth) header() (http.Header, *remote.Failure) {
	header := http.Header{}
	if p.tokenFile == "" {
		return header, nil
	}
	token, err := os.ReadFile(p.tokenFile)
	if err != nil {
		return nil, &remote.Failure{Code: remote.Credentials, Detail: "the token's file cannot be read"}
	}
	text := strings.TrimSpace(string(token))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, &remote.Failure{Code: remote.Credentials, Detail: "expected one line of printable characters in the token's file"}
	}
	header.Set("Authorization", "Bearer "+text)
	return header, nil
}

// update is the part of Hermes' PriceUpdate that is read, of a document and of an event alike.
type update struct {
	Parsed []struct {
		ID    string `json:"id"`
		Price struct {
			Price       string      `json:"price"`
			Conf        string      `json:"conf"`
			Expo        json.Number `json:"expo"`
			PublishTime json.Number `json:"publish_time"`
		} `json:"price"`
	} `json:"parsed"`
}

// read fills q from an update of the feed.
func (p *pyth) read(q Quote, body []byte) (Quote, *remote.Failure) {
	var u update
	if err := json.Unmarshal(body, &u); err != nil {
		return q, remote.Failed(remote.JSON, wordedJSON(err))
	}
	if len(u.Parsed) != 1 {
		return q, remote.Failed(remote.JSON, fmt.Errorf("expected one parsed price, found %d", len(u.Parsed)))
	}
	said := u.Parsed[0]
	if id := strings.ToLower(strings.TrimPrefix(said.ID, "0x")); id != p.feed {
		return q, remote.Failed(remote.Price, fmt.Errorf("expected feed %s, found %q", p.feed, shorten(said.ID)))
	}
	price, confidence, failure := p.price(said.Price.Price, said.Price.Conf, said.Price.Expo.String())
	if failure != nil {
		return q, failure
	}
	published, ok := moment.Parse(said.Price.PublishTime.String())
	if !ok {
		return q, remote.Failed(remote.Time, fmt.Errorf("expected Unix seconds in publish_time, found %q", shorten(said.Price.PublishTime.String())))
	}
	q.Price, q.Confidence, q.Published = price, confidence, published
	return q, nil
}

// price reads price and confidence, each a whole number times ten to the exponent, and refuses a confidence that is too wide. What does not fit
// nine digits after the point is dropped from the price and added to the confidence, so nothing passes that would not have.
func (p *pyth) price(text, conf, expo string) (price, confidence fixed.Value, f *remote.Failure) {
	failed := func(code remote.Code, format string, args ...any) (fixed.Value, fixed.Value, *remote.Failure) {
		return 0, 0, remote.Failed(code, fmt.Errorf(format, args...))
	}
	price, err := scaled(text, expo, false)
	if err != nil {
		return failed(remote.Price, "%w", err)
	}
	if price <= 0 {
		return failed(remote.Price, "expected above 0, found %s", price)
	}
	confidence, err = scaled(conf, expo, true)
	if err != nil {
		return failed(remote.Confidence, "%w", err)
	}
	if confidence < 0 {
		return failed(remote.Confidence, "expected at least 0, found %s", confidence)
	}
	bps, err := fixed.MulDiv(confidence, fixed.BpsScale, price, fixed.Ceil)
	if err == nil && int64(bps) <= p.maxBps {
		return price, confidence, nil
	}
	f = remote.Failed(remote.Confidence, fmt.Errorf("expected at most %d bps of %s, found %s", p.maxBps, price, confidence))
	f.Answered = true
	return 0, 0, f
}

// scaled is a whole number times ten to the exponent, to the nearest unit below, or above where that is asked for.
func scaled(whole, expo string, up bool) (fixed.Value, error) {
	if whole == "" || strings.Trim(strings.TrimPrefix(whole, "-"), "0123456789") != "" {
		return 0, fmt.Errorf("expected a whole number, found %q", shorten(whole))
	}
	text := whole + "e" + expo
	v, err := fixed.ParseTruncate(text)
	if err != nil || !up {
		return v, err
	}
	if _, err := fixed.ParseJSONNumber(text); errors.Is(err, fixed.ErrPrecision) {
		return v.Add(1)
	}
	return v, nil
}

// wordedJSON says what is wrong with a document in the document's words, not in Go's.
func wordedJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("expected another kind of value at %s, found a %s", kind.Field, kind.Value)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}
