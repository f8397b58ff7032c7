package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// VenueTable is [venue]: exactly one of its tables; without any, paper with its defaults.
type VenueTable struct {
	// Paper is the simulated venue inside the daemon.
	Paper *PaperTable `toml:"paper,omitempty"`
	// Kraken is the spot market of the exchange Kraken.
	Kraken *KrakenTable `toml:"kraken,omitempty"`
	// UniswapV2 is a pair of a Uniswap V2 router on an EVM chain.
	UniswapV2 *UniswapV2Table `toml:"uniswap_v2,omitempty"`
}

// PaperTable is [venue.paper].
type PaperTable struct {
	// QuoteBalance at the ledger's first boot, in quote units.
	QuoteBalance Scaled `toml:"quote_balance" default:"100000" min:"0"`
	// SlippageBps by which each fill is worse than the median.
	SlippageBps int64 `toml:"slippage_bps" default:"0" min:"0" max:"5000"`
	// Seed of what happens to orders: the same seed does the same to an order of the same id.
	Seed int64 `toml:"seed" default:"0" min:"0"`
	// LatencyMS until an order is carried out; until then it is pending.
	LatencyMS int64 `toml:"latency_ms" default:"0" min:"0" max:"600000"`
	// PartialBps of the orders are filled in part, or in two parts.
	PartialBps int64 `toml:"partial_bps" default:"0" min:"0" max:"10000"`
	// RejectBps of the orders are refused.
	RejectBps int64 `toml:"reject_bps" default:"0" min:"0" max:"10000"`
	// AmbiguousBps of the orders are answered ambiguously: the reply is lost, the order is lost, or it comes late.
	AmbiguousBps int64 `toml:"ambiguous_bps" default:"0" min:"0" max:"10000"`
}

// KrakenTable is [venue.kraken].
type KrakenTable struct {
	// URL of the REST interface, without a path; https, but for a server on this machine.
	URL string `toml:"url" default:"https://api.kraken.com" form:"origin"`
	// Pair as the exchange's requests name it.
	Pair string `toml:"pair" required:"true" form:"pair"`
	// BaseAsset and QuoteAsset are the asset codes of the pair's two sides, as the exchange's balances name them.
	BaseAsset  string `toml:"base_asset" required:"true" form:"asset"`
	QuoteAsset string `toml:"quote_asset" required:"true" form:"asset"`
	// QuantityDecimals and PriceDecimals that an order may have: lot_decimals and pair_decimals of the exchange's list of pairs.
	QuantityDecimals int64 `toml:"quantity_decimals" min:"0" max:"9"`
	PriceDecimals    int64 `toml:"price_decimals" min:"0" max:"9"`
	// KeyFile holds the API key, SecretFile the private key in base64.
	KeyFile    string `toml:"key_file" required:"true" form:"path"`
	SecretFile string `toml:"secret_file" required:"true" form:"path"`
	// DeadManMS after which the exchange cancels all orders of the account by itself if the daemon does not renew; 0: off.
	DeadManMS int64 `toml:"dead_man_ms" default:"60000" min:"0" max:"600000"`
}

// UniswapV2Table is [venue.uniswap_v2]. The tokens' own units are read from the chain.
type UniswapV2Table struct {
	// RPCURL of the node's JSON-RPC, or RPCURLFile, which holds it, since a URL may carry a key: exactly one of the two.
	RPCURL     string `toml:"rpc_url,omitempty" form:"url"`
	RPCURLFile string `toml:"rpc_url_file,omitempty" form:"path"`
	// ChainID of the chain; a node of another one is refused.
	ChainID int64 `toml:"chain_id" min:"1"`
	// Router contract, the two tokens, and the account, which must be the key's.
	Router  string `toml:"router" required:"true" form:"address"`
	Base    string `toml:"base" required:"true" form:"address"`
	Quote   string `toml:"quote" required:"true" form:"address"`
	Account string `toml:"account" required:"true" form:"address"`
	// KeyFile holds the account's private key in hex, or a keystore that PasswordFile opens.
	KeyFile      string `toml:"key_file" required:"true" form:"path"`
	PasswordFile string `toml:"password_file,omitempty" form:"path"`
	// Confirmations after which a receipt is final, in blocks.
	Confirmations int64 `toml:"confirmations" default:"12" min:"1" max:"256"`
	// GasMarginBps is added to the node's estimate, which has been seen to be too low by more than half.
	GasMarginBps int64 `toml:"gas_margin_bps" default:"15000" min:"0" max:"50000"`
	// MaxGasPriceGwei is the cap of a gas price: above it nothing is sent.
	MaxGasPriceGwei int64 `toml:"max_gas_price_gwei" default:"100" min:"1" max:"100000"`
	// NativePrice is one native coin in quote units, to book gas; 0: base is the wrapped native coin, and the order's reference price counts.
	NativePrice Scaled `toml:"native_price" default:"0" min:"0"`
	// BurnAddress is where a burn is sent; without it the quote token's own burn function is called.
	BurnAddress string `toml:"burn_address,omitempty" form:"address"`
}

