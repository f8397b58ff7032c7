// Feed plays a recorded price series over HTTP, for demos and tests. It is not a market, and says so in every answer.
//
// The row is a function of the time alone, (unix_ms / step_ms) modulo the series' length, so several feeds of one series and step agree
// without knowing each other, and a restarted one goes on where the others are. The time in an answer is the start of the step: the publish
// time of the row.
//
//	GET /price    {"recording":"sp500-daily","symbol":"SPX","price":"1455.22","time":1234567890000,"row":0,"date":"2000-01-03"}
//	GET /healthz  ok
package main
