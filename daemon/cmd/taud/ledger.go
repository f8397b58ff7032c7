package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

func ledgerCommand() *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Check and read a ledger"}
	c.AddCommand(verifyCommand(), showCommand())
	return c
}

// found sorts an error of reading a ledger: damage is found wrong, all else could not be told.
func found(err error) error {
	if errors.As(err, new(*ledger.CorruptionError)) || errors.As(err, new(*loop.DivergedError)) {
		return wrongError{err}
	}
	return err
}

func verifyCommand() *cobra.Command {
	var o ledger.VerifyOptions
	var head, root string
	var asJSON bool
	c := &cobra.Command{
		Use: "verify LEDGER", Short: "Check every byte of a ledger and print its head", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			for _, h := range []struct {
				flag, text string
				into       *ledger.Hash
			}{{"head", head, &o.Known.Leaf}, {"root", root, &o.Known.Root}} {
				if h.text == "" {
					continue
				}
				if o.Known.Size == 0 {
					return fmt.Errorf("--%s: expected --known-size beside it, found none", h.flag)
				}
				if *h.into, err = ledger.ParseHash(h.text); err != nil {
					return fmt.Errorf("--%s: %w", h.flag, err)
				}
			}
			o.Progress = progress(os.Stderr)
			r, err := ledger.Verify(args[0], o)
			if err != nil {
				return found(err)
			}
			return printVerified(c.OutOrStdout(), r, asJSON)
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.Size, "size", 0, "verify only so many records: the ledger as it was (0: all)")
	f.Uint64Var(&o.Known.Size, "known-size", 0, "a size known from elsewhere, such as a TauDaemon's status: a shorter ledger is refused")
	f.StringVar(&head, "head", "", "the leaf hash known at that size")
	f.StringVar(&root, "root", "", "the tree's root known at that size")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// progress prints to w at most every two seconds, and so nothing for a ledger that is read in less.
func progress(w io.Writer) func(read, total int64) {
	last := time.Now()
	return func(read, total int64) {
		if now := time.Now(); now.Sub(last) >= 2*time.Second {
			last = now
			fmt.Fprintf(w, "%d of %d MiB\n", read>>20, total>>20)
		}
	}
}

func printVerified(w io.Writer, r ledger.VerifyResult, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "origin    %s\nrecords   %d in %d segments, %d bytes\nhead      %s\nroot      %s\nepoch     %d\n",
		r.Origin, r.Head.Size, r.Segments, r.Bytes, r.Head.Leaf, r.Head.Root, r.Head.Epoch)
	if err == nil && r.TornTail != nil {
		_, err = fmt.Fprintf(w, "torn tail %d bytes at offset %d of %s: a record whose commit never returned\n", r.TornTail.Bytes, r.TornTail.Offset, r.TornTail.Segment)
	}
	if err == nil {
		_, err = fmt.Fprintln(w, "verified  every record is whole and follows from the one before it")
	}
	return err
}

func showCommand() *cobra.Command {
	var f ledger.ShowFilter
	var kinds []string
	c := &cobra.Command{
		Use: "show LEDGER", Short: "Print a ledger's records", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, k := range kinds {
				f.Kinds = append(f.Kinds, ledger.Kind(k))
			}
			return found(ledger.Show(c.OutOrStdout(), args[0], f))
		},
	}
	c.Flags().StringSliceVar(&kinds, "kind", nil, "only these kinds: boot, tick, outcome, command, snapshot, shutdown")
	c.Flags().Uint64Var(&f.From, "from", 0, "the first sequence number")
	c.Flags().Uint64Var(&f.Limit, "limit", 0, "at most so many records (0: all)")
	c.Flags().Uint64Var(&f.FromTick, "from-tick", 0, "only records of this tick and later")
	c.Flags().Uint64Var(&f.ToTick, "to-tick", 0, "only records of this tick and earlier (0: no limit)")
	c.Flags().BoolVar(&f.JSON, "json", false, "print the exact lines")
	return c
}

func replayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "replay LEDGER", Short: "Run core and kernel again from the records, and compare every verdict, decision and byte", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var r loop.Replayer
			var records, ticks uint64
			for rec, err := range ledger.Scan(args[0], 0) {
				if err != nil {
					return found(err)
				}
				if err := r.Apply(rec); err != nil {
					return found(err)
				}
				records++
				if rec.Kind == ledger.KindTick {
					ticks++
				}
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "replayed %d records, %d ticks: every verdict, decision and byte is the same\n", records, ticks)
			return err
		},
	}
}
