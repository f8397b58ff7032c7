package loop

import (
	"context"
	"errors"
	"fmt"

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

type answer struct {
	order command.Order
	text  string
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
		l.ordered.answers = append(l.ordered.answers, answer{o, l.answer(&c, was)})
		l.ordered.halt = l.state.Halted
		if c.Acknowledge != "" {
			l.ordered.acknowledge = c.Acknowledge
		}
	}
	return nil
}

// answer says what an order does.
func (l *Loop) answer(c *core.Command, halted string) string {
	q := &l.state.Quarantine
	switch {
	case c.Halt != "":
		return fmt.Sprintf("halted after tick %d with a position of %s; taud release ends it", l.state.Tick, l.state.Position.Qty)
	case c.Acknowledge != "" && q.Active && c.Acknowledge == q.Incident:
		return fmt.Sprintf("incident %s (%s) is released at tick %d", q.Incident, q.Reason, l.state.Tick+1)
	case c.Acknowledge != "" && q.Active:
		return fmt.Sprintf("nothing released: the incident is %s (%s), not %s", q.Incident, q.Reason, c.Acknowledge)
	case c.Acknowledge != "":
		return "nothing released: there is no incident " + c.Acknowledge + " at hand"
	case halted != "":
		return "the halt is ended: " + halted
	}
	return "nothing to release: neither a halt nor an incident"
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
		if err := l.Local.Done(a.order, a.text); err != nil {
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
	l.carriedOut()
	return &HaltError{Reason: ReasonHaltOrdered, Err: errors.New(why)}
}

// nothingOrdered says that all commands are those that were taken up already: a new one is not left waiting for the beat.
func (l *Loop) nothingOrdered() bool {
	if l.Local != nil {
		if orders, err := l.Local.Pending(); err == nil && len(orders) > 0 {
			return false
		}
	}
	c := l.Tenure.Commands()
	return c.Halt == "" && c.Flatten == l.flatten && (c.Acknowledge == "" || c.Acknowledge == l.state.Acknowledged)
}