// paperVenue fills in the paper venue where the file names none.
func (r *reader) paperVenue(f *File) {
	if v := &f.Venue; v.Paper == nil && v.Kraken == nil && v.UniswapV2 == nil && r.good("venue") {
		v.Paper = &PaperTable{}
		r.table(reflect.ValueOf(v.Paper).Elem(), "venue.paper", nil)
	}
}

// checkVenue checks single keys of the venue beyond what their tags say.
func (r *reader) checkVenue(f *File) {
	v := &f.Venue
	if kinds := count(v.Paper != nil, v.Kraken != nil, v.UniswapV2 != nil); kinds > 1 {
		r.problem("venue", "exactly one of paper, kraken, uniswap_v2", strconv.Itoa(kinds), "")
	}
	if k := v.Kraken; k != nil && r.good("venue.kraken.dead_man_ms") && 0 < k.DeadManMS && k.DeadManMS < 10_000 {
		r.problem("venue.kraken.dead_man_ms", "0 (off), or at least 10000", strconv.FormatInt(k.DeadManMS, 10), "it must outlive a late tick")
	}
	u := v.UniswapV2
	if u == nil {
		return
	}
	r.checkNode("venue.uniswap_v2", u.RPCURL, u.RPCURLFile)
	if r.good("venue.uniswap_v2.base", "venue.uniswap_v2.quote") && strings.EqualFold(u.Base, u.Quote) {
		r.problem("venue.uniswap_v2.quote", "another token than base", show(u.Quote), "")
	}
}

// checkNode checks that the table at that key says where the node is, once.
func (r *reader) checkNode(at, url, file string) {
	if n := count(url != "", file != ""); n != 1 && r.good(join(at, "rpc_url"), join(at, "rpc_url_file")) {
		r.problem(at, "exactly one of rpc_url, rpc_url_file", strconv.Itoa(n), "")
	}
}

// checkMode checks what real orders must not do without, and what they must not come from.
func (r *reader) checkMode(f *File) {
	if !r.good("venue", "daemon.mode") {
		return
	}
	realVenue := f.Venue.Kraken != nil || f.Venue.UniswapV2 != nil
	switch {
	case f.Daemon.Mode == string(ModeLive) && !realVenue:
		found := "none"
		if r.given["venue.paper"] {
			found = "paper"
		}
		r.problem("venue", "kraken or uniswap_v2, with its credentials", found, "daemon.mode is live")
	case f.Daemon.Mode == string(ModePaper) && realVenue:
		r.problem("daemon.mode", `"live" with a real venue`, show(f.Daemon.Mode), r.unlessGiven("daemon.mode"))
	case f.Daemon.Mode == string(ModeLive):
		r.checkLive(f)
	}
}

