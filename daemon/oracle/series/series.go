package series

import (
	"bytes"
	_ "embed" // for the shipped series
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Series is a recorded price series of at least one row.
type Series struct {
	// Name of the series: that of a shipped one, or of its file.
	Name string
	// Symbol of what was recorded; empty for a file.
	Symbol string
	// Rows in the order of the recording.
	Rows []Row

	lines []int // of the rows, in the file
}

// Row is one observation.
type Row struct {
	// MS is when it was published, in Unix milliseconds; 0 if the recording does not say it.
	MS int64
	// Date as it is written in the recording; empty if it has no such column.
	Date string
	// Price above 0.
	Price fixed.Value
	// Volume of at least 0; 0 if the recording has no such column.
	Volume fixed.Value
}

// At returns the row of a tick, the recording being played in a loop: row (offset + tick) modulo its length.
func (s *Series) At(offset, tick uint64) (row Row, index int) {
	length := uint64(len(s.Rows))
	// The sum of two remainders cannot wrap, that of two ticks could.
	index = int((offset%length + tick%length) % length)
	return s.Rows[index], index
}

// Timed says whether the recording can be played by the clock: every row has a time, and none is before its predecessor's.
func (s *Series) Timed() error {
	last := int64(0)
	for i, row := range s.Rows {
		at := s.Name
		if i < len(s.lines) {
			at = fmt.Sprintf("%s:%d", s.Name, s.lines[i])
		}
		switch {
		case row.MS == 0:
			return fmt.Errorf("%s: expected a time in a column ts_ms, time or date (such as 2020-04-17), since it is played by recorded times; found none", at)
		case row.MS < last:
			return fmt.Errorf("%s: expected a time of at least %d, that of the row before, found %d", at, last, row.MS)
		}
		last = row.MS
	}
	return nil
}

// Due is the index of the last row whose time is at or before ms, -1 before the first one's. The recording must be Timed.
func (s *Series) Due(ms int64) int {
	return sort.Search(len(s.Rows), func(i int) bool { return s.Rows[i].MS > ms }) - 1
}

//go:embed sp500-daily.csv
var sp500Daily []byte

// Sp500Daily is the name of the shipped series.
const Sp500Daily = "sp500-daily"

var readSp500Daily = sync.OnceValues(func() (*Series, error) {
	s, err := Read(Sp500Daily, bytes.NewReader(sp500Daily))
	if err == nil {
		s.Symbol = "SPX"
	}
	return s, err
})

// Names of the shipped series.
func Names() []string { return []string{Sp500Daily} }

// Get returns a shipped series, read once. It must not be changed.
func Get(name string) (*Series, error) {
	if name != Sp500Daily {
		return nil, fmt.Errorf("expected a shipped series, one of %s, found %q", strings.Join(Names(), ", "), name)
	}
	return readSp500Daily()
}
