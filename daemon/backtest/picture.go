package backtest

import (
	"strconv"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// maxColumns is how many points a series has at most: about the pixels of a wide chart.
const maxColumns = 1200

// Picture is a run as a report shows it. Long series are kept in columns, each with its lowest and highest value, so that memory and page do not
// grow with the run; every action is kept. The zero value is ready for Options.Watch.
type Picture struct {
	// Begun is the first tick's time and Step the distance of two, in milliseconds; Ticks is their number.
	Begun int64  `json:"begun"`
	Step  int64  `json:"step"`
	Ticks uint64 `json:"ticks"`
	// Price and Equity by column; Drawdown is the column's largest, in millionths of the peak.
	Price    band    `json:"price"`
	Equity   band    `json:"equity"`
	Drawdown []int64 `json:"drawdown"`
	// Strips are bits over time.
	Strips []strip `json:"strips"`
	Marks  []Mark  `json:"marks"`
	// Quarantines in ticks, from 0, both ends in it.
	Quarantines []span `json:"quarantines"`

	counts   []int64 // ticks by column
	at       uint64
	incident string
}

// Mark is an action in the picture. The JSON is short, as there may be many.
type Mark struct {
	Tick   uint64    `json:"t"` // from 0
	Side   core.Side `json:"s"`
	Price  number    `json:"p"`
	Qty    number    `json:"q"`
	Reason string    `json:"w"`
}

// number is a Value that is a number in JSON, for drawing only.
type number fixed.Value

// MarshalJSON writes the exact decimal.
func (n number) MarshalJSON() ([]byte, error) { return []byte(fixed.Value(n).String()), nil }

// band is a series' lowest and highest values by column.
type band struct {
	Low  []number `json:"low"`
	High []number `json:"high"`
}

func (b *band) take(column int, first bool, v fixed.Value) {
	if first {
		b.Low, b.High = append(b.Low, number(v)), append(b.High, number(v))
		return
	}
	b.Low[column], b.High[column] = min(b.Low[column], number(v)), max(b.High[column], number(v))
}

// strip is a bit over time: the share of each column's ticks that had it, in percent.
type strip struct {
	Name string `json:"name"`
	// Good: the bit is good news; else it shows as a warning.
	Good  bool    `json:"good"`
	Share []int64 `json:"share"`
	bit   func(*core.Decision, *core.State) bool
}

func strips() []strip {
	return []strip{
		{Name: "fresh", Good: true, bit: func(d *core.Decision, _ *core.State) bool { return d.Facts.Fresh.OK }},
		{Name: "profit", Good: true, bit: func(d *core.Decision, _ *core.State) bool { return d.Facts.Profit.OK }},
		{Name: "cooldown", Good: true, bit: func(d *core.Decision, _ *core.State) bool { return d.Facts.Cooldown }},
		{Name: "risk", Good: true, bit: func(d *core.Decision, _ *core.State) bool { return d.Facts.Risk.OK }},
		{Name: "echo", bit: func(d *core.Decision, _ *core.State) bool { return d.Facts.Echo }},
		{Name: "quarantine", bit: func(_ *core.Decision, s *core.State) bool { return s.Quarantine.Active }},
		{Name: "holding", Good: true, bit: func(_ *core.Decision, s *core.State) bool { return s.Position.Qty > 0 }},
	}
}

type span struct {
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Reason string `json:"why"`
}

func (p *Picture) begin(f *feed) {
	*p = Picture{Begun: f.begun, Step: f.step, Ticks: f.ticks(), Strips: strips()}
}

func (p *Picture) tick(d *core.Decision, s *core.State, equity fixed.Value, lostParts int64) {
	column := int(p.at * min(p.Ticks, maxColumns) / p.Ticks)
	first := column == len(p.counts)
	if first {
		p.counts, p.Drawdown = append(p.counts, 0), append(p.Drawdown, 0)
		for i := range p.Strips {
			p.Strips[i].Share = append(p.Strips[i].Share, 0)
		}
	}
	p.counts[column]++
	p.Price.take(column, first, d.Facts.Price)
	p.Equity.take(column, first, equity)
	p.Drawdown[column] = max(p.Drawdown[column], lostParts)
	for i := range p.Strips {
		if p.Strips[i].bit(d, s) {
			p.Strips[i].Share[column]++
		}
	}
	if q := &s.Quarantine; q.Active {
		if q.Incident != p.incident {
			p.Quarantines = append(p.Quarantines, span{From: p.at, Reason: string(q.Reason)})
		}
		p.Quarantines[len(p.Quarantines)-1].To = p.at
	}
	p.incident = s.Quarantine.Incident
	p.at++
}

// mark keeps an action of the tick at hand.
func (p *Picture) mark(side core.Side, price, qty fixed.Value, reason string) {
	p.Marks = append(p.Marks, Mark{Tick: p.at, Side: side, Price: number(price), Qty: number(qty), Reason: reason})
}

// shares turns counts into percents, once all ticks are in.
func (p *Picture) shares() {
	for i := range p.Strips {
		share := p.Strips[i].Share
		for c, n := range share {
			share[c] = (n*100 + p.counts[c] - 1) / p.counts[c] // up: one tick of many still shows
		}
	}
}

// span of the run for a person.
func (p *Picture) period() string {
	return moment(p.Begun) + " to " + moment(p.Begun+int64(p.Ticks-1)*p.Step) + ", a tick every " + strconv.FormatInt(p.Step, 10) + " ms"
}
