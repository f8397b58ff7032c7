package oracle

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

func newReplay(name string, c config.ReplaySource, files map[string]*series.Series) (Source, error) {
	read, err := recording(c, files)
	if err != nil {
		return nil, err
	}
	if !c.Recorded {
		return stepped{name: name, series: read, offset: uint64(c.Offset)}, nil
	}
	if err := read.Timed(); err != nil {
		return nil, err
	}
	shift := int64(0)
	if c.BeginMS != 0 {
		shift = c.BeginMS - read.Rows[0].MS
	}
	return &recorded{name: name, series: read, shiftMS: shift, last: unplayed}, nil
}

// recording reads a file once, however many sources play it.
func recording(c config.ReplaySource, files map[string]*series.Series) (*series.Series, error) {
	if c.Series != "" {
		return series.Get(c.Series)
	}
	if read, ok := files[c.File]; ok {
		return read, nil
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	read, err := series.Read(c.File, file)
	if err != nil {
		return nil, err
	}
	files[c.File] = read
	return read, nil
}

// stepped plays a recording, one row a tick.
type stepped struct {
	name   string
	series *series.Series
	offset uint64
}

func (s stepped) Name() string { return s.name }

// Poll gives the tick's time as publish time: what is stepped never grows old.
func (s stepped) Poll(_ context.Context, tick uint64, nowMS int64) Quote {
	row, _ := s.series.At(s.offset, tick)
	return Quote{Source: s.name, Price: row.Price, Volume: row.Volume, Published: nowMS, Received: nowMS}
}

// recorded plays a recording by the clock: the last row that is due, published at its own time, moved by shiftMS. After the last row nothing comes,
// and it grows old.
type recorded struct {
	name    string
	series  *series.Series
	shiftMS int64

	mu   sync.Mutex
	last int // index of the row of the last poll
}

// unplayed is the last row before any poll.
const unplayed = -2

func (r *recorded) Name() string { return r.name }

// Poll gives as volume that of the rows that became due since the last poll: of a row that was shown before, none; of a recording that is joined
// in the middle, that of the row alone.
func (r *recorded) Poll(_ context.Context, _ uint64, nowMS int64) Quote {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := r.series.Due(nowMS - r.shiftMS)
	q := Quote{Source: r.name, Received: nowMS}
	if due < 0 {
		r.last = due
		first := time.UnixMilli(r.series.Rows[0].MS + r.shiftMS).UTC().Format(time.RFC3339)
		q.Err = (&remote.Failure{Code: remote.Time, Detail: "the recording begins at " + first}).Error()
		return q
	}
	from := r.last
	if r.last = due; from == unplayed {
		from = due - 1
	}
	var err error
	for i := from + 1; i <= due && err == nil; i++ {
		q.Volume, err = q.Volume.Add(r.series.Rows[i].Volume)
	}
	if err != nil {
		return Quote{Source: r.name, Received: nowMS, Err: remote.Failed(remote.Volume, fmt.Errorf("of rows %d to %d: %w", from+2, due+1, err)).Error()}
	}
	row := r.series.Rows[due]
	q.Price, q.Published = row.Price, row.MS+r.shiftMS
	return q
}
