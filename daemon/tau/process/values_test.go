package process

import (
	"strconv"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// FuzzParseValue holds that what is taken for a value is a plain decimal in range, written in one way only.
func FuzzParseValue(f *testing.F) {
	for _, s := range []string{"", "0", "1", "2", "01", "255", "256", "18446744073709551615", "18446744073709551616", "+1", "-1", " 1", "1 ", "1\r", "x", "e s' y", "1_0", "0x1"} {
		for _, bits := range []int{0, 1, 8, 64} {
			f.Add(s, bits)
		}
	}
	f.Fuzz(func(t *testing.T, line string, bits int) {
		if bits < 0 || bits > 64 {
			t.Skip()
		}
		s := lang.Stream{Name: "o", Bits: bits}
		v, err := parseValue(s, []byte(line))
		if err != nil {
			return
		}
		if v > s.Max() || strconv.FormatUint(v, 10) != line {
			t.Errorf("%q as %d bits: found %d", line, bits, v)
		}
	})
}

func TestWhatABinaryMayWriteAndIsNoValue(t *testing.T) {
	for _, c := range []struct {
		bits int
		line string
		want uint64
		ok   bool
	}{
		{0, "0", 0, true}, {0, "1", 1, true}, {0, "2", 0, false}, {0, "", 0, false}, {0, "x'", 0, false}, {0, "T", 0, false}, {0, "01", 0, false},
		{8, "255", 255, true}, {8, "256", 0, false}, {8, "#xff", 0, false}, {8, "007", 0, false}, {8, " 7", 0, false}, {8, "7\r", 0, false}, {8, "+7", 0, false},
		{64, "18446744073709551615", 1<<64 - 1, true}, {64, "18446744073709551616", 0, false}, {64, "-1", 0, false},
	} {
		v, err := parseValue(lang.Stream{Name: "o", Bits: c.bits}, []byte(c.line))
		if (err == nil) != c.ok || v != c.want {
			t.Errorf("%q as %d bits: expected %d, %v, found %d, %v", c.line, c.bits, c.want, c.ok, v, err)
		}
	}
}
