package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

func proveCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "prove LEDGER SEQ", Short: "Write one record's proof: a C2SP tlog-proof that anyone checks offline", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			seq, err := strconv.ParseUint(args[1], 10, 53)
			if err != nil {
				return fmt.Errorf("SEQ: expected a sequence number, found %q", args[1])
			}
			p, err := ledger.Prove(args[0], seq)
			if err != nil {
				return found(err)
			}
			if out == "" {
				_, err = c.OutOrStdout().Write(p.Marshal())
				return err
			}
			return os.WriteFile(out, p.Marshal(), 0o600)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the file to write (default: standard output)")
	return c
}

func verifyProofCommand() *cobra.Command {
	var key string
	var asJSON bool
	c := &cobra.Command{
		Use: "verify-proof FILE --key KEY", Short: "Check a record's proof, offline, against the verifier key known from elsewhere", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if key == "" {
				return errors.New("--key: expected the ledger's verifier key (of its ledger.pub, or the TauDaemon's status) or a file with it, found none: without it nobody has signed anything")
			}
			known, err := keyFlag(key)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			p, err := ledger.ParseProof(text)
			if err != nil {
				return found(err)
			}
			r, checkpoint, err := p.Verify(known)
			if err != nil {
				return found(err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(struct {
					Checkpoint ledger.Checkpoint `json:"checkpoint"`
					Seq        uint64            `json:"seq"`
					Leaf       ledger.Hash       `json:"leaf"`
					Record     json.RawMessage   `json:"record"`
				}{checkpoint, r.Seq, r.Leaf, r.Line})
			}
			o := &printer{w: c.OutOrStdout()}
			o.line("proven    record %d is in %s, of which %d records are signed", r.Seq, checkpoint.Origin, checkpoint.Size)
			o.line("kind      %s", r.Kind)
			o.line("time      %s", time.UnixMilli(r.UnixMilli).UTC().Format("2006-01-02T15:04:05.000Z"))
			o.line("epoch     %d", r.Epoch)
			o.line("leaf      %s", r.Leaf)
			o.line("body      %s", r.Body())
			return o.err
		},
	}
	c.Flags().StringVar(&key, "key", "", "the verifier key, or a file with it")
	jsonFlag(c, &asJSON)
	return c
}

func exportCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "export LEDGER FOLDER", Short: "Write the ledger up to its checkpoint as C2SP tlog-tiles, for any client of such logs", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			x, err := ledger.Export(args[0], args[1], progress(c.ErrOrStderr()))
			if err != nil {
				return found(err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(x)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "exported %d records from %d on, of %s, in %d files, %d bytes\n", x.Checkpoint.Size-x.From, x.From, x.Checkpoint.Origin, x.Files, x.Bytes)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func jsonFlag(c *cobra.Command, into *bool) { c.Flags().BoolVar(into, "json", false, "print JSON") }

func repairCommand() *cobra.Command {
	var backup string
	var asJSON bool
	c := &cobra.Command{
		Use: "repair LEDGER", Short: "Mend tree files from the records, and sealed segments from a backup, where the signed manifest proves them", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := ledger.Repair(args[0], backup, progress(c.ErrOrStderr()))
			o := &printer{w: c.OutOrStdout()}
			switch {
			case asJSON: // also of a repair that failed: what it mended stays so
				o.err = json.NewEncoder(c.OutOrStdout()).Encode(r)
			default:
				for _, name := range r.Trees {
					o.line("made again from the records: %s", name)
				}
				for _, name := range r.Segments {
					o.line("taken from the backup: %s", name)
				}
				for _, name := range r.Kept {
					o.line("set aside: %s", name)
				}
				if err == nil {
					o.line("verified  %d records, root %s", r.Head.Size, r.Head.Root)
				}
			}
			if err != nil {
				return found(err)
			}
			return o.err
		},
	}
	c.Flags().StringVar(&backup, "backup", "", "the folder of a backup of this ledger")
	jsonFlag(c, &asJSON)
	return c
}

func backupCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "backup LEDGER FOLDER", Short: "Copy a ledger, without its signing key, while the daemon runs, and verify the copy", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := ledger.Backup(args[0], args[1], progress(c.ErrOrStderr()))
			if err != nil {
				return found(err)
			}
			return printVerified(c.OutOrStdout(), r, asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func restoreCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "restore BACKUP LEDGER", Short: "Make a ledger of a backup, under a new origin and key, with a record that names the old head", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			r, head, err := ledger.Restore(args[0], args[1], time.Now().UnixMilli(), progress(c.ErrOrStderr()))
			if err != nil {
				return found(err)
			}
			key, err := ledger.FolderKey(args[1])
			if err != nil {
				return err
			}
			origin, _, _ := strings.Cut(key, "+")
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(struct {
					Restored ledger.Restored `json:"restored"` // what the new lineage's first record says of the old one
					Origin   string          `json:"origin"`
					Key      string          `json:"key"`
					Head     ledger.Head     `json:"head"`
				}{r, origin, key, head})
			}
			o := &printer{w: c.OutOrStdout()}
			o.line("restored  %d records of %s, root %s", r.Size, r.Origin, r.Root)
			o.line("origin    %s", origin)
			o.line("key       %s", key)
			o.line("head      %d records, root %s", head.Size, head.Root)
			return o.err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func rotateKeyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "rotate-key LEDGER", Short: "Give a ledger that no daemon has open a new signing key, signed for by the old one", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			before, after, err := ledger.RotateKey(args[0])
			if err != nil {
				return found(err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(struct {
					Before string `json:"before"`
					Key    string `json:"key"`
				}{before, after})
			}
			o := &printer{w: c.OutOrStdout()}
			o.line("before    %s", before)
			o.line("key       %s", after)
			return o.err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}
