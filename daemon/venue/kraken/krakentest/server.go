package krakentest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Options of a Server.
type Options struct {
	// Key and Secret (base64) that requests are signed with.
	Key, Secret string
	// Pair that is traded, with its assets and decimals.
	Pair, Base, Quote         string
	LotDecimals, PairDecimals int
	// FeeBps of the cost.
	FeeBps int64
	// Balances by asset.
	Balances map[string]fixed.Value
	// Now is the exchange's clock; time.Now where nil.
	Now func() time.Time
	// Calls that may be made before a pause is needed, and how fast their count falls, per second; 0 is no limit.
	Calls, CallsPerSecond float64
	// LongIDs: client order ids are shown as UUIDs with dashes.
	LongIDs bool
}

// Server is an http.Handler. Its methods may be called at any time.
type Server struct {
	options Options
	secret  []byte

	mu       sync.Mutex
	nonce    int64
	calls    float64
	callsAt  time.Time
	balances map[string]fixed.Value
	bids     []Level // best first
	asks     []Level
	orders   []*Order
	hold     bool
	hidden   int // how many of the newest orders the lists do not show yet
	trigger  time.Time
	renewals int
	faults   []*Fault
	log      []string
}

// Level of the book: a quantity that others trade at a price.
type Level struct{ Price, Qty fixed.Value }

// Order is an order that the exchange accepted.
type Order struct {
	TxID, ClientID, Side, Status, Reason, Flags string
	Volume, Limit, Executed, Cost, Fee          fixed.Value
	Opened                                      time.Time
}

// Fault is what happens to calls.
type Fault struct {
	// Method it happens to, such as AddOrder; "" is any.
	Method string
	// Times that it happens; 0 is once, below 0 ever.
	Times int
	// Before is called before the exchange acts, After between its act and its answer.
	Before, After func()
	// Unexecuted: the exchange does not act.
	Unexecuted bool
	// Cut: the connection is reset instead of an answer. Else Status, Errors or Body are the answer where one is set.
	Cut    bool
	Status int
	Errors []string
	Body   string
}

// New returns a server with an empty book. It panics on a secret that is no base64.
func New(o Options) *Server {
	secret, err := base64.StdEncoding.DecodeString(o.Secret)
	if err != nil {
		panic(err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, secret: secret, balances: map[string]fixed.Value{}, callsAt: o.Now()}
	for asset, v := range o.Balances {
		s.balances[asset] = v
	}
	return s
}

// SetBook replaces the book; best levels first.
func (s *Server) SetBook(bids, asks []Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bids, s.asks = append([]Level(nil), bids...), append([]Level(nil), asks...)
}

// Fail adds a fault. Faults happen in the order they were added.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// Heal takes all faults away.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Hold makes the engine stop: orders that it accepts stay open, until Resume.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = true
}

// Resume executes what was held.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = false
	for _, o := range s.orders {
		if o.Status == "open" {
			s.execute(o)
		}
	}
}

// Hide keeps the newest n orders out of the exchange's lists and answers, until it is called again.
func (s *Server) Hide(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = n
}

// Orders are the accepted orders so far.
func (s *Server) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Order, len(s.orders))
	for i, o := range s.orders {
		all[i] = *o
	}
	return all
}

// Balance of an asset.
func (s *Server) Balance(asset string) fixed.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.balances[asset]
}

// Add changes a balance: a deposit, or below zero a withdrawal.
func (s *Server) Add(asset string, v fixed.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.balances[asset] += v
}

// Log is each private call that came in, in order, as "METHOD form", with what was answered to it.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// Renewals of the dead man's switch.
func (s *Server) Renewals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewals
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scope, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/0/"), "/")
	if !ok || scope != "public" && scope != "private" {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the caller is gone
	}
	fault := s.next(method)
	if fault != nil && fault.Before != nil {
		fault.Before()
	}
	var answer any
	var errs []string
	if fault == nil || !fault.Unexecuted {
		s.mu.Lock()
		if scope == "public" {
			answer, errs = s.public(method, r.URL.Query())
		} else {
			answer, errs = s.private(method, r, string(body))
		}
		s.mu.Unlock()
	}
	if fault != nil && fault.After != nil {
		fault.After()
	}
	switch {
	case fault != nil && fault.Cut:
		cut(w)
	case fault != nil && fault.Status != 0:
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, "<html>gateway</html>")
	case fault != nil && fault.Body != "":
		_, _ = io.WriteString(w, fault.Body)
	case fault != nil && fault.Errors != nil:
		write(w, nil, fault.Errors)
	default:
		write(w, answer, errs)
	}
}

