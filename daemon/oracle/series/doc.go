// Package series reads recorded price series from CSV or JSONL, and ships one: sp500-daily, the S&P 500's daily closing values from 2000 to 2020
// (the file ORIGIN says where they are from).
//
// A series is a recording, for tests, demos and paper trading only: it is played one row a tick, or by the times in it. Prices and volumes
// are read exactly; digits beyond the ninth after the point are dropped, toward zero.
package series
