package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

func ledgerCommand() *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Check, read, prove, export, copy and mend a ledger"}
	c.AddCommand(verifyCommand(), showCommand(), proveCommand(), verifyProofCommand(), exportCommand(), repairCommand(), backupCommand(), restoreCommand(), rotateKeyCommand())
	return c
}

// found sorts an error of reading a ledger: damage is found wrong, all else could not be told.
func found(err error) error {
	if errors.As(err, new(*ledger.CorruptionError)) || errors.As(err, new(*ledger.SignatureError)) || errors.As(err, new(*ledger.RecordError)) ||
		errors.As(err, new(*loop.DivergedError)) {
		return wrongError{err}
	}
	return err
}

func verifyCommand() *cobra.Command {
	var o ledger.VerifyOptions
	var head, root, since, checkpoint string
	var asJSON bool
	c := &cobra.Command{
		Use: "verify LEDGER", Short: "Check every byte, hash and signature of a ledger and print its head", Args: cobra.ExactArgs(1),
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
			if since != "" {
				at, err := parseSince(since, time.Now())
				if err != nil {
					return err
				}
				o.SinceMS = at.UnixMilli()
			}
			if checkpoint != "" {
				if o.Checkpoint, err = os.ReadFile(checkpoint); err != nil {
					return err
				}
			}
			if o.Key, err = keyFlag(o.Key); err != nil {
				return err
			}
			o.Progress = progress(c.ErrOrStderr())
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
	f.StringVar(&checkpoint, "checkpoint", "", "a file with a signed checkpoint known from elsewhere, which the ledger must contain")
	f.StringVar(&o.Key, "key", "", "the verifier key known from elsewhere, or a file with it (default: the folder's own, which shows damage but not another's folder)")
	f.StringVar(&since, "since", "", "leave out sealed segments older than this: a time (2026-01-02T15:04:05Z) or an age (24h)")
	f.IntVar(&o.Workers, "workers", 0, "segments checked at a time (0: one for each processor)")
	jsonFlag(c, &asJSON)
	return c
}

// parseSince reads a time or an age.
func parseSince(text string, now time.Time) (time.Time, error) {
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--since: expected a time such as 2026-01-02T15:04:05Z or an age such as 24h, found %q", text)
	}
	return at, nil
}

// keyFlag returns a verifier key that is given as it is, or as the name of a file with it.
func keyFlag(text string) (string, error) {
	if text == "" || strings.Contains(text, "+") {
		return text, nil
	}
	b, err := os.ReadFile(text)
	return strings.TrimSpace(string(b)), err
}

// progress prints to w at most every two seconds, and so nothing for a ledger that is read in less.
func progress(w io.Writer) ledger.Progress {
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
	p := &printer{w: w}
	p.line("origin    %s", r.Origin)
	p.line("records   %d in %d segments (%d sealed), %d bytes read", r.Head.Size, r.Segments, r.Sealed, r.Bytes)
	p.line("head      %s", r.Head.Leaf)
	p.line("root      %s", r.Head.Root)
	p.line("epoch     %d", r.Head.Epoch)
	if r.Checkpoint != nil {
		p.line("signed    the first %d records, by %s", r.Checkpoint.Size, r.Key)
	} else {
		p.line("signed    nothing yet: the first snapshot record and an orderly end bring a checkpoint")
	}
	if r.From > 0 {
		p.line("left out  records 0 to %d, older than asked for: only their hashes were taken", r.From-1)
	}
	if r.Pruned > 0 {
		p.line("pruned    %d records are gone, by the signed manifest: only their hashes were checked", r.Pruned)
	}
	if t := r.TornTail; t != nil {
		p.line("torn tail %d bytes at offset %d of %s: a record whose commit never returned", t.Bytes, t.Offset, t.Segment)
	}
	p.line("verified  every record that was read is whole and follows from the one before it")
	return p.err
}

// printer keeps the first error, so that a page is written without asking after each line.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func showCommand() *cobra.Command {
	var f ledger.ShowFilter
	var kinds []string
	var since, until string
	var follow bool
	c := &cobra.Command{
		Use: "show LEDGER", Short: "Print a ledger's records", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, k := range kinds {
				f.Kinds = append(f.Kinds, ledger.Kind(k))
			}
			for _, t := range []struct {
				text string
				into *int64
			}{{since, &f.SinceMS}, {until, &f.UntilMS}} {
				if t.text == "" {
					continue
				}
				at, err := parseSince(t.text, time.Now())
				if err != nil {
					return err
				}
				*t.into = at.UnixMilli()
			}
			if follow {
				return found(ledger.Follow(c.Context(), c.OutOrStdout(), args[0], f, 200*time.Millisecond))
			}
			return found(ledger.Show(c.OutOrStdout(), args[0], f))
		},
	}
	c.Flags().StringSliceVar(&kinds, "kind", nil, "only these kinds: boot, tick, outcome, command, snapshot, shutdown")
	c.Flags().Uint64Var(&f.From, "from", 0, "the first sequence number")
	c.Flags().Uint64Var(&f.Limit, "limit", 0, "at most so many records (0: all)")
	c.Flags().Uint64Var(&f.FromTick, "from-tick", 0, "only records of this tick and later")
	c.Flags().Uint64Var(&f.ToTick, "to-tick", 0, "only records of this tick and earlier (0: no limit)")
	c.Flags().StringVar(&since, "since", "", "only records from then on: a time (2026-01-02T15:04:05Z) or an age (24h)")
	c.Flags().StringVar(&until, "until", "", "only records up to then")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new records until interrupted")
	c.Flags().BoolVar(&f.JSON, "json", false, "print the exact lines")
	return c
}
