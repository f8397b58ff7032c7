package core

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// A tick's record is written at every tick, so it is encoded by hand: four times as fast as by reflection, and byte for byte the same. The
// struct tags stay the one description of the format, for readers and for every other record; a test draws ticks with every field set and unset
// and holds this file to them.

// object appends JSON members as encoding/json writes them.
type object []byte

func (o *object) begin() { *o = append(*o, '{') }
func (o *object) end()   { *o = append(*o, '}') }

func (o *object) key(name string) {
	if b := *o; b[len(b)-1] != '{' { // no value ends in one
		*o = append(b, ',')
	}
	*o = append(append(append(*o, '"'), name...), `":`...)
}

func (o *object) flag(name string, v bool) { o.key(name); *o = strconv.AppendBool(*o, v) }

func (o *object) int(name string, v int64) { o.key(name); *o = strconv.AppendInt(*o, v, 10) }

func (o *object) uint(name string, v uint64) { o.key(name); *o = strconv.AppendUint(*o, v, 10) }

func (o *object) value(name string, v fixed.Value) {
	o.key(name)
	b, _ := v.AppendText(append(*o, '"')) // never fails
	*o = append(b, '"')
}

func (o *object) text(name, s string) { o.key(name); o.quoted(s) }

func (o *object) quoted(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			b, _ := json.Marshal(s) // a string never fails
			*o = append(*o, plainReplacement(b)...)
			return
		}
	}
	*o = append(append(append(*o, '"'), s...), '"')
}

// The same, left out where the struct tag says omitempty or omitzero.

func (o *object) flagIf(name string, v bool) {
	if v {
		o.flag(name, v)
	}
}

func (o *object) intIf(name string, v int64) {
	if v != 0 {
		o.int(name, v)
	}
}

func (o *object) uintIf(name string, v uint64) {
	if v != 0 {
		o.uint(name, v)
	}
}

func (o *object) valueIf(name string, v fixed.Value) {
	if v != 0 {
		o.value(name, v)
	}
}

func (o *object) textIf(name, s string) {
	if s != "" {
		o.text(name, s)
	}
}

// list appends n elements, each by one.
func (o *object) list(n int, one func(i int)) {
	*o = append(*o, '[')
	for i := range n {
		if i > 0 {
			*o = append(*o, ',')
		}
		one(i)
	}
	*o = append(*o, ']')
}

func (o *object) null() { *o = append(*o, "null"...) }

// Append appends the tick's body, which is what Encode gives, to dst.
func (t *Tick) Append(dst []byte) []byte {
	o := object(dst)
	o.begin()
	o.uint("tick", t.Tick)
	o.key("obs")
	o.observation(t.Obs)
	o.key("facts")
	o.facts(t.Facts)
	if len(t.Monitors) > 0 {
		o.key("monitors")
		o.list(len(t.Monitors), func(i int) { o.quoted(t.Monitors[i]) })
	}
	o.textIf("in", t.In)
	o.textIf("out", t.Out)
	o.textIf("no_verdict", t.NoVerdict)
	o.flagIf("disagreement", t.Disagreement)
	o.flag("healthy", t.Healthy)
	o.anomaliesIf("anomalies", t.Anomalies)
	o.key("quarantine")
	o.quarantine(&t.Quarantine)
	o.value("position", t.Position)
	o.textIf("exit", t.Exit)
	if t.Act != nil {
		o.key("act")
		o.action(t.Act)
	}
	o.textIf("cancel", t.Cancel)
	o.textIf("refused", t.Refused)
	o.end()
	return o
}

func (o *object) observation(v *Observation) {
	if v == nil {
		o.null()
		return
	}
	o.begin()
	o.key("quotes")
	if v.Quotes == nil {
		o.null()
	} else {
		o.list(len(v.Quotes), func(i int) { o.quote(&v.Quotes[i]) })
	}
	o.key("account")
	o.begin()
	o.value("base", v.Account.Base)
	o.value("quote", v.Account.Quote)
	o.textIf("ticket", v.Account.Ticket)
	o.intIf("srv", v.Account.Server)
	o.intIf("asked", v.Account.Asked)
	o.intIf("rcv", v.Account.Received)
	o.textIf("err", v.Account.Err)
	o.end()
	o.text("lease", string(v.Lease))
	o.intIf("expires", v.Expires)
	o.textIf("asking", v.Asking)
	o.textIf("ack", v.Acknowledge)
	o.flagIf("flatten", v.Flatten)
	o.anomaliesIf("events", v.Events)
	o.end()
}

