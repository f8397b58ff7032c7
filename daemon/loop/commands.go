package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// ReasonHaltOrdered is the reason of a halt that somebody ordered.
const ReasonHaltOrdered = "HaltOrdered"

// ordered are orders that have a record and are not carried out yet.
type ordered struct {
	// acknowledge is the incident that a person releases at the next tick, halt why the ticking ends.
	acknowledge, halt string
	// answers to the person, to be given when the tick's record is durable.
	answers []answer
}

// answer to an order; releases says that it promises the release of an incident, which the next tick carries out.
type answer struct {
	command.Answer
	order    command.Order
	releases bool
}

// commands takes up what was ordered; what is new is a record of its own before the tick that follows it.
func (l *Loop) commands(obs *core.Observation) error {
	if err := l.local(obs.MS); err != nil {
		return err
	}
	c := l.Tenure.Commands()
	obs.Flatten, obs.Acknowledge = c.Flatten, l.ordered.acknowledge
	if obs.Acknowledge == "" && c.Acknowledge != l.state.Acknowledged {
		obs.Acknowledge = c.Acknowledge
	}
	if (obs.Acknowledge == "" || obs.Acknowledge == l.ordered.acknowledge) && c.Flatten == l.flatten {
		return nil
	}
	l.flatten = c.Flatten
	l.Log.Info("command", "acknowledge", obs.Acknowledge, "flatten", c.Flatten)
	return l.command(obs.MS, &core.Command{Acknowledge: obs.Acknowledge, Flatten: c.Flatten})
}

// local takes up the orders of a person on this machine, oldest first. A folder that can't be read is no reason to end the ticking.
func (l *Loop) local(ms int64) error {
	if l.Local == nil {
		return nil
	}
	orders, err := l.Local.Pending()
	if err != nil {
		l.Log.Error(err, "orders of a person could not be read")
		return nil
	}
	for _, o := range orders {
		if slices.ContainsFunc(l.ordered.answers, func(a answer) bool { return a.order == o }) {
			continue // it has its record, and is answered when the tick has
		}
		c := core.Command{Flatten: l.flatten, Halt: o.Halt, Release: o.Release, Local: true}
		if o.Release {
			c.Acknowledge = o.Incident
			if c.Acknowledge == "" {
				c.Acknowledge = l.state.Quarantine.Incident
			}
		}
		was := l.state.Halted
		l.Log.Info("command of a person", "halt", c.Halt, "release", c.Release, "acknowledge", c.Acknowledge)
		if err := l.command(ms, &c); err != nil {
			return err
		}
		given := l.answer(&c, was)
		given.order = o
		l.ordered.answers = append(l.ordered.answers, given)
		l.ordered.halt = l.state.Halted
		if c.Acknowledge != "" {
			l.ordered.acknowledge = c.Acknowledge
		}
	}
	return nil
}

// answer says what an order does; halted is why the ticking was ended before it.
func (l *Loop) answer(c *core.Command, halted string) (a answer) {
	if c.Halt != "" {
		a.Done = true
		a.Text = fmt.Sprintf("halted after tick %d with a position of %s; taud release ends it", l.state.Tick, l.state.Position.Qty)
		return a
	}
	var said []string
	if halted != "" {
		a.Done = true
		said = append(said, "the halt is ended: "+halted)
	}
	switch q := &l.state.Quarantine; {
	case c.Acknowledge != "" && q.Active && c.Acknowledge == q.Incident:
		a.Done, a.releases = true, true
		said = append(said, fmt.Sprintf("incident %s (%s) is released at tick %d", q.Incident, q.Reason, l.state.Tick+1))
	case c.Acknowledge != "" && q.Active:
		said = append(said, fmt.Sprintf("no incident released: expected %s (%s), found %s", q.Incident, q.Reason, c.Acknowledge))
	case c.Acknowledge != "":
		said = append(said, "no incident released: expected none, for there is no quarantine, found "+c.Acknowledge)
	case halted == "":
		said = append(said, "nothing to release: neither a halt nor an incident")
	}
	a.Text = strings.Join(said, "; ")
	return a
}

// command makes an order durable and takes it up.
func (l *Loop) command(ms int64, c *core.Command) error {
	if _, err := l.commit(ledger.KindCommand, ms, *c); err != nil {
		return err
	}
	l.state = core.ApplyCommand(l.state, c)
	return nil
}

// carriedOut answers the orders whose effect is durable.
func (l *Loop) carriedOut() {
	for _, a := range l.ordered.answers {
		if err := l.Local.Done(a.order, a.Answer); err != nil {
			l.Log.Error(err, "an order of a person was not answered")
		}
	}
	l.ordered = ordered{}
}

// operatorHalts ends the ticking by the operator's command, which it gives when it does not believe the ledger: at once, with nothing asked and nothing
// settled. The command's record is the last.
func (l *Loop) operatorHalts() error {
	why := l.Tenure.Commands().Halt
	if why == "" {
		return nil
	}
	if err := l.command(l.Clock.Wall().UnixMilli(), &core.Command{Flatten: l.flatten, Halt: why}); err != nil {
		return err
	}
	return &HaltError{Reason: ReasonHaltOrdered, Err: errors.New(why)}
}

// haltOrdered ends the ticking in order: the open intent is asked for once more, the position is kept, and the last records say so.
func (l *Loop) haltOrdered(ctx context.Context, why string) error {
	if err := l.quiesce(ctx, "halted: "+why); err != nil {
		return err
	}
	for i := range l.ordered.answers { // the tick that was to release it does not come
		if a := &l.ordered.answers[i]; a.releases {
			a.Answer = command.Answer{Text: "no incident released: a halt was ordered before the next tick; release it again after that"}
		}
	}
	l.carriedOut()
	return halted(why)
}

// halted is the end of the ticking by a person's halt.
func halted(why string) error {
	return &HaltError{Reason: ReasonHaltOrdered, Err: fmt.Errorf("%s (a person's halt, which taud release ends)", why)}
}

// ordersWait says that orders of a person on this machine wait to be taken up.
func (l *Loop) ordersWait() bool {
	if l.Local == nil {
		return false
	}
	orders, err := l.Local.Pending()
	return err == nil && len(orders) > 0
}

// nothingOrdered says that all commands are those that were taken up already: a new one is not left waiting for the beat.
func (l *Loop) nothingOrdered() bool {
	if l.ordersWait() {
		return false
	}
	c := l.Tenure.Commands()
	return c.Halt == "" && c.Flatten == l.flatten && (c.Acknowledge == "" || c.Acknowledge == l.state.Acknowledged)
}
