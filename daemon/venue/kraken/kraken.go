package kraken

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

const (
	// balanceAge for which balances are not read again, unless an order was sent: the exchange lets the lowest tier read them every 3 s.
	balanceAge = 4 * time.Second
	// limitedPause for which nothing is read after the exchange said that it is asked too often. Orders, and questions after them, do not wait.
	limitedPause = 10 * time.Second
	// leastLead and mostLead: how far from now the exchange takes a deadline, 2 to 60 s, less what the way takes.
	leastLead = 2500 * time.Millisecond
	mostLead  = 55 * time.Second
	// listsLag is how long an order may not show in the exchange's lists after it was placed.
	listsLag = 10 * time.Second
	// idLength of a client order id: 32 hex digits, the exchange's short form of a UUID.
	idLength = 32
	// remembered client order ids.
	remembered = 64
)

// looks are the pauses before each look at what became of an order that the exchange has accepted. An immediate-or-cancel order is closed at
// once, and shows a moment later.
var looks = []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond}

// Venue is the market of one pair. Only the loop calls it, one call at a time.
type Venue struct {
	config config.KrakenVenue
	client *client
	begun  time.Time

	pairChecked bool
	account     core.Account
	accountAt   time.Time // when it was read; zero when it must be read again
	pausedUntil time.Time
	renewedAt   time.Time
	sent        []string // the last client order ids
}

var (
	_ venue.Venue   = (*Venue)(nil)
	_ venue.Watched = (*Venue)(nil)
	_ venue.Listed  = (*Venue)(nil)
)

// New reads the credentials, and asks nobody yet. An error names the file, and never shows its content. now is the wall clock: nonces and
// deadlines are of it.
func New(c config.KrakenVenue, now func() time.Time) (*Venue, error) {
	client, err := newClient(c.URL, c.KeyFile, c.SecretFile, now)
	if err != nil {
		return nil, err
	}
	return &Venue{config: c, client: client, begun: now()}, nil
}

// Name implements venue.Venue.
func (*Venue) Name() string { return "kraken" }

// Account implements venue.Venue: what is not held by an order, and the exchange's clock. Before the first one, the pair is compared with the
// configuration: what differs is an error as long as it does.
func (v *Venue) Account(ctx context.Context) core.Account {
	now := v.client.now()
	if now.Before(v.pausedUntil) {
		return core.Account{Err: "asked too often: no question before " + v.pausedUntil.UTC().Format(time.TimeOnly)}
	}
	if age := now.Sub(v.accountAt); !v.accountAt.IsZero() && 0 <= age && age < balanceAge {
		return v.account
	}
	a, err := v.read(ctx)
	if err != nil {
		v.accountAt = time.Time{}
		return core.Account{Err: err.Error()}
	}
	v.account, v.accountAt = a, now
	return a
}

func (v *Venue) read(ctx context.Context) (a core.Account, err error) {
	if err := v.checkPair(ctx); err != nil {
		return a, err
	}
	a.Asked = v.client.now().UnixMilli()
	if a.Server, err = v.serverTime(ctx); err != nil {
		return a, err
	}
	a.Received = v.client.now().UnixMilli()
	var balances map[string]balance
	if f := v.paused(v.client.private(ctx, "BalanceEx", nil, &balances)); f != nil {
		return a, fmt.Errorf("balances: %w", f)
	}
	if a.Base, err = balances[v.config.BaseAsset].free(); err != nil {
		return a, fmt.Errorf("balance of %s: %w", v.config.BaseAsset, err)
	}
	if a.Quote, err = balances[v.config.QuoteAsset].free(); err != nil {
		return a, fmt.Errorf("balance of %s: %w", v.config.QuoteAsset, err)
	}
	return a, nil
}

// paused notes that the exchange is asked too often.
func (v *Venue) paused(f *failure) *failure {
	if f != nil && f.limited {
		v.pausedUntil = v.client.now().Add(limitedPause)
	}
	return f
}

// serverTime is the exchange's clock in Unix milliseconds, of whole seconds.
func (v *Venue) serverTime(ctx context.Context) (int64, error) {
	var t serverTime
	if f := v.paused(v.client.public(ctx, "Time", nil, &t)); f != nil {
		return 0, fmt.Errorf("time: %w", f)
	}
	const farthest = 1 << 40 // 34,000 years
	if t.UnixTime <= 0 || t.UnixTime > farthest {
		return 0, fmt.Errorf("time: expected Unix seconds, found %d", t.UnixTime)
	}
	return t.UnixTime * 1000, nil
}

// checkPair compares the pair with the configuration, until it was right once.
func (v *Venue) checkPair(ctx context.Context) error {
	if v.pairChecked {
		return nil
	}
	var pairs map[string]pair
	if f := v.paused(v.client.public(ctx, "AssetPairs", url.Values{"pair": {v.config.Pair}}, &pairs)); f != nil {
		return fmt.Errorf("pair %s: %w", v.config.Pair, f)
	}
	if len(pairs) != 1 {
		return fmt.Errorf("pair %s: expected one description, found %d", v.config.Pair, len(pairs))
	}
	for _, p := range pairs {
		c := &v.config
		if p.Base != c.BaseAsset || p.Quote != c.QuoteAsset || p.LotDecimals != c.QuantityDecimals || p.PairDecimals != c.PriceDecimals || p.LotMultiplier > 1 {
			return fmt.Errorf("pair %s: expected base %s, quote %s, %d decimals of quantity, %d of price and a lot multiplier of 1 as configured, found %s, %s, %d, %d, %d",
				c.Pair, c.BaseAsset, c.QuoteAsset, c.QuantityDecimals, c.PriceDecimals, printable(p.Base), printable(p.Quote), p.LotDecimals, p.PairDecimals, p.LotMultiplier)
		}
	}
	v.pairChecked = true
	return nil
}

// Renew implements venue.Watched: it moves the dead man's switch, which cancels every order of the account, to DeadMan from now. It asks no more
// often than it has to: four times in DeadMan.
func (v *Venue) Renew(ctx context.Context) error {
	now := v.client.now()
	if age := now.Sub(v.renewedAt); v.config.DeadMan == 0 || !v.renewedAt.IsZero() && 0 <= age && age < v.config.DeadMan/4 {
		return nil
	}
	if now.Before(v.pausedUntil) {
		return fmt.Errorf("dead man's switch: asked too often: no question before %s", v.pausedUntil.UTC().Format(time.TimeOnly))
	}
	var set struct {
		TriggerTime string `json:"triggerTime"`
	}
	timeout := strconv.FormatInt(int64(v.config.DeadMan/time.Second), 10)
	if f := v.paused(v.client.private(ctx, "CancelAllOrdersAfter", url.Values{"timeout": {timeout}}, &set)); f != nil {
		return fmt.Errorf("dead man's switch: %w", f)
	}
	if set.TriggerTime == "" || set.TriggerTime == "0" {
		return fmt.Errorf("dead man's switch: expected a time at which it triggers, found none")
	}
	v.renewedAt = now
	return nil
}

// remember keeps the id of an order that is about to be sent, and says whether it was known.
func (v *Venue) remember(id string) (known bool) {
	if slices.Contains(v.sent, id) {
		return true
	}
	if len(v.sent) == remembered {
		v.sent = v.sent[1:]
	}
	v.sent = append(v.sent, id)
	return false
}
