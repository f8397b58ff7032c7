package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/moment"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// httpSource polls a JSON document.
type httpSource struct {
	name                string
	url                 string
	price, time, volume *path // time and volume may be nil
	client              *http.Client
}

func newHTTP(name string, c config.HTTPSource) (*httpSource, error) {
	s := &httpSource{name: name, url: c.URL, client: remote.NewClient()}
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
	return s, nil
}

func (s *httpSource) Name() string { return s.name }

// Ask measures the time to the answer on the monotonic clock and adds it to the tick's time, so that a step of the wall clock in between does
// not show.
func (s *httpSource) Ask(ctx context.Context, nowMS int64) (Quote, *remote.Failure) {
	began := time.Now()
	body, serverMS, failure := remote.Get(ctx, s.client, s.url, nil)
	q := answered(nowMS, began, serverMS)
	if failure != nil {
		return q, failure
	}
	return s.read(q, body)
}

// answered is the quote of an answer that came now, with nothing in it but its times.
func answered(nowMS int64, began time.Time, serverMS int64) Quote {
	q := Quote{Received: nowMS + time.Since(began).Milliseconds(), Server: serverMS}
	if serverMS != 0 {
		q.Asked = nowMS
	}
	return q
}

// read fills q from the document.
func (s *httpSource) read(q Quote, body []byte) (Quote, *remote.Failure) {
	document, err := decode(body)
	if err != nil {
		return q, remote.Failed(remote.JSON, err)
	}
	price, err := amountIn(document, *s.price)
	if err == nil && price <= 0 {
		err = fmt.Errorf("expected above 0, found %s", price)
	}
	if err != nil {
		return q, remote.Failed(remote.Price, err)
	}
	published, volume := q.Received, fixed.Value(0)
	if s.time != nil {
		if published, err = timeIn(document, *s.time); err != nil {
			return q, remote.Failed(remote.Time, err)
		}
	}
	if s.volume != nil {
		if volume, err = amountIn(document, *s.volume); err == nil && volume < 0 {
			err = fmt.Errorf("expected at least 0, found %s", volume)
		}
		if err != nil {
			return q, remote.Failed(remote.Volume, err)
		}
	}
	q.Price, q.Published, q.Volume = price, published, volume
	return q, nil
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
	ms, ok := moment.Parse(text)
	if !ok {
		return 0, fmt.Errorf("expected Unix seconds, milliseconds or RFC 3339 at %s, found %q", p.text, shorten(text))
	}
	return ms, nil
}

func shorten(text string) string {
	const longest = 40
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
