package oracle

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

// Quote is what one source said in one tick: either a price, or why there is none. Err is empty for a price, else a reason code, a colon and
// a short text: see the Reason constants. It is the guards' own type, so that nothing is lost or renamed on the way to them.
type Quote = guard.Quote

// The reason codes with which Quote.Err begins.
const (
	// ReasonDeadline: no answer by the tick's deadline.
	ReasonDeadline = "deadline"
	// ReasonConnect: no connection, or it broke.
	ReasonConnect = "connect"
	// ReasonRedirect: sent to another host, or too often.
	ReasonRedirect = "redirect"
	// ReasonStatus: another HTTP status than 200.
	ReasonStatus = "status"
	// ReasonSize: a longer answer than MaxDocumentBytes.
	ReasonSize = "size"
	// ReasonJSON: no JSON, or more after it.
	ReasonJSON = "json"
	// ReasonPrice, ReasonTime, ReasonVolume: the value at that path is missing or out of bounds.
	ReasonPrice  = "price"
	ReasonTime   = "time"
	ReasonVolume = "volume"
	// ReasonInternal: the source itself failed, which is a bug.
	ReasonInternal = "internal"
)

// Source is one source of the price. It is polled once a tick, by one goroutine at a time.
type Source interface {
	// Name is the configured name.
	Name() string
	// Poll asks for the price at a tick whose time is nowMS (Unix milliseconds). It does not panic, and returns by the deadline of ctx.
	Poll(ctx context.Context, tick uint64, nowMS int64) Quote
}

// New makes the configured sources, in their order. Recorded series are read here, so that a bad one stops the start and not a tick.
func New(configured []config.Source) ([]Source, error) {
	files := map[string]*series.Series{}
	sources := make([]Source, 0, len(configured))
	for _, c := range configured {
		source, err := newSource(c, files)
		if err != nil {
			return nil, fmt.Errorf("oracle source %s: %w", c.Name, err)
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func newSource(c config.Source, files map[string]*series.Series) (Source, error) {
	switch {
	case c.HTTP != nil:
		return newHTTP(c.Name, *c.HTTP)
	case c.Replay != nil:
		recorded, err := recording(*c.Replay, files)
		if err != nil {
			return nil, err
		}
		return replay{name: c.Name, series: recorded, offset: uint64(c.Replay.Offset)}, nil
	case c.Simulated != nil:
		return newSimulated(c.Name, *c.Simulated)
	}
	return nil, fmt.Errorf("expected exactly one of %s, found none that this program has", strings.Join(config.SourceKinds(), ", "))
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

// replay plays a recording, one row a tick.
type replay struct {
	name   string
	series *series.Series
	offset uint64
}

func (r replay) Name() string { return r.name }

// Poll gives the tick's time as publish time: a recording has none that could grow old.
func (r replay) Poll(_ context.Context, tick uint64, nowMS int64) Quote {
	row, _ := r.series.At(r.offset, tick)
	return Quote{Source: r.name, Price: row.Price, Volume: row.Volume, Published: nowMS, Received: nowMS}
}
