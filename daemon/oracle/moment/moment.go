// Package moment reads points in time as the sources of prices and recordings write them.
package moment

import (
	"strconv"
	"strings"
	"time"
)

// firstMS tells seconds from milliseconds: as milliseconds it is in March 1973, as seconds in the year 5138. lastMS is the same limit as
// milliseconds: what is above it is microseconds or worse.
const (
	firstMS = 100_000_000_000
	lastMS  = firstMS * 1000
)

// Parse reads Unix seconds, Unix milliseconds (either with a fraction, of which whole milliseconds are kept) or RFC 3339, and gives Unix
// milliseconds. Whether a number is of seconds or milliseconds is told by its size. What lies before 1970, or after the year 5138, is none.
func Parse(text string) (unixMS int64, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		t, err := time.Parse(time.RFC3339Nano, text)
		return within(t, err)
	}
	if strings.Trim(fraction, "0123456789") != "" || n == 0 || n >= lastMS {
		return 0, false
	}
	if n >= firstMS {
		return int64(n), true
	}
	thousandths, err := strconv.ParseUint((fraction + "000")[:3], 10, 63)
	return int64(n)*1000 + int64(thousandths), err == nil
}

// ParseDate reads a day, 2006-01-02, as its first moment in UTC.
func ParseDate(text string) (unixMS int64, ok bool) {
	t, err := time.Parse(time.DateOnly, text)
	return within(t, err)
}

func within(t time.Time, err error) (unixMS int64, ok bool) {
	if err != nil || t.UnixMilli() <= 0 || t.UnixMilli() >= lastMS {
		return 0, false
	}
	return t.UnixMilli(), true
}
