package process

import (
	"fmt"
	"strconv"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// parseValue reads one line, without its end, as a value of the stream. The binary may write more than values: an sbf
// output is any element of the algebra, such as "x' y". Only 0 and 1, and plain decimals in the stream's range, are
// values; nothing around them, no leading zero.
func parseValue(s lang.Stream, line []byte) (uint64, error) {
	if len(line) >= 1 && len(line) <= 20 && (line[0] != '0' || len(line) == 1) && line[0] != '+' {
		if v, err := strconv.ParseUint(string(line), 10, 64); err == nil && v <= s.Max() {
			return v, nil
		}
	}
	shown := line
	if len(shown) > 60 {
		shown = shown[:60]
	}
	return 0, fmt.Errorf("output %s: expected one value, 0 to %d, found %q", s.Name, s.Max(), shown)
}

// appendValue writes a value's line.
func appendValue(b []byte, v uint64) []byte { return append(strconv.AppendUint(b, v, 10), '\n') }
