package kraken

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// amount is a decimal as the exchange writes it: a JSON string, or a bare number. It is kept as text, and read exactly.
type amount string

// UnmarshalJSON implements json.Unmarshaler.
func (a *amount) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(a))
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*a = amount(n)
	return nil
}

// down is the amount with what is below 1e-9 dropped; up with it counted as one unit. Neither takes an amount below zero.
func (a amount) down() (fixed.Value, error) {
	v, err := fixed.ParseTruncate(string(a))
	if err == nil && (v < 0 || strings.HasPrefix(string(a), "-")) {
		return 0, fmt.Errorf("expected an amount of at least 0, found %q", printable(string(a)))
	}
	return v, err
}

func (a amount) up() (fixed.Value, error) {
	v, err := a.down()
	if err != nil {
		return 0, err
	}
	if _, err := fixed.ParseJSONNumber(string(a)); err != nil { // it has digits beyond the ninth
		return v.Add(1)
	}
	return v, nil
}

// exact is the amount, or an error where it is no whole number of 1e-9 units.
func (a amount) exact() (fixed.Value, error) {
	if _, err := a.down(); err != nil {
		return 0, err
	}
	return fixed.ParseJSONNumber(string(a))
}

// lastPlace is the worth of the amount's last written digit, at most 1: the exchange rounds its sums to it.
func (a amount) lastPlace() fixed.Value {
	_, fraction, _ := strings.Cut(string(a), ".")
	place := fixed.One
	for range min(len(fraction), fixed.Digits) {
		place /= 10
	}
	return max(place, 1)
}

// order is one of the exchange's order descriptions, of the members that we go by.
type order struct {
	ClientID string `json:"cl_ord_id"`
	Status   string `json:"status"`
	Reason   string `json:"reason"`
	Descr    struct {
		Side string `json:"type"`
		Type string `json:"ordertype"`
	} `json:"descr"`
	Volume   amount `json:"vol"`
	Executed amount `json:"vol_exec"`
	Cost     amount `json:"cost"`
	Fee      amount `json:"fee"`
	Flags    string `json:"oflags"`
	OpenTime amount `json:"opentm"`
}

type (
	serverTime struct {
		UnixTime int64 `json:"unixtime"`
	}
	balance struct {
		Balance amount `json:"balance"`
		Held    amount `json:"hold_trade"`
	}
	pair struct {
		Base           string `json:"base"`
		Quote          string `json:"quote"`
		PairDecimals   int64  `json:"pair_decimals"`
		LotDecimals    int64  `json:"lot_decimals"`
		LotMultiplier  int64  `json:"lot_multiplier"`
		OrderMinimum   amount `json:"ordermin"`
		Status         string `json:"status"`
		AlternateNames string `json:"altname"`
	}
	placed struct {
		TxIDs []string `json:"txid"`
	}
	cancelled struct {
		Count   int64 `json:"count"`
		Pending bool  `json:"pending"`
	}
	openOrders struct {
		Open map[string]order `json:"open"`
	}
	closedOrders struct {
		Closed map[string]order `json:"closed"`
		Count  int64            `json:"count"`
	}
)

// decode reads an answer: the exchange's own error, or its result into into. Whatever is not of the documented form is uncertain.
func decode(body []byte, into any) *failure {
	var envelope struct {
		Errors *[]string       `json:"error"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return &failure{sent: true, text: "expected an answer in JSON, found something else"}
	}
	if envelope.Errors == nil {
		return &failure{sent: true, text: "expected an answer with errors and result, found no list of errors"}
	}
	f := classify(*envelope.Errors)
	hasResult := len(envelope.Result) > 0 && !bytes.Equal(envelope.Result, []byte("null")) && !bytes.Equal(envelope.Result, []byte("{}"))
	if f != nil {
		f.refused = f.refused && !hasResult // an error beside a result is no certain refusal
		return f
	}
	if err := json.Unmarshal(envelope.Result, into); err != nil || !hasResult {
		return &failure{sent: true, text: fmt.Sprintf("expected a result of the documented form, found something else for %T", into)}
	}
	return nil
}

// normal is a client order id as we write it: the exchange may write it as a long UUID.
func normal(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

// free is what no order holds. An asset that the exchange does not list is one that we have nothing of.
func (b balance) free() (fixed.Value, error) {
	if b == (balance{}) {
		return 0, nil
	}
	total, err := b.Balance.down()
	if err != nil || b.Held == "" {
		return total, err
	}
	held, err := b.Held.up()
	if err != nil {
		return 0, err
	}
	return max(total-held, 0), nil
}