// next takes the next fault of the method.
func (s *Server) next(method string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != method {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f
	}
	return nil
}

// cut resets the connection.
func cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

func write(w http.ResponseWriter, result any, errs []string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if len(errs) > 0 {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": errs})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"error": []string{}, "result": result})
}

func (s *Server) public(method string, query url.Values) (any, []string) {
	switch method {
	case "Time":
		now := s.options.Now()
		return map[string]any{"unixtime": now.Unix(), "rfc1123": now.UTC().Format(time.RFC1123)}, nil
	case "AssetPairs":
		if query.Get("pair") != s.options.Pair {
			return nil, []string{"EQuery:Unknown asset pair"}
		}
		return map[string]any{s.options.Pair: map[string]any{
			"altname": s.options.Pair, "base": s.options.Base, "quote": s.options.Quote, "pair_decimals": s.options.PairDecimals,
			"lot_decimals": s.options.LotDecimals, "lot_multiplier": 1, "cost_decimals": costDecimals, "ordermin": "0.002", "status": "online",
		}}, nil
	}
	return nil, []string{"EGeneral:Unknown method"}
}

// private checks who asks, and what for.
func (s *Server) private(method string, r *http.Request, body string) (answer any, errs []string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, []string{"EGeneral:Invalid arguments"}
	}
	defer func() {
		shown := url.Values{}
		for k, v := range form {
			if k != "nonce" {
				shown[k] = v
			}
		}
		s.log = append(s.log, strings.TrimSpace(fmt.Sprintf("%s %s %s", method, shown.Encode(), strings.Join(errs, ","))))
	}()
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("User-Agent") == "" {
		return nil, []string{"EAPI:Bad request"}
	}
	if r.Header.Get("API-Key") != s.options.Key {
		return nil, []string{"EAPI:Invalid key"}
	}
	digest := sha256.Sum256([]byte(form.Get("nonce") + body))
	mac := hmac.New(sha512.New, s.secret)
	_, _ = mac.Write(append([]byte(r.URL.Path), digest[:]...))
	if got, err := base64.StdEncoding.DecodeString(r.Header.Get("API-Sign")); err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return nil, []string{"EAPI:Invalid signature"}
	}
	nonce, err := strconv.ParseInt(form.Get("nonce"), 10, 64)
	if err != nil || nonce <= s.nonce {
		return nil, []string{"EAPI:Invalid nonce"}
	}
	s.nonce = nonce
	if s.limited(method) {
		return nil, []string{"EAPI:Rate limit exceeded"}
	}
	s.deadMan()
	switch method {
	case "BalanceEx":
		return s.balanceEx(), nil
	case "AddOrder":
		return s.addOrder(form)
	case "CancelOrder":
		return s.cancelOrder(form)
	case "CancelAllOrdersAfter":
		return s.cancelAfter(form)
	case "OpenOrders":
		return map[string]any{"open": object(s.list(form, true))}, nil
	case "ClosedOrders":
		closed := s.list(form, false)
		from, _ := strconv.Atoi(form.Get("ofs"))
		from = min(from, len(closed))
		return map[string]any{"closed": object(closed[from:min(from+pageSize, len(closed))]), "count": len(closed)}, nil
	case "QueryOrders":
		return s.queryOrders(form)
	}
	return nil, []string{"EGeneral:Unknown method"}
}

// limited counts the call. Orders are limited by other counters, which are not modelled; histories count twice.
func (s *Server) limited(method string) bool {
	if s.options.Calls == 0 || method == "AddOrder" || method == "CancelOrder" {
		return false
	}
	now := s.options.Now()
	s.calls = max(0, s.calls-now.Sub(s.callsAt).Seconds()*s.options.CallsPerSecond)
	s.callsAt = now
	cost := 1.0
	if method == "ClosedOrders" {
		cost = 2
	}
	if s.calls+cost > s.options.Calls {
		return true
	}
	s.calls += cost
	return false
}
