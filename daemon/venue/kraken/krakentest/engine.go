package krakentest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// costDecimals to which costs and fees are rounded.
const costDecimals = 5

func (s *Server) balanceEx() map[string]any {
	held := map[string]fixed.Value{}
	for _, o := range s.orders {
		if o.Status == "open" && o.Side == "sell" {
			held[s.options.Base] += o.Volume
		}
	}
	all := map[string]any{}
	for asset, v := range s.balances {
		all[asset] = map[string]string{"balance": decimal(v, 10), "hold_trade": decimal(held[asset], 10)}
	}
	return all
}

// addOrder accepts a limit order, immediate-or-cancel.
func (s *Server) addOrder(form url.Values) (any, []string) {
	invalid := func(what string) (any, []string) { return nil, []string{"EGeneral:Invalid arguments:" + what} }
	volume, err := fixed.Parse(form.Get("volume"))
	if err != nil || volume <= 0 || volume%step(s.options.LotDecimals) != 0 {
		return invalid("volume")
	}
	limit, err := fixed.Parse(form.Get("price"))
	if err != nil || limit <= 0 {
		return nil, []string{"EOrder:Invalid price"}
	}
	id, side, now := form.Get("cl_ord_id"), form.Get("type"), s.options.Now()
	switch {
	case form.Get("pair") != s.options.Pair:
		return nil, []string{"EQuery:Unknown asset pair"}
	case side != "buy" && side != "sell":
		return invalid("type")
	case form.Get("ordertype") != "limit" || form.Get("timeinforce") != "IOC":
		return invalid("ordertype: this server takes limit orders, immediate-or-cancel")
	case form.Has("userref"):
		return invalid("userref and cl_ord_id")
	case limit%step(s.options.PairDecimals) != 0:
		return nil, []string{"EOrder:Tick size check failed"}
	case !isShortUUID(id):
		return invalid("cl_ord_id")
	}
	if text := form.Get("deadline"); text != "" {
		deadline, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return invalid("deadline")
		}
		switch lead := deadline.Sub(now); {
		case lead <= 0:
			return nil, []string{"EService:Deadline elapsed"}
		case lead < 2*time.Second || lead > time.Minute:
			return invalid("deadline")
		}
	}
	for _, o := range s.orders {
		if o.Status == "open" && o.ClientID == id {
			return nil, []string{"EOrder:Duplicate client order id"}
		}
	}
	o := &Order{
		TxID: fmt.Sprintf("OTEST%d-AAAAA-AAAAAA", len(s.orders)+1), ClientID: id, Side: side, Status: "open", Flags: form.Get("oflags"), Volume: volume, Limit: limit, Opened: now,
	}
	if need, asset := s.need(o); s.balances[asset] < need {
		return nil, []string{"EOrder:Insufficient funds"}
	}
	s.orders = append(s.orders, o)
	if !s.hold {
		s.execute(o)
	}
	return map[string]any{"descr": map[string]string{"order": side + " " + form.Get("volume") + " " + s.options.Pair + " @ limit " + form.Get("price")}, "txid": []string{o.TxID}}, nil
}

// need is what an order takes at most, and of which asset.
func (s *Server) need(o *Order) (fixed.Value, string) {
	if o.Side == "sell" {
		return o.Volume, s.options.Base
	}
	cost := cost(o.Volume, o.Limit)
	return cost + s.fee(cost), s.options.Quote
}

// execute fills the order against the book as far as its limit allows, and cancels the rest.
func (s *Server) execute(o *Order) {
	levels, crosses := &s.asks, func(p fixed.Value) bool { return p <= o.Limit }
	if o.Side == "sell" {
		levels, crosses = &s.bids, func(p fixed.Value) bool { return p >= o.Limit }
	}
	for i := range *levels {
		l := &(*levels)[i]
		qty := min(l.Qty, o.Volume-o.Executed)
		if qty <= 0 || !crosses(l.Price) {
			continue
		}
		l.Qty -= qty
		paid := cost(qty, l.Price)
		fee := s.fee(paid)
		o.Executed, o.Cost, o.Fee = o.Executed+qty, o.Cost+paid, o.Fee+fee
		if o.Side == "buy" {
			s.balances[s.options.Base] += qty
			s.balances[s.options.Quote] -= paid + fee
		} else {
			s.balances[s.options.Base] -= qty
			s.balances[s.options.Quote] += paid - fee
		}
	}
	o.Status = "closed"
	if o.Executed < o.Volume {
		o.Status, o.Reason = "canceled", "IOC order canceled"
	}
}

func (s *Server) cancelOrder(form url.Values) (any, []string) {
	for _, o := range s.orders {
		if o.Status == "open" && o.ClientID == form.Get("cl_ord_id") {
			o.Status, o.Reason = "canceled", "User requested"
			return map[string]any{"count": 1}, nil
		}
	}
	return nil, []string{"EOrder:Unknown order"}
}