func (o *object) quote(q *guard.Quote) {
	o.begin()
	o.text("src", q.Source)
	o.valueIf("px", q.Price)
	o.valueIf("conf", q.Confidence)
	o.valueIf("vol", q.Volume)
	o.intIf("pub", q.Published)
	o.intIf("rcv", q.Received)
	o.intIf("srv", q.Server)
	o.intIf("asked", q.Asked)
	o.textIf("err", q.Err)
	o.end()
}

func (o *object) facts(f *Facts) {
	if f == nil {
		o.null()
		return
	}
	o.begin()
	o.key("fresh")
	o.begin()
	o.flag("ok", f.Fresh.OK)
	o.value("median", f.Fresh.Median)
	o.int("fresh", int64(f.Fresh.Fresh))
	o.int("quorum", int64(f.Fresh.Quorum))
	o.valueIf("vol", f.Fresh.Volume)
	o.textIf("why", f.Fresh.Reason)
	o.end()
	if f.Move != (guard.MoveResult{}) {
		o.key("move")
		o.begin()
		o.flag("ok", f.Move.OK)
		o.int("bps", f.Move.Bps)
		o.textIf("why", f.Move.Reason)
		o.end()
	}
	if f.Skew != (guard.SkewResult{}) {
		o.key("skew")
		o.begin()
		o.flag("ok", f.Skew.OK)
		o.int("ms", f.Skew.WorstMS)
		o.int("known", int64(f.Skew.Known))
		o.intIf("beyond", int64(f.Skew.Beyond))
		o.textIf("why", f.Skew.Reason)
		o.end()
	}
	o.key("profit")
	o.begin()
	o.flag("ok", f.Profit.OK)
	o.value("profit", f.Profit.Profit)
	o.textIf("why", f.Profit.Reason)
	o.end()
	o.key("risk")
	o.begin()
	o.flag("ok", f.Risk.OK)
	o.int("dd_bps", f.Risk.DrawdownBps)
	o.flagIf("dd", f.Risk.Drawdown)
	o.valueIf("excess", f.Risk.Excess)
	o.textIf("why", f.Risk.Reason)
	o.end()
	o.key("market")
	o.begin()
	o.flag("warm", f.Market.Warm)
	o.flag("low", f.Market.BelowBand)
	o.flag("target", f.Market.AboveTarget)
	o.flag("vol", f.Market.VolumeHigh)
	o.flag("up", f.Market.TrendUp)
	o.end()
	o.flag("cooldown_ok", f.Cooldown)
	o.uintIf("cooldown_left", f.CooldownLeft)
	o.textIf("cooldown_why", f.CooldownWhy)
	o.flag("echo", f.Echo)
	o.uintIf("echo_left", f.EchoLeft)
	o.textIf("echo_why", f.EchoWhy)
	o.flag("affordable", f.Affordable)
	o.value("price", f.Price)
	o.value("equity", f.Equity)
	o.uintIf("ticks_held", f.TicksHeld)
	o.valueIf("foreign", f.Foreign)
	o.end()
}

func (o *object) anomaliesIf(name string, all []Anomaly) {
	if len(all) == 0 {
		return
	}
	o.key(name)
	o.list(len(all), func(i int) {
		o.begin()
		o.text("code", string(all[i].Code))
		o.textIf("detail", all[i].Detail)
		o.end()
	})
}

func (o *object) quarantine(q *Quarantine) {
	o.begin()
	o.flag("on", q.Active)
	o.textIf("incident", q.Incident)
	o.textIf("reason", string(q.Reason))
	o.uintIf("since", q.Since)
	o.uintIf("clean", q.Clean)
	o.flagIf("manual", q.Manual)
	o.flagIf("risk_halted", q.RiskHalted)
	o.end()
}

func (o *object) action(a *Action) {
	o.begin()
	o.text("side", string(a.Side))
	o.value("qty", a.Qty)
	o.valueIf("limit", a.Limit)
	o.valueIf("ref", a.Reference)
	o.flagIf("forced", a.Forced)
	o.intIf("expires", a.Expires)
	o.textIf("ticket", a.Ticket)
	o.text("why", a.Reason)
	o.end()
}
