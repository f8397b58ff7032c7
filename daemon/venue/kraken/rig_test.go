package kraken

import (
	"context"
	"encoding/base64"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
)

// The credentials of every test. No text that leaves the venue may hold one of them.
const testKey = "KEYkeyKEYkeyKEYkeyKEYkey"

var testSecret = base64.StdEncoding.EncodeToString([]byte("SECRETsecretSECRETsecret"))

// clock is the time of venue, exchange and loop alike; only the test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// market is an exchange with its venue.
type market struct {
	t      *testing.T
	clock  *clock
	server *krakentest.Server
	http   *httptest.Server
	config config.KrakenVenue
	venue  *Venue
	n      int
}

// newMarket has 1 ETH and 1000 USD, and a book with asks from 2001 and bids from 1999, 1 ETH each.
func newMarket(t *testing.T, change func(*krakentest.Options)) *market {
	t.Helper()
	m := &market{t: t, clock: &clock{now: time.UnixMilli(1_700_000_000_000)}}
	o := krakentest.Options{
		Key: testKey, Secret: testSecret, Pair: "XETHZUSD", Base: "XETH", Quote: "ZUSD", LotDecimals: 8, PairDecimals: 2, FeeBps: 26,
		Balances: map[string]fixed.Value{"XETH": val("1"), "ZUSD": val("1000"), "XXBT": val("3")}, Now: m.clock.Now,
	}
	if change != nil {
		change(&o)
	}
	m.server = krakentest.New(o)
	m.server.SetBook(
		[]krakentest.Level{{Price: val("1999"), Qty: val("1")}, {Price: val("1998"), Qty: val("5")}},
		[]krakentest.Level{{Price: val("2001"), Qty: val("1")}, {Price: val("2002"), Qty: val("5")}})
	m.http = httptest.NewServer(m.server)
	t.Cleanup(m.http.Close)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "key"), testKey+"\n")
	put(t, filepath.Join(dir, "secret"), testSecret+"\n")
	m.config = config.KrakenVenue{
		URL: m.http.URL, Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
		KeyFile: filepath.Join(dir, "key"), SecretFile: filepath.Join(dir, "secret"), DeadMan: time.Minute,
	}
	m.restart()
	return m
}

// restart forgets all that the process knew. It takes a second.
func (m *market) restart() {
	m.t.Helper()
	m.clock.add(time.Second)
	v, err := New(m.config, m.clock.Now)
	if err != nil {
		m.t.Fatal(err)
	}
	m.venue = v
}

// order has a new client order id, and expires in 20 s.
func (m *market) order(side core.Side, qty, limit string) venue.Order {
	m.n++
	id := strings.Repeat("0123456789abcdef", 2)[m.n%16:] + strings.Repeat("f", m.n%16)
	return venue.Order{ID: id, Action: core.Action{Side: side, Qty: val(qty), Limit: val(limit), Reference: val("2000"), Expires: m.clock.Now().Add(20 * time.Second).UnixMilli()}}
}

func (m *market) do(o venue.Order) venue.Answer { return m.venue.Do(m.ctx(), o) }

func (m *market) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	m.t.Cleanup(cancel)
	return ctx
}

// calls are the private methods that were called so far, in order.
func (m *market) calls() string {
	var all []string
	for _, line := range m.server.Log() {
		method, _, _ := strings.Cut(line, " ")
		all = append(all, method)
	}
	return strings.Join(all, " ")
}
