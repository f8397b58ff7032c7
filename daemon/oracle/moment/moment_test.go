package moment_test

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/oracle/moment"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64 // 0 is no moment
	}{
		{"1690000000", 1_690_000_000_000},
		{"1690000000.1239", 1_690_000_000_123},
		{"1690000000123", 1_690_000_000_123},
		{"1690000000123.9", 1_690_000_000_123},
		{"99999999999", 99_999_999_999_000}, // the last number of seconds
		{"100000000000", 100_000_000_000},   // the first of milliseconds
		{"99999999999999", 99_999_999_999_999},
		{"100000000000000", 0}, // microseconds
		{"2023-07-22T04:26:40.123456Z", 1_690_000_000_123},
		{"2023-07-22T06:26:40+02:00", 1_690_000_000_000},
		{"0", 0}, {"-5", 0}, {"1.69e9", 0}, {"", 0}, {"2023-07-22", 0}, {"1690000000.", 1_690_000_000_000}, {"1690000000.x", 0},
		{"1969-12-31T23:59:59Z", 0}, {"9999-01-01T00:00:00Z", 0},
	} {
		if got, ok := moment.Parse(c.text); got != c.want || ok != (c.want != 0) {
			t.Errorf("%q: expected %d, found %d, %t", c.text, c.want, got, ok)
		}
	}
}

func TestParseDate(t *testing.T) {
	for text, want := range map[string]int64{"2023-07-22": 1_689_984_000_000, "2023-7-22": 0, "2023-02-30": 0, "1970-01-01": 0, "": 0, "9999-01-01": 0} {
		if got, ok := moment.ParseDate(text); got != want || ok != (want != 0) {
			t.Errorf("%q: expected %d, found %d, %t", text, want, got, ok)
		}
	}
}
