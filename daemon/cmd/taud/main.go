package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // the image is empty: without it no https source could be trusted
)

// version is set at link time: -X main.version=...
var version = "dev"

// The exit codes.
const (
	exitGood   = 0
	exitWrong  = 1
	exitUnsaid = 2
)

// wrongError marks what was looked at and found wrong, as against what could not be told.
type wrongError struct{ error }

func (e wrongError) Unwrap() error { return e.error }

func main() { os.Exit(execute(os.Args[1:])) }

func execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	root := &cobra.Command{
		Use:           "taud",
		Short:         "The tick daemon: takes on risk only where a formal specification allows it, and records why",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.AddCommand(runCommand(), checkCommand(), haltCommand(), releaseCommand(), approveCommand(), backtestCommand(), replayCommand(), ledgerCommand(), specCommand(), versionCommand())
	root.SetArgs(args)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitGood
	case errors.As(err, new(wrongError)):
		fmt.Fprintln(os.Stderr, err)
		return exitWrong
	default:
		fmt.Fprintln(os.Stderr, err)
		return exitUnsaid
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "taud %s %s %s/%s\n", fullVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// fullVersion is the version, with the source's revision where the build knows it.
func fullVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return version + " " + s.Value
		}
	}
	return version
}
