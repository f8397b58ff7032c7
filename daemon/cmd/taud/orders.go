package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	orders "github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/config"
)

const ordersHelp = "\n\nThe order is left in the data folder of the configuration, for the daemon that runs there, or in a pod:" +
	"\n  kubectl exec NAME-taud-0 -- /taud %s --config /etc/taud/taud.toml" +
	"\nIt prints the daemon's answer in one line. Exit code 0: carried out. 1: nothing changed, and the answer says why. 2: no answer in time; the" +
	"\norder then waits, and the next start of the daemon takes it up."

func haltCommand() *cobra.Command {
	var f orderFlags
	var order orders.Order
	c := &cobra.Command{
		Use: "halt", Short: "End the ticking of the daemon on this machine, and keep it from starting again until it is released", Args: cobra.NoArgs,
		Long: "End the ticking of the daemon on this machine: the open intent is settled, the position is KEPT and no longer watched, and the ledger says so." +
			"\nA start is refused, also after a crash, until taud release." + fmt.Sprintf(ordersHelp, "halt"),
		RunE: func(c *cobra.Command, _ []string) error { return f.give(c.Context(), c.OutOrStdout(), order) },
	}
	f.flags(c)
	c.Flags().StringVar(&order.Halt, "reason", "ordered on this machine", "why, for the ledger and the status; one line of at most 500 bytes")
	return c
}

func releaseCommand() *cobra.Command {
	var f orderFlags
	order := orders.Order{Release: true}
	c := &cobra.Command{
		Use: "release", Short: "End a halt, and release the quarantine's incident, of the daemon on this machine", Args: cobra.NoArgs,
		Long: "End a halt that taud halt ordered, and release the incident of the quarantine that is on. With --incident, only that incident is released: not one" +
			"\nthat nobody has looked at yet. A halt that the operator ordered is not ended by it: see docs/witness.md." + fmt.Sprintf(ordersHelp, "release"),
		RunE: func(c *cobra.Command, _ []string) error { return f.give(c.Context(), c.OutOrStdout(), order) },
	}
	f.flags(c)
	c.Flags().StringVar(&order.Incident, "incident", "", "the incident to release, such as q41 (default: the one at hand when the daemon takes the order up)")
	return c
}

// orderFlags are those that halt and release share.
type orderFlags struct {
	config string
	wait   time.Duration
	json   bool
}

func (f *orderFlags) flags(c *cobra.Command) {
	configFlag(c, &f.config)
	c.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait for the daemon's answer")
	c.Flags().BoolVar(&f.json, "json", false, "print the answer as JSON")
}

// give leaves the order and prints the daemon's answer.
func (f *orderFlags) give(ctx context.Context, out io.Writer, o orders.Order) error {
	cfg, err := config.Load(f.config)
	if err != nil {
		return err
	}
	given, err := orders.Give(cfg.Paths.DataDir, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	answer, err := given.Wait(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return fmt.Errorf("expected an answer within %v, found none: no daemon ticks on %s, or it is halted for something else; the order waits for its next start in %s",
			f.wait, cfg.Paths.DataDir, given.Path())
	case err != nil:
		return err
	case !answer.Done:
		err = wrongError{errors.New(answer.Text)}
		if !f.json {
			return err
		}
	}
	if f.json {
		return errors.Join(err, json.NewEncoder(out).Encode(answer))
	}
	_, err = fmt.Fprintln(out, answer.Text)
	return err
}
