// Package backtest runs recorded market data through the daemon's own loop: the same configuration, the embedded engine, the same core, shell
// and ledger, on a clock that the data moves and the paper venue. What it leaves is a normal ledger, which verifies and replays like a live
// one.
//
// # The data
//
// A CSV whose header says which of two kinds it is; [Read] tells file, line, field, expected and found of the first thing wrong.
//
//	ts_ms,price,quantity,taker_side         trades, in the order of their times; a side is buy or sell
//	ts_ms,open,high,low,close,volume        candles, each later than the one before, at multiples of one spacing; gaps are allowed
//
// Times are Unix milliseconds. A trade is known at its time. A candle is known only at its end, ts_ms plus the spacing, as its close, published
// then; nothing of it is known before, and its open, high and low are only checked. The spacing is the smallest distance of two candles.
//
// # The run
//
// Ticks are tick.interval_ms apart, from the moment the first row is known to the moment the last one is. A tick sees the newest row known
// by then, with that row's time as publish time: in a gap the price grows old, and past oracle.max_age_ms the quorum is lost as it would be live.
// Its volume is that of all rows that became known since the tick before.
//
// # What it promises
//
// The same data, configuration and binary give the same record bytes, however fast the machine is. No record depends on a row that was not known
// at its tick. The sources' settings in the configuration are not used: the one recording stands for oracle.min_quorum equal sources, so a quorum
// is reached whenever the recording is fresh, and the summary says that this proves nothing about a quorum.
//
// # Where it ends
//
// The paper venue fills every order in full at the price of the tick and the configured slippage: the market's depth, the queue and the effect of our
// own orders are not in the data. A result here is a bound on what the rules do, not a promise of what a market pays.
package backtest
