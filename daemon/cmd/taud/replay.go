package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/loop"
)

func replayCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "replay LEDGER", Short: "Run core and the specs again from the records, and compare every verdict, decision and byte", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := loop.Replay(args[0], progress(c.ErrOrStderr()))
			if err != nil {
				return found(err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(r)
			}
			p := &printer{w: c.OutOrStdout()}
			if r.Pruned > 0 {
				p.line("%d records are pruned; %d behind them come before the snapshot that the replay goes on from, and were only checked for damage", r.Pruned, r.Passed)
			}
			for _, seq := range r.Trusted {
				p.line("the snapshot of record %d is taken on its word: what led to it is pruned", seq)
			}
			p.line("replayed %d records, %d ticks: every verdict, decision and byte is the same", r.Records, r.Ticks)
			return p.err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}
