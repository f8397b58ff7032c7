package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// The lines of a live agent that are the same for every venue; 6 lines.
const live = "daemon = { mode = 'live', tick_period_ms = 2500 }\ntick.interval_ms = 5000\noracle = { min_quorum = 1, sources = [{ name = 'a', http = { url = 'https://example/x', price = '$.p' } }] }\n" +
	"[economics]\ntrade_qty = 20_000_000\nburn_share_bps = 0\n"

const (
	onKraken = "[venue.kraken]\npair = 'XETHZUSD'\nbase_asset = 'XETH'\nquote_asset = 'ZUSD'\nquantity_decimals = 8\nprice_decimals = 2\n" +
		"key_file = 'kraken/key'\nsecret_file = '/run/kraken/secret'\n"
	onUniswap = "[venue.uniswap_v2]\nrpc_url = 'https://node.example'\nchain_id = 1\nrouter = '0x1111111111111111111111111111111111111111'\n" +
		"base = '0x2222222222222222222222222222222222222222'\nquote = '0x3333333333333333333333333333333333333333'\n" +
		"account = '0xAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAa'\nkey_file = 'key'\n"
)

func TestALiveAgentOnEachVenueIsReadWithItsDefaults(t *testing.T) {
	for name, test := range map[string]struct {
		src  string
		want Venue
	}{
		"kraken": {live + onKraken, Venue{Kraken: &KrakenVenue{
			URL: "https://api.kraken.com", Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
			KeyFile: "/etc/taud/kraken/key", SecretFile: "/run/kraken/secret", DeadMan: time.Minute}}},
		"kraken on this machine, without a dead man's switch": {live + onKraken + "url = 'http://127.0.0.1:8090'\ndead_man_ms = 0\n", Venue{Kraken: &KrakenVenue{
			URL: "http://127.0.0.1:8090", Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
			KeyFile: "/etc/taud/kraken/key", SecretFile: "/run/kraken/secret"}}},
		"uniswap": {live + onUniswap, Venue{UniswapV2: &UniswapV2Venue{
			RPCURL: "https://node.example", ChainID: 1, Router: "0x1111111111111111111111111111111111111111",
			Base: "0x2222222222222222222222222222222222222222", Quote: "0x3333333333333333333333333333333333333333",
			Account: "0xAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAa", KeyFile: "/etc/taud/key",
			Confirmations: 12, GasMarginBps: 15000, MaxGasPriceGwei: 100}}},
		"uniswap with everything said": {live + strings.Replace(onUniswap, "rpc_url = 'https://node.example'", "rpc_url_file = 'rpc'", 1) +
			"password_file = 'password'\nconfirmations = 2\ngas_margin_bps = 0\nmax_gas_price_gwei = 7\nnative_price = 2_500_000_000_000\nburn_address = '0x000000000000000000000000000000000000dEaD'\n",
			Venue{UniswapV2: &UniswapV2Venue{
				RPCURLFile: "/etc/taud/rpc", ChainID: 1, Router: "0x1111111111111111111111111111111111111111",
				Base: "0x2222222222222222222222222222222222222222", Quote: "0x3333333333333333333333333333333333333333",
				Account: "0xAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAa", KeyFile: "/etc/taud/key", PasswordFile: "/etc/taud/password",
				Confirmations: 2, MaxGasPriceGwei: 7, NativePrice: fixed.MustParse("2500"), BurnAddress: "0x000000000000000000000000000000000000dEaD"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("/etc/taud/taud.toml", []byte(test.src))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Paper = PaperVenue{QuoteBalance: fixed.MustParse("100000")}
			if c.Mode != ModeLive || !reflect.DeepEqual(c.Venue, test.want) {
				t.Errorf("expected live on\n%+v\nfound %s on\n%+v", test.want, c.Mode, c.Venue)
			}
			if kind, _, _ := strings.Cut(name, " "); !strings.HasPrefix(c.Venue.Kind(), kind) {
				t.Errorf("kind: found %s", c.Venue.Kind())
			}
			src, err := Marshal(c.Written)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Parse("/etc/taud/taud.toml", src); err != nil || !reflect.DeepEqual(again.Venue, c.Venue) {
				t.Errorf("what Marshal writes is read otherwise: %v\n%s", err, src)
			}
		})
	}
}

func TestABadVenueIsRefusedWithItsLine(t *testing.T) {
	without := func(src, line string) string {
		if !strings.Contains(src, line) {
			t.Fatalf("no %q in %q", line, src)
		}
		return strings.Replace(src, line, "\n", 1)
	}
	simulated := strings.Replace(live, "http = { url = 'https://example/x', price = '$.p' }", "simulated = {}", 1)
	replayed := strings.Replace(live, "http = { url = 'https://example/x', price = '$.p' }", "replay = { series = 'sp500-daily' }", 1)
	for name, test := range map[string]struct{ src, want string }{
		"live without a venue":      {live, `taud.toml: venue: expected kraken or uniswap_v2, with its credentials, found none: daemon.mode is live`},
		"live on paper":             {live + "[venue.paper]\n", `taud.toml:7: venue: expected kraken or uniswap_v2, with its credentials, found paper: daemon.mode is live`},
		"paper on kraken":           {strings.Replace(live, "'live'", "'paper'", 1) + onKraken, `taud.toml:1: daemon.mode: expected "live" with a real venue, found "paper"`},
		"paper by default on chain": {without(live, "daemon = { mode = 'live', tick_period_ms = 2500 }\n") + onUniswap, `taud.toml: daemon.mode: expected "live" with a real venue, found "paper": that is its default`},
		"two venues":                {live + onKraken + "[venue.paper]\n", `taud.toml:7: venue: expected exactly one of paper, kraken, uniswap_v2, found 2`},
		"three venues":              {live + onKraken + onUniswap + "[venue.paper]\n", `taud.toml:7: venue: expected exactly one of paper, kraken, uniswap_v2, found 3`},
		"live on a simulated price": {simulated + onKraken, `taud.toml:3: oracle.sources[0].simulated: expected a source of a real market, found a simulated one: daemon.mode is live`},
		"live on a recording":       {replayed + onUniswap, `taud.toml:3: oracle.sources[0].replay: expected a source of a real market, found a replay one: daemon.mode is live`},
		"live on the stand-ins": {"daemon = { mode = 'live', tick_period_ms = 2500 }\ntick.interval_ms = 5000\n[economics]\ntrade_qty = 20_000_000\nburn_share_bps = 0\n" + onKraken,
			`taud.toml: oracle.sources: expected sources of a real market, found none: daemon.mode is live, and simulated ones stand in on paper only`},
		"a burn at kraken":            {strings.Replace(live, "burn_share_bps = 0", "burn_share_bps = 5", 1) + onKraken, `taud.toml:6: economics.burn_share_bps: expected 0 with venue.kraken, where nothing can be burned, found 5`},
		"the default burn at kraken":  {without(live, "burn_share_bps = 0\n") + onKraken, `taud.toml:4: economics.burn_share_bps: expected 0 with venue.kraken, where nothing can be burned, found 1000: that is its default`},
		"a finer trade than the step": {live + strings.Replace(onKraken, "quantity_decimals = 8", "quantity_decimals = 1", 1), `taud.toml:5: economics.trade_qty: expected a multiple of 0.1, the smallest step of venue.kraken.quantity_decimals, found 0.02`},
		"kraken over plain http":      {live + onKraken + "url = 'http://api.kraken.com'", `taud.toml:15: venue.kraken.url: expected an https URL of a host (http on this machine only), without a path, of at most 256 characters, found "http://api.kraken.com"`},
		"kraken with a path":          {live + onKraken + "url = 'https://api.kraken.com/0'", `taud.toml:15: venue.kraken.url: expected an https URL of a host (http on this machine only), without a path, of at most 256 characters, found "https://api.kraken.com/0"`},
		"kraken with a password":      {live + onKraken + "url = 'https://me:secret@api.kraken.com'", `taud.toml:15: venue.kraken.url: expected an https URL of a host (http on this machine only), without a path, of at most 256 characters, found "https://...@api.kraken.com"`},
		"kraken without a pair":       {live + without(onKraken, "pair = 'XETHZUSD'\n"), `taud.toml:7: venue.kraken.pair: expected a pair such as XETHZUSD, 1 to 32 letters and digits, found nothing`},
		"an asset with a space":       {live + strings.Replace(onKraken, "'XETH'", "'X ETH'", 1), `taud.toml:9: venue.kraken.base_asset: expected an asset code such as XETH, 1 to 16 letters, digits and points, found "X ETH"`},
		"kraken without a step":       {live + without(onKraken, "quantity_decimals = 8\n"), `taud.toml:7: venue.kraken.quantity_decimals: expected an integer from 0 to 9, found nothing`},
		"a price of ten decimals":     {live + strings.Replace(onKraken, "price_decimals = 2", "price_decimals = 10", 1), `taud.toml:12: venue.kraken.price_decimals: expected an integer from 0 to 9, found 10`},
		"kraken without a key":        {live + without(onKraken, "key_file = 'kraken/key'\n"), `taud.toml:7: venue.kraken.key_file: expected a path, found nothing`},
		"kraken without a secret":     {live + without(onKraken, "secret_file = '/run/kraken/secret'\n"), `taud.toml:7: venue.kraken.secret_file: expected a path, found nothing`},
		"too quick a dead man":        {live + onKraken + "dead_man_ms = 9999", `taud.toml:15: venue.kraken.dead_man_ms: expected 0 (off), or at least 10000, found 9999: it must outlive a late tick`},
		"too slow a dead man":         {live + onKraken + "dead_man_ms = 600001", `taud.toml:15: venue.kraken.dead_man_ms: expected an integer from 0 to 600000, found 600001`},
		"a tick too short for the exchange": {strings.Replace(live, "interval_ms = 5000", "interval_ms = 4999", 1) + onKraken,
			`taud.toml:2: tick.interval_ms: expected at least 5000 with venue.kraken, or daemon.tick_period_ms, found 4999: an order lives as long as the longer of the two, and the exchange takes none that expires in less than 2 s`},
		"a period too short for the exchange": {strings.Replace(live, "tick_period_ms = 2500", "tick_period_ms = 2499", 1) + onKraken,
			`taud.toml:1: daemon.tick_period_ms: expected at least 2500 with venue.kraken, found 2499: an order lives at most twice that, and the exchange takes none that expires in less than 2 s`},
		"no node":   {live + without(onUniswap, "rpc_url = 'https://node.example'\n"), `taud.toml:7: venue.uniswap_v2: expected exactly one of rpc_url, rpc_url_file, found 0`},
		"two nodes": {live + onUniswap + "rpc_url_file = 'x'", `taud.toml:7: venue.uniswap_v2: expected exactly one of rpc_url, rpc_url_file, found 2`},
		"a node's URL with its key kept out of the error": {live + strings.Replace(onUniswap, "https://node.example", "ws://node.example?key=secret", 1),
			`taud.toml:8: venue.uniswap_v2.rpc_url: expected an http or https URL of at most 2048 characters, found "ws://node.example..."`},
		"a chain of no number":    {live + strings.Replace(onUniswap, "chain_id = 1", "chain_id = 0", 1), `taud.toml:9: venue.uniswap_v2.chain_id: expected an integer of at least 1, found 0`},
		"no chain":                {live + without(onUniswap, "chain_id = 1\n"), `taud.toml:7: venue.uniswap_v2.chain_id: expected an integer of at least 1, found nothing`},
		"a short address":         {live + strings.Replace(onUniswap, "0x1111111111111111111111111111111111111111", "0x11", 1), `taud.toml:10: venue.uniswap_v2.router: expected 0x and 40 hex digits, found "0x11"`},
		"one token for two sides": {live + strings.Replace(onUniswap, "0x3333333333333333333333333333333333333333", "0x2222222222222222222222222222222222222222", 1), `taud.toml:12: venue.uniswap_v2.quote: expected another token than base, found "0x2222222222222222222222222222222222222222"`},
		"no account":              {live + without(onUniswap, "account = '0xAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAa'\n"), `taud.toml:7: venue.uniswap_v2.account: expected 0x and 40 hex digits, found nothing`},
		"no key":                  {live + without(onUniswap, "key_file = 'key'\n"), `taud.toml:7: venue.uniswap_v2.key_file: expected a path, found nothing`},
		"no confirmations":        {live + onUniswap + "confirmations = 0", `taud.toml:15: venue.uniswap_v2.confirmations: expected an integer from 1 to 256, found 0`},
		"a margin beyond all":     {live + onUniswap + "gas_margin_bps = 50001", `taud.toml:15: venue.uniswap_v2.gas_margin_bps: expected an integer from 0 to 50000, found 50001`},
		"a cap of nothing":        {live + onUniswap + "max_gas_price_gwei = 0", `taud.toml:15: venue.uniswap_v2.max_gas_price_gwei: expected an integer from 1 to 100000, found 0`},
		"a negative coin":         {live + onUniswap + "native_price = -1", `taud.toml:15: venue.uniswap_v2.native_price: expected an integer of 1/1000000000 units of at least 0, found -1`},
		"a burn to nowhere":       {live + onUniswap + "burn_address = 'dead'", `taud.toml:15: venue.uniswap_v2.burn_address: expected 0x and 40 hex digits, found "dead"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse("taud.toml", []byte(test.src)); err == nil || err.Error() != test.want {
				t.Errorf("expected\n%s\nfound\n%v", test.want, err)
			}
		})
	}
}

func TestCredentialsMustBeThereAndNotReadableByOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taud.toml")
	for _, name := range []string{"kernel.tau", "rpc", "open"} {
		write(t, filepath.Join(dir, name), "x")
	}
	if err := os.Chmod(filepath.Join(dir, "open"), 0o644); err != nil { //nolint:gosec // that is what is refused
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ src, want string }{
		"kraken": {strings.Replace(strings.Replace(onKraken, "kraken/key", "none", 1), "/run/kraken/secret", "open", 1),
			path + ":14: venue.kraken.key_file: expected a readable file at " + dir + "/none, found none\n" +
				path + ":15: venue.kraken.secret_file: expected a file that others cannot read or write, found mode 0644 of " + dir + "/open: chmod o= the file"},
		"uniswap": {strings.Replace(strings.Replace(onUniswap, "rpc_url = 'https://node.example'", "rpc_url_file = 'rpc'", 1), "'key'", "'.'", 1) + "password_file = 'open'\n",
			path + ":15: venue.uniswap_v2.key_file: expected a readable file at " + dir + ", found a folder\n" +
				path + ":16: venue.uniswap_v2.password_file: expected a file that others cannot read or write, found mode 0644 of " + dir + "/open: chmod o= the file"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, "paths.kernel_spec = 'kernel.tau'\n"+live+test.src)
			c, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.CheckFiles(); err == nil || err.Error() != test.want {
				t.Errorf("expected\n%s\nfound\n%v", test.want, err)
			}
		})
	}
}