func (r *reader) checkLive(f *File) {
	if len(f.Oracle.Sources) == 0 && r.good("oracle.sources") {
		r.problem("oracle.sources", "sources of a real market", "none", "daemon.mode is live, and simulated ones stand in on paper only")
	}
	for i, s := range f.Oracle.Sources {
		kind := ""
		switch {
		case s.Replay != nil:
			kind = "replay"
		case s.Simulated != nil:
			kind = "simulated"
		default:
			continue
		}
		r.problem(join(element("oracle.sources", i), kind), "a source of a real market", "a "+kind+" one", "daemon.mode is live")
	}
	k := f.Venue.Kraken
	if k == nil {
		return
	}
	if r.good("economics.burn_share_bps") && f.Economics.BurnShareBps != 0 {
		r.problem("economics.burn_share_bps", "0 with venue.kraken, where nothing can be burned", strconv.FormatInt(f.Economics.BurnShareBps, 10), r.unlessGiven("economics.burn_share_bps"))
	}
	// An order lives as long as the longer of the two, and at most two periods.
	const least = 5000
	if r.good("tick.interval_ms", "daemon.tick_period_ms") && max(f.Tick.IntervalMS, f.Daemon.TickPeriodMS) < least {
		r.problem("tick.interval_ms", fmt.Sprintf("at least %d with venue.kraken, or daemon.tick_period_ms", least), strconv.FormatInt(f.Tick.IntervalMS, 10),
			"an order lives as long as the longer of the two, and the exchange takes none that expires in less than 2 s")
	}
	if r.good("daemon.tick_period_ms") && f.Daemon.TickPeriodMS < least/2 {
		r.problem("daemon.tick_period_ms", fmt.Sprintf("at least %d with venue.kraken", least/2), strconv.FormatInt(f.Daemon.TickPeriodMS, 10),
			"an order lives at most twice that, and the exchange takes none that expires in less than 2 s")
	}
	if !r.good("economics.trade_qty", "economics.scale", "venue.kraken.quantity_decimals") {
		return
	}
	step := fixed.Value(1)
	for range fixed.Digits - k.QuantityDecimals {
		step *= 10
	}
	if units := f.Economics.units(f.Economics.TradeQty); units%step != 0 {
		r.problem("economics.trade_qty", fmt.Sprintf("a multiple of %s, the smallest step of venue.kraken.quantity_decimals", step), units.String(), "")
	}
}

// units of money or quantity: exact, and in range, since the reader's bounds are those of a fixed.Value.
func (e EconomicsTable) units(n Scaled) fixed.Value {
	return fixed.Value(n) * fixed.Value(fixed.Scale/e.Scale)
}

func resolveVenue(f *File, path func(string) string) Venue {
	p := f.Venue.Paper
	if p == nil {
		p = &PaperTable{}
		newReader("", nil, map[string]any{"economics": map[string]any{"scale": f.Economics.Scale}}).table(reflect.ValueOf(p).Elem(), "", nil)
	}
	v := Venue{Paper: PaperVenue{
		QuoteBalance: f.Economics.units(p.QuoteBalance), SlippageBps: p.SlippageBps,
		Seed: p.Seed, Latency: ms(p.LatencyMS), PartialBps: p.PartialBps, RejectBps: p.RejectBps, AmbiguousBps: p.AmbiguousBps,
	}}
	if k := f.Venue.Kraken; k != nil {
		v.Kraken = &KrakenVenue{
			URL: k.URL, Pair: k.Pair, BaseAsset: k.BaseAsset, QuoteAsset: k.QuoteAsset,
			QuantityDecimals: k.QuantityDecimals, PriceDecimals: k.PriceDecimals,
			KeyFile: path(k.KeyFile), SecretFile: path(k.SecretFile), DeadMan: ms(k.DeadManMS),
		}
	}
	if u := f.Venue.UniswapV2; u != nil {
		v.UniswapV2 = &UniswapV2Venue{
			RPCURL: u.RPCURL, RPCURLFile: path(u.RPCURLFile), ChainID: u.ChainID,
			Router: u.Router, Base: u.Base, Quote: u.Quote, Account: u.Account,
			KeyFile: path(u.KeyFile), PasswordFile: path(u.PasswordFile),
			Confirmations: u.Confirmations, GasMarginBps: u.GasMarginBps, MaxGasPriceGwei: u.MaxGasPriceGwei,
			NativePrice: f.Economics.units(u.NativePrice), BurnAddress: u.BurnAddress,
		}
	}
	return v
}
