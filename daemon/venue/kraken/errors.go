package kraken

import (
	"strings"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// failure is why a call has no result. Its text holds no credentials.
type failure struct {
	// sent: the request may have reached the exchange.
	sent bool
	// refused: the exchange itself answered that it did not do it.
	refused bool
	// replay: it says that the nonce or the client order id was used before. limited: that it was asked too often. gone: that there is no such
	// order, or no longer.
	replay, limited, gone bool

	text string
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// answer is what an order's failure says of the order: only a certain refusal, or a request that did not leave, is one.
func (f *failure) answer() venue.Answer {
	switch {
	case !f.sent:
		return venue.Answer{Result: core.Refused, Reason: "not sent: " + f.text}
	case f.refused:
		return venue.Answer{Result: core.Refused, Reason: f.text, Replay: f.replay}
	}
	return venue.Answer{Result: core.Ambiguous, Reason: f.text, Replay: f.replay}
}

// refusals are the beginnings of the error strings that say that nothing was done, after the exchange's list of errors. What is in no list here
// counts as unknown: an order may have been done in spite of it. So do, on purpose, EService:Unavailable, EService:Busy, EService:Timeout,
// EService:Deadline elapsed and EGeneral:Internal error: they come from between us and the engine.
var refusals = []string{
	"EAPI:Bad request", "EAPI:Feature disabled", "EAPI:Invalid key", invalidNonce, "EAPI:Invalid signature", "EAPI:Permission denied",
	"EAccount:Invalid permissions", "EAuth:", "EBM:limit exceeded",
	"EGeneral:Invalid arguments", "EGeneral:Permission denied", "EGeneral:Unknown method",
	"EOrder:Cannot open opposing position", "EOrder:Cannot open position", "EOrder:Cost minimum not met", "EOrder:Insufficient funds",
	"EOrder:Insufficient margin", "EOrder:Invalid price", "EOrder:Margin allowance exceeded", "EOrder:Margin level too low",
	"EOrder:Margin position size exceeded", "EOrder:Order minimum not met", "EOrder:Orders limit exceeded", "EOrder:Positions limit exceeded",
	"EOrder:Reduce only", "EOrder:Scheduled orders limit exceeded", "EOrder:Tick size check failed", "EOrder:Trading agreement required",
	"EQuery:Unknown asset pair", "EService:Market in",
	"ETrade:Invalid request",
}

// limits are the refusals of a caller that asks too often, or asked wrongly too often: asking on would make it last longer.
var limits = []string{
	"EAPI:Rate limit exceeded", "EAuth:Rate limit exceeded", "EAuth:Too many requests", "EGeneral:Temporary lockout", "EGeneral:Too many requests",
	"EOrder:Domain rate limit exceeded", "EOrder:Rate limit exceeded", "EService:Throttled",
}

// goneOrders are the answers to a cancel of what is closed already, or never was.
var goneOrders = []string{"EOrder:Invalid order", "EOrder:Unknown order"}

const invalidNonce = "EAPI:Invalid nonce"

// classify reads the error strings of an answer; those that begin with a W are warnings. nil if there is no error. One that is no certain refusal makes
// the whole answer uncertain.
func classify(list []string) *failure {
	f := &failure{sent: true, refused: true}
	var texts []string
	for _, each := range list {
		if strings.HasPrefix(each, "W") {
			continue
		}
		if texts = append(texts, printable(each)); each == "" {
			texts[len(texts)-1] = "an error without a text"
		}
		switch {
		case strings.Contains(each, "uplicate"): // the order is there
			f.refused, f.replay = false, true
		case begins(each, limits):
			f.limited = true
		case begins(each, goneOrders):
			f.gone, f.refused = true, false
		case begins(each, refusals):
			f.replay = f.replay || strings.HasPrefix(each, invalidNonce)
		default:
			f.refused = false
		}
	}
	if texts == nil {
		return nil
	}
	const most = 4
	if len(texts) > most {
		texts = append(texts[:most], "...")
	}
	f.text = strings.Join(texts, ", ")
	return f
}

func begins(text string, list []string) bool {
	for _, each := range list {
		if strings.HasPrefix(text, each) {
			return true
		}
	}
	return false
}

// printable is text as a record and a log may hold it: short, and plain characters only.
func printable(text string) string {
	const longest = 120
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