func (s *Server) cancelAfter(form url.Values) (any, []string) {
	seconds, err := strconv.ParseInt(form.Get("timeout"), 10, 64)
	if err != nil || seconds < 0 || seconds >= 86400 {
		return nil, []string{"EGeneral:Invalid arguments:timeout"}
	}
	now := s.options.Now()
	answer := map[string]any{"currentTime": now.UTC().Format(time.RFC3339), "triggerTime": "0"}
	if s.trigger = (time.Time{}); seconds > 0 {
		s.renewals++
		s.trigger = now.Add(time.Duration(seconds) * time.Second)
		answer["triggerTime"] = s.trigger.UTC().Format(time.RFC3339)
	}
	return answer, nil
}

// deadMan cancels what is open when the switch was not renewed in time.
func (s *Server) deadMan() {
	if s.trigger.IsZero() || s.options.Now().Before(s.trigger) {
		return
	}
	s.trigger = time.Time{}
	for _, o := range s.orders {
		if o.Status == "open" {
			o.Status, o.Reason = "canceled", "Dead man's switch"
		}
	}
}

// shown are the orders that the exchange's answers know.
func (s *Server) shown() []*Order { return s.orders[:max(0, len(s.orders)-s.hidden)] }

func (s *Server) queryOrders(form url.Values) (any, []string) {
	found := map[string]any{}
	for _, o := range s.shown() {
		if o.TxID == form.Get("txid") {
			found[o.TxID] = s.describe(o)
		}
	}
	if len(found) == 0 {
		return nil, []string{"EOrder:Invalid order"}
	}
	return found, nil
}

// listed is an order in a list, newest first.
type listed struct {
	txid string
	body any
}

// pageSize of the closed orders.
const pageSize = 50

// list is what of the open or the closed orders the form asks for, newest first.
func (s *Server) list(form url.Values, open bool) (all []listed) {
	id := form.Get("cl_ord_id")
	after, _ := strconv.ParseInt(form.Get("start"), 10, 64)
	for _, o := range slices.Backward(s.shown()) {
		if (o.Status == "open") != open || id != "" && o.ClientID != id || form.Has("start") && o.Opened.Unix() <= after {
			continue
		}
		all = append(all, listed{o.TxID, s.describe(o)})
	}
	return all
}

func object(list []listed) map[string]any {
	all := map[string]any{}
	for _, each := range list {
		all[each.txid] = each.body
	}
	return all
}

func (s *Server) describe(o *Order) map[string]any {
	id := o.ClientID
	if s.options.LongIDs {
		id = strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	}
	average := fixed.Value(0)
	if o.Executed > 0 {
		average, _ = fixed.MulDiv(o.Cost, fixed.One, o.Executed, fixed.Floor) // a test's numbers are in range
	}
	body := map[string]any{
		"refid": nil, "userref": nil, "cl_ord_id": id, "status": o.Status, "opentm": jsonSeconds(o.Opened), "starttm": 0, "expiretm": 0,
		"descr": map[string]string{"pair": s.options.Pair, "type": o.Side, "ordertype": "limit", "price": decimal(o.Limit, s.options.PairDecimals), "price2": "0", "leverage": "none"},
		"vol":   decimal(o.Volume, s.options.LotDecimals), "vol_exec": decimal(o.Executed, s.options.LotDecimals),
		"cost": decimal(o.Cost, costDecimals), "fee": decimal(o.Fee, costDecimals), "price": decimal(average, costDecimals),
		"stopprice": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": o.Flags,
	}
	if o.Status != "open" {
		body["reason"], body["closetm"] = o.Reason, jsonSeconds(o.Opened)
	}
	return body
}

// jsonSeconds is a time as the exchange writes it: seconds with a fraction, as a bare number.
type jsonSeconds time.Time

// MarshalJSON implements json.Marshaler.
func (t jsonSeconds) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return []byte(fmt.Sprintf("%d.%03d", ms/1000, ms%1000)), nil
}

func isShortUUID(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

func step(decimals int) fixed.Value {
	s := fixed.One
	for range decimals {
		s /= 10
	}
	return s
}

// cost of a quantity at a price, rounded half up to the decimals of costs.
func cost(qty, price fixed.Value) fixed.Value {
	exact, _ := qty.Mul(price, fixed.Floor) // a test's numbers are in range
	return round(exact)
}

func (s *Server) fee(cost fixed.Value) fixed.Value {
	exact, _ := cost.MulBps(s.options.FeeBps, fixed.Floor)
	return round(exact)
}

func round(v fixed.Value) fixed.Value {
	unit := step(costDecimals)
	return (v + unit/2) / unit * unit
}

// decimal writes v with exactly so many digits after the point; those beyond the ninth are zeros.
func decimal(v fixed.Value, digits int) string {
	whole, fraction, _ := strings.Cut(v.String(), ".")
	fraction += strings.Repeat("0", max(digits, fixed.Digits)-len(fraction))
	if digits == 0 {
		return whole
	}
	return whole + "." + fraction[:digits]
}
