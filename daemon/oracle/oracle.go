package oracle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

// Quote is what one source said in one tick: either a price, or why there is none. Err is empty for a price, else a reason code, a colon and
// a short text: see the codes of package remote. It is the guards' own type, so that nothing is lost or renamed on the way to them.
type Quote = guard.Quote

// Source is one source of the price. It is polled once a tick, by one goroutine at a time.
type Source interface {
	// Name is the configured name.
	Name() string
	// Poll asks for the price at a tick whose time is nowMS (Unix milliseconds). It does not panic, and returns by the deadline of ctx.
	Poll(ctx context.Context, tick uint64, nowMS int64) Quote
}

// Close ends what sources have under way beside their polls. They must not be polled afterwards.
func Close(sources []Source) error {
	var errs []error
	for _, s := range sources {
		if c, ok := s.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// New makes the configured sources, in their order. Nothing is asked yet. Recorded series are read here, so that a bad one stops the start and not a tick.
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
		asker, err := newHTTP(c.Name, *c.HTTP)
		if err != nil {
			return nil, err
		}
		return remote.New(asker), nil
	case c.Pyth != nil:
		return newPyth(c.Name, *c.Pyth)
	case c.Chainlink != nil:
		return newChainlink(c.Name, *c.Chainlink)
	case c.UniswapV2 != nil:
		return newUniswapV2(c.Name, *c.UniswapV2)
	case c.Replay != nil:
		return newReplay(c.Name, *c.Replay, files)
	case c.Simulated != nil:
		return newSimulated(c.Name, *c.Simulated)
	}
	return nil, fmt.Errorf("expected exactly one of %s, found none that this program has", strings.Join(config.SourceKinds(), ", "))
}
