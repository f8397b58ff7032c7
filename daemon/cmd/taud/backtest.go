package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/backtest"
)

type backtestFlags struct {
	config, data, ledger, report string
	json                         bool
}

func backtestCommand() *cobra.Command {
	var f backtestFlags
	c := &cobra.Command{
		Use: "backtest", Short: "Run recorded trades or candles through the daemon's loop into a ledger of its own", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runBacktest(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), f)
		},
	}
	configFlag(c, &f.config)
	c.Flags().StringVar(&f.data, "data", "", "a CSV of trades (ts_ms,price,quantity,taker_side) or candles (ts_ms,open,high,low,close,volume)")
	c.Flags().StringVar(&f.ledger, "ledger", "", "the folder of the ledger to write: empty, or not there")
	c.Flags().StringVar(&f.report, "report", "", "an HTML page to write: price, equity, guards and round trips, without need of a network")
	c.Flags().BoolVar(&f.json, "json", false, "print the summary as JSON")
	_, _ = c.MarkFlagRequired("data"), c.MarkFlagRequired("ledger")
	return c
}

func runBacktest(ctx context.Context, out, warn io.Writer, f backtestFlags) error {
	s, err := load(f.config)
	if err != nil {
		return err
	}
	data, err := backtest.ReadFile(f.data)
	if err != nil {
		return err
	}
	if s.config.Engine.Type == "tau" || s.config.Engine.Type == "both" {
		fmt.Fprintln(warn, "warning: a backtest runs the specs in the embedded engine, whatever engine.type says")
	}
	// A tick leaves garbage and little that lives: collecting it half as often takes some 7 % off the time. More costs as much in memory that is new.
	debug.SetGCPercent(200)
	o := backtest.Options{Config: s.config, Data: data, Dir: f.ledger, Version: fullVersion(), Specs: s.set}
	if f.report != "" {
		o.Watch = new(backtest.Picture)
	}
	result, err := backtest.Run(ctx, o)
	if err != nil {
		return found(err)
	}
	if f.report != "" {
		if err := writeReport(f.report, s.config.Name, result, o.Watch); err != nil {
			return err
		}
	}
	if f.json {
		return json.NewEncoder(out).Encode(result)
	}
	return result.Print(out)
}

func writeReport(file, name string, s *backtest.Summary, p *backtest.Picture) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(backtest.Report(out, name, s, p), out.Close())
}
