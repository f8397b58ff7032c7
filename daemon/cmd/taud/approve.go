package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// approveCommand is the step before the first trade on a Uniswap V2 venue: the router may take no token that it was not allowed to.
func approveCommand() *cobra.Command {
	var file, base, quote string
	c := &cobra.Command{
		Use: "approve", Short: "Let the Uniswap V2 router take up to these amounts of the account's tokens",
		Long: "Let the router of [venue.uniswap_v2] take up to these amounts of the account's tokens, and wait until that is final.\n" +
			"Every swap is counted against the amount; 0 takes it back. It is sent from the account with its next nonce, so run it while no daemon trades on it.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			if cfg.Venue.UniswapV2 == nil {
				return fmt.Errorf("%s: expected [venue.uniswap_v2], found the %s venue, which needs no approval", file, cfg.Venue.Kind())
			}
			if err := cfg.CheckFiles(); err != nil {
				return err
			}
			baseAmount, err := amountFlag("base", base)
			if err != nil {
				return err
			}
			quoteAmount, err := amountFlag("quote", quote)
			if err != nil {
				return err
			}
			if baseAmount == nil && quoteAmount == nil {
				return errors.New("expected --base, --quote or both, found neither")
			}
			hides := newRedactor(cfg)
			v, err := uniswapV2Venue(cfg)
			if err != nil {
				return hides.error(err)
			}
			say := func(line string) { fmt.Fprintln(c.OutOrStdout(), hides.Redact(line)) }
			return hides.error(v.Approve(c.Context(), baseAmount, quoteAmount, say))
		},
	}
	configFlag(c, &file)
	c.Flags().StringVar(&base, "base", "", "amount of the base token, such as 10: what may be sold")
	c.Flags().StringVar(&quote, "quote", "", "amount of the quote token, such as 25000: what buys may cost")
	return c
}

// amountFlag is nil for a flag that is not given.
func amountFlag(name, text string) (*fixed.Value, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no amount is none
	}
	v, err := fixed.Parse(text)
	if err == nil && v < 0 {
		err = fmt.Errorf("expected at least 0, found %s", v)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	return &v, nil
}
