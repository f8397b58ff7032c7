package backtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// reportPage has places like {{name}}. They are filled in here and not by html/template, which would make the daemon a fifth larger: linking it
// keeps every exported method of every type.
//
//go:embed report.html
var reportPage string

// Report writes a run as one HTML page that needs nothing else: no network, no script from elsewhere. p is what Run was given as Watch. The
// same run gives the same page.
func Report(w io.Writer, name string, s *Summary, p *Picture) error {
	if p.at == 0 {
		return fmt.Errorf("report of %s: expected a picture that watched a run, found an empty one", name)
	}
	picture, err := json.Marshal(p) // escapes what could end a script
	if err != nil {
		return err
	}
	cards, err := s.cards(p)
	if err != nil {
		return err
	}
	trips, err := s.tripTable()
	if err != nil {
		return err
	}
	_, err = strings.NewReplacer(
		"{{name}}", html.EscapeString(name),
		"{{period}}", fmt.Sprintf("%d %s, %s", s.Data.Rows, s.Data.Kind, p.period()),
		"{{cards}}", cards,
		"{{facts}}", s.facts(),
		"{{count}}", strconv.Itoa(len(s.Trips)),
		"{{trips}}", trips,
		"{{notes}}", s.noteList(),
		"{{origin}}", definition("Recording", code(s.Data.Digest))+
			definition(fmt.Sprintf("Ledger: %d records", s.Ledger.Records), code(s.Ledger.Origin))+definition("Head", code(s.Ledger.Head)),
		"{{picture}}", string(picture),
	).WriteString(w, reportPage)
	return err
}

// cards are the figures that one looks at first.
func (s *Summary) cards(p *Picture) (string, error) {
	var m checked
	burns := 0
	for _, mark := range p.Marks {
		if mark.Side == core.Burn {
			burns++
		}
	}
	trips := fmt.Sprintf("%d won", s.Won)
	if s.OpenQty > 0 {
		trips += fmt.Sprintf(", %s still open", s.OpenQty)
	}
	if s.RefusedOrders > 0 {
		trips += fmt.Sprintf(", %d orders refused", s.RefusedOrders)
	}
	var b strings.Builder
	card := func(name, class, figure, small string) {
		fmt.Fprintf(&b, "<div><dt>%s</dt><dd class=\"%s\">%s<small>%s</small></dd></div>\n", name, class, figure, small)
	}
	card("Net", direction(s.PnL.Net), signed(s.PnL.Net), fmt.Sprintf("equity %s to %s", s.EquityStart, s.EquityEnd))
	card("Gross", "", signed(s.PnL.Gross), "before all costs")
	card("Costs", "", s.PnL.total(&m).String(), fmt.Sprintf("fees %s<br>slippage %s<br>gas %s", s.PnL.Fees, s.PnL.Slippage, s.PnL.Gas))
	card("Round trips", "", strconv.Itoa(len(s.Trips)), trips)
	card("Max drawdown", "", percent(s.MaxDrawdownBps), s.MaxDrawdown.String()+" at most")
	card("Burned", "", s.Burned.String(), fmt.Sprintf("in %d burns", burns))
	return b.String(), m.err
}

func (s *Summary) facts() string {
	quarantines := "none"
	for i, q := range s.Quarantines {
		one := fmt.Sprintf("%d %s (%d ticks)", q.Incidents, html.EscapeString(string(q.Reason)), q.Ticks)
		if i == 0 {
			quarantines = one
		} else {
			quarantines += ", " + one
		}
	}
	return definition("Ticks", fmt.Sprintf("%d, %s with fresh prices", s.Ticks, share(s.FreshTicks, s.Ticks))) +
		definition("Exposure", percent(s.ExposureBps)+" of the ticks") + definition("Quarantines", quarantines)
}

// tripColumns are the table's; those that are text stand on the left.
var tripColumns = []struct {
	name string
	left bool
}{
	{"#", false}, {"entry", true}, {"exit", true}, {"ticks", false}, {"qty", false}, {"bought at", false}, {"sold at", false}, {"gross", false},
	{"costs", false}, {"net", false}, {"burned", false}, {"reason", true},
}

func (s *Summary) tripTable() (string, error) {
	if len(s.Trips) == 0 {
		return "<p>No position was opened and closed.</p>", nil
	}
	var m checked
	var b strings.Builder
	cell := func(tag, class, text string) {
		if class != "" {
			class = ` class="` + class + `"`
		}
		b.WriteString("<" + tag + class + ">" + text + "</" + tag + ">")
	}
	left := func(i int) string {
		if tripColumns[i].left {
			return "l"
		}
		return ""
	}
	b.WriteString("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>")
	for i, c := range tripColumns {
		cell("th", left(i), c.name)
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for n, t := range s.Trips {
		reason, burned := html.EscapeString(t.Reason), ""
		if t.Forced {
			reason += `<span class="tag">forced</span>`
		}
		if t.Burned != 0 {
			burned = t.Burned.String()
		}
		b.WriteString("<tr>")
		for i, text := range []string{
			strconv.Itoa(n + 1), moment(t.EntryMS), moment(t.ExitMS), fmt.Sprintf("%d&thinsp;&ndash;&thinsp;%d", t.EntryTick, t.ExitTick), t.Qty.String(),
			t.Entry.String(), t.Exit.String(), signed(t.Gross), t.total(&m).String(), signed(t.Net), burned, reason,
		} {
			class := left(i)
			if tripColumns[i].name == "net" {
				class = direction(t.Net)
			}
			cell("td", class, text)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>")
	return b.String(), m.err
}

func (s *Summary) noteList() string {
	var b strings.Builder
	for _, n := range s.Notes {
		b.WriteString("<li>" + html.EscapeString(n) + "</li>")
	}
	return b.String()
}

func definition(name, text string) string {
	return "<div><dt>" + name + "</dt><dd>" + text + "</dd></div>\n"
}

func code(text string) string { return "<code>" + html.EscapeString(text) + "</code>" }

// direction is the class of a gain or a loss.
func direction(v fixed.Value) string {
	switch {
	case v > 0:
		return "up"
	case v < 0:
		return "down"
	}
	return ""
}

func signed(v fixed.Value) string {
	if v > 0 {
		return "+" + v.String()
	}
	return v.String()
}
