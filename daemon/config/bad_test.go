package config

import (
	"errors"
	"strings"
	"testing"
)

const (
	qty = "economics.trade_qty = 1\n"
	// oneSource begins a file that is good when the next line says what the source is.
	oneSource = qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\n"
	ethUSD    = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"
)

// badFiles are refused with exactly these lines.
var badFiles = []struct{ name, src, want string }{
	{"an empty file lacks the quantity", "", `taud.toml: economics.trade_qty: expected an integer of 1/1000000000 units of at least 1, found nothing`},
	{"a missing quantity is named at its table", "[economics]\nfee_bps_buy = 1", `taud.toml:1: economics.trade_qty: expected an integer of 1/1000000000 units of at least 1, found nothing`},
	{"a value below its bound", "[economics]\ntrade_qty = 1\n\nfee_bps_buy = -3", `taud.toml:4: economics.fee_bps_buy: expected an integer from 0 to 5000, found -3`},
	{"a value above its bound", qty + "tick.fail_hold_ticks = 64", `taud.toml:2: tick.fail_hold_ticks: expected an integer from 2 to 63, found 64`},
	{"a text for an integer", qty + "[tick]\ninterval_ms = '250ms'", `taud.toml:3: tick.interval_ms: expected an integer from 50 to 86400000, found "250ms"`},
	{"a float for an integer", qty + "[tick]\ninterval_ms = 250.0", `taud.toml:3: tick.interval_ms: expected an integer from 50 to 86400000, found the float 250.0`},
	{"a float for an amount", "economics.trade_qty = 0.5", `taud.toml:1: economics.trade_qty: expected an integer of 1/1000000000 units of at least 1, found the float 0.5`},
	{"an amount of zero", "economics.trade_qty = 0", `taud.toml:1: economics.trade_qty: expected an integer of 1/1000000000 units of at least 1, found 0`},
	{"a negative amount", qty + "venue.paper.quote_balance = -1", `taud.toml:2: venue.paper.quote_balance: expected an integer of 1/1000000000 units of at least 0, found -1`},
	{"an amount that overflows at its scale", "[economics]\nscale = 1\ntrade_qty = 9_223_372_037", `taud.toml:3: economics.trade_qty: expected an integer of 1/1 units from 1 to 9223372036, found 9223372037`},
	{"an amount that overflows downwards", "[economics]\nscale = 1\ntrade_qty = 1\nmin_profit = -9_223_372_037", `taud.toml:4: economics.min_profit: expected an integer of 1/1 units of at least -9223372036, found -9223372037`},
	{"a scale that is no power of ten", "[economics]\ntrade_qty = 1\nscale = 500", `taud.toml:3: economics.scale: expected a power of ten from 1 to 1000000000, found 500`},
	{"a scale beyond the scale of money", "[economics]\ntrade_qty = 1\nscale = 10_000_000_000", `taud.toml:3: economics.scale: expected an integer from 1 to 1000000000, found 10000000000`},
	{"an integer beyond 64 bits", "economics.trade_qty = 99999999999999999999", `taud.toml:1: expected TOML, found an error at column 23 (toml: decimal number is too large to fit in a 64-bit signed integer)`},
	{"an unknown key", qty + "[oracle]\nmax_age = 5", `taud.toml:3: oracle.max_age: expected one of the keys max_age_ms, min_quorum, tolerance_bps, max_move_bps, max_skew_ms, sources, found an unknown key`},
	{"an unknown table", qty + "[faults]\nseed = 1", `taud.toml:2: faults: expected one of the tables daemon, tick, paths, engine, oracle, economics, signal, cooldown, risk, quarantine, venue, ledger, report, log, found an unknown key`},
	{"an unknown key at the top", "max_age_ms = 5\n" + qty, `taud.toml:1: max_age_ms: expected one of the tables daemon, tick, paths, engine, oracle, economics, signal, cooldown, risk, quarantine, venue, ledger, report, log, found an unknown key`},
	{"an unknown quoted key", qty + "[log]\n\"le.vel\" = 'info'", `taud.toml:3: log."le.vel": expected one of the keys level, found an unknown key`},
	{"an unknown key in an inline table", qty + "[oracle]\nmin_quorum = 1\nsources = [\n  { name = 'a', simulated = {} },\n  { name = 'b', simulated = {\n      sed = 4 } },\n]",
		`taud.toml:7: oracle.sources[1].simulated.sed: expected one of the keys seed, start, step_bps, found an unknown key`},
	{"an unknown venue", qty + "[venue.mtgox]\nkey = 1", `taud.toml:2: venue.mtgox: expected one of the keys paper, kraken, uniswap_v2, found an unknown key`},
	{"a table where a value is expected", qty + "[log.level]\na = 1", `taud.toml:2: log.level: expected "debug", "info", "warn" or "error", found a table`},
	{"a value where a table is expected", qty + "log = 'info'", `taud.toml:2: log: expected a table, found "info"`},
	{"an integer for a switch", qty + "cooldown.enabled = 1", `taud.toml:2: cooldown.enabled: expected true or false, found 1`},
	{"a word for a switch", qty + "cooldown.enabled = 'yes'", `taud.toml:2: cooldown.enabled: expected true or false, found "yes"`},
	{"an unknown choice", qty + "log.level = 'trace'", `taud.toml:2: log.level: expected "debug", "info", "warn" or "error", found "trace"`},
	{"a mode that is none", qty + "daemon.mode = 'dry'", `taud.toml:2: daemon.mode: expected "paper" or "live", found "dry"`},
	{"an engine that is none", qty + "engine.type = 'moon'", `taud.toml:2: engine.type: expected "auto", "embedded", "tau" or "both", found "moon"`},
	{"the binary's engine without a binary", qty + "engine.type = 'tau'", `taud.toml: paths.tau_bin: expected the path of the Tau binary, found none: engine.type is tau`},
	{"both engines without a binary", qty + "engine.type = 'both'", `taud.toml: paths.tau_bin: expected the path of the Tau binary, found none: engine.type is both`},
	{"a protocol that is none", qty + "engine.protocol = 'pipe'", `taud.toml:2: engine.protocol: expected "session" or "file", found "pipe"`},
	{"a name with capitals", qty + "daemon.name = 'Taud'", `taud.toml:2: daemon.name: expected 1 to 128 characters of a-z, 0-9, -, . and /, the first and last a letter or digit, found "Taud"`},
	{"an empty path", qty + "paths.ledger_dir = ''", `taud.toml:2: paths.ledger_dir: expected a path, found ""`},
	{"an address without a port", qty + "report.listen = 'localhost'", `taud.toml:2: report.listen: expected an address such as 127.0.0.1:8080 or :8080, found "localhost"`},
	{"an address with a port out of range", qty + "report.listen = ':65536'", `taud.toml:2: report.listen: expected an address such as 127.0.0.1:8080 or :8080, found ":65536"`},
	{"a quorum above the number of sources", qty + "[oracle]\nmin_quorum = 2\n[[oracle.sources]]\nname = 'a'\nsimulated = {}", `taud.toml:3: oracle.min_quorum: expected at most 1, the number of oracle.sources, found 2`},
	{"a default quorum above the number of sources", qty + "[[oracle.sources]]\nname = 'a'\nsimulated = {}", `taud.toml:2: oracle.min_quorum: expected at most 1, the number of oracle.sources, found 3: that is its default`},
	{"a quorum above the number of stand-ins", qty + "oracle.min_quorum = 4", `taud.toml:2: oracle.min_quorum: expected at most 3, the number of simulated sources that stand in for oracle.sources, found 4`},
	{"two sources of one name", qty + "oracle.min_quorum = 2\n[[oracle.sources]]\nname = 'a'\nsimulated = {}\n[[oracle.sources]]\nname = 'a'\nsimulated = {}", `taud.toml:7: oracle.sources[1].name: expected a name of its own, found "a": it is the name of oracle.sources[0]`},
	{"a source without a name", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nsimulated = {}", `taud.toml:3: oracle.sources[0].name: expected 1 to 32 characters of a-z, 0-9 and -, the first and last no -, found nothing`},
	{"a retention without an anchor", qty + "[ledger]\nretention_hours = 720", `taud.toml:2: ledger.anchor: expected a file with a checkpoint of this ledger, kept elsewhere, found none: ledger.retention_hours deletes only what it covers`},
	{"an anchor without a retention", qty + "[ledger]\nanchor = 'x/checkpoint'", `taud.toml:3: ledger.anchor: expected ledger.retention_hours of at least 1 beside it, found none`},
	{"an anchor in the ledger's own folder", qty + "[paths]\nledger_dir = 'data/../l'\n[ledger]\nretention_hours = 1\nanchor = './l/checkpoint'", `taud.toml:6: ledger.anchor: expected a file outside paths.ledger_dir, found "./l/checkpoint": whoever rewrites the ledger would rewrite it too`},
	{"a retention beyond ten years", qty + "[ledger]\nretention_hours = 87601\nanchor = 'x'", `taud.toml:3: ledger.retention_hours: expected an integer from 0 to 87600, found 87601`},
	{"an empty path of an anchor", qty + "[ledger]\nretention_hours = 1\nanchor = ''", `taud.toml:4: ledger.anchor: expected a path, found ""`},
	{"a source without a kind", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'", `taud.toml:3: oracle.sources[0]: expected exactly one of chainlink, http, pyth, replay, simulated, uniswap_v2, found none`},
	{"a source of two kinds", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nsimulated = {}\nreplay.series = 'sp500-daily'", `taud.toml:3: oracle.sources[0]: expected exactly one of chainlink, http, pyth, replay, simulated, uniswap_v2, found replay and simulated`},
	{"a replay of nothing", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nreplay = { offset = 1 }", `taud.toml:5: oracle.sources[0].replay: expected exactly one of series, file, found 0`},
	{"an unknown series", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nreplay = { series = 'dow' }", `taud.toml:5: oracle.sources[0].replay.series: expected "sp500-daily", found "dow"`},
	{"a replay by two clocks", oneSource + "replay = { series = 'sp500-daily', times = 'recorded', offset = 3 }",
		`taud.toml:5: oracle.sources[0].replay.offset: expected 0, found 3: it counts ticks, and times is recorded: begin_ms says when the first row is due`},
	{"a replay one row a tick that begins at a time", oneSource + "replay = { series = 'sp500-daily', begin_ms = 3 }",
		`taud.toml:5: oracle.sources[0].replay.begin_ms: expected 0, found 3: it is a time, and times is stepped: offset says which row comes first`},
	{"replay times that are none", oneSource + "replay = { series = 'sp500-daily', times = 'live' }", `taud.toml:5: oracle.sources[0].replay.times: expected "stepped" or "recorded", found "live"`},
	{"a pyth source without a feed", oneSource + "pyth = { url = 'https://hermes.example' }",
		`taud.toml:5: oracle.sources[0].pyth.feed: expected the 64 hex digits of a Pyth price feed, with or without 0x before them, found nothing`},
	{"a pyth feed by its name", oneSource + "pyth = { url = 'https://hermes.example', feed = 'ETH/USD' }",
		`taud.toml:5: oracle.sources[0].pyth.feed: expected the 64 hex digits of a Pyth price feed, with or without 0x before them, found "ETH/USD"`},
	{"a pyth source without a server", oneSource + "pyth = { feed = '" + ethUSD + "' }",
		`taud.toml:5: oracle.sources[0].pyth.url: expected an http or https URL of at most 2048 characters, found nothing`},
	{"a confidence that nothing passes", oneSource + "pyth = { url = 'https://hermes.example', feed = '" + ethUSD + "', max_confidence_bps = 0 }",
		`taud.toml:5: oracle.sources[0].pyth.max_confidence_bps: expected an integer from 1 to 5000, found 0`},
	{"updates that are none", oneSource + "pyth = { url = 'https://hermes.example', feed = '" + ethUSD + "', updates = 'push' }",
		`taud.toml:5: oracle.sources[0].pyth.updates: expected "poll" or "stream", found "push"`},
	{"a token for all to read", oneSource + "pyth = { url = 'http://me:secret@hermes.example/x', feed = '" + ethUSD + "', token_file = 'token' }",
		`taud.toml:5: oracle.sources[0].pyth.url: expected an https URL (http on this machine only), found "http://...@hermes.example/x": the token of token_file travels with every request`},
	{"a move limit below nothing", qty + "[oracle]\nmax_move_bps = -1", `taud.toml:3: oracle.max_move_bps: expected an integer from 0 to 100000, found -1`},
	{"a clock that may be off by a day", qty + "[oracle]\nmax_skew_ms = 86_400_000", `taud.toml:3: oracle.max_skew_ms: expected an integer from 0 to 3600000, found 86400000`},
	{"sources that are no tables", qty + "[oracle]\nmin_quorum = 1\nsources = ['kraken']", `taud.toml:4: oracle.sources[0]: expected a table, found "kraken"`},
	{"sources that are one table", qty + "[oracle.sources]\nname = 'a'", `taud.toml:2: oracle.sources: expected an array of tables, found a table: write [[oracle.sources]]`},
	{"too many sources", qty + strings.Repeat("[[oracle.sources]]\n", 17), `taud.toml:2: oracle.sources: expected at most 16 tables, found 17`},
	{"a URL of another scheme, its password kept out of the error", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nhttp = { url = 'ftp://me:secret@example/x?key=secret', price = '$.p' }",
		`taud.toml:5: oracle.sources[0].http.url: expected an http or https URL of at most 2048 characters, found "ftp://...@example/x..."`},
	{"a source over http without a price", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nhttp = { url = 'http://example/x' }",
		`taud.toml:5: oracle.sources[0].http.price: expected a path such as $.result.XETHZUSD.c[0], of at most 256 characters, found nothing`},
	{"a path that is none", qty + "oracle.min_quorum = 1\n[[oracle.sources]]\nname = 'a'\nhttp = { url = 'http://example/x', price = 'result.price' }",
		`taud.toml:5: oracle.sources[0].http.price: expected a path such as $.result.XETHZUSD.c[0], of at most 256 characters, found "result.price"`},
	{"reports too rare for the lease", qty + "[report]\ninterval_ms = 10000\nlease_duration_ms = 19999", `taud.toml:3: report.interval_ms: expected at most 9999, half of report.lease_duration_ms, found 10000`},
	{"a lease shorter than four tick deadlines", qty + "daemon.tick_period_ms = 8000", `taud.toml: report.lease_duration_ms: expected at least 32000, four of daemon.tick_period_ms, found 30000: two tries of an exit must fit into half of it`},
	{"a file that is no TOML", "[daemon\nname = 1", `taud.toml:1: expected TOML, found an error at column 8 (toml: expected ']' to close table name)`},
	{"a key given twice", qty + qty, `taud.toml:2: economics.trade_qty: expected TOML, found an error at column 1 (toml: key trade_qty is already defined)`},
	{"all errors at once, by line", "[tick]\ninterval_ms = 1\nfoo = 2\n[log]\nlevel = 3\n[economics]\ntrade_qty = 'ten'",
		`taud.toml:2: tick.interval_ms: expected an integer from 50 to 86400000, found 1` + "\n" +
			`taud.toml:3: tick.foo: expected one of the keys interval_ms, fail_hold_ticks, found an unknown key` + "\n" +
			`taud.toml:5: log.level: expected "debug", "info", "warn" or "error", found 3` + "\n" +
			`taud.toml:7: economics.trade_qty: expected an integer of 1/1000000000 units of at least 1, found "ten"`},
}

func TestABadFileIsRefusedWithFileLineKeyExpectedAndFound(t *testing.T) {
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			config, err := Parse("taud.toml", []byte(c.src))
			if err == nil || err.Error() != c.want {
				t.Errorf("expected\n%s\nfound\n%v", c.want, err)
			}
			if config != nil {
				t.Error("expected no configuration beside an error")
			}
			if first := (*Error)(nil); !errors.As(err, &first) || first.File != "taud.toml" {
				t.Errorf("expected a typed error, found %T", err)
			}
		})
	}
}
