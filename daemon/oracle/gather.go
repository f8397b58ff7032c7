package oracle

import (
	"context"

	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// Gather polls all sources in parallel and returns one quote for each, in the order of sources, at the latest when ctx is done: a source
// that has not answered by then has the reason "deadline". What it answers later is dropped.
func Gather(ctx context.Context, sources []Source, tick uint64, nowMS int64) []Quote {
	type answer struct {
		index int
		quote Quote
	}
	// Room for all, so that a late source ends instead of waiting for a reader.
	answers := make(chan answer, len(sources))
	quotes := make([]Quote, len(sources))
	for i, source := range sources {
		quotes[i] = Quote{Source: source.Name(), Err: string(remote.Deadline)}
		go func() { answers <- answer{i, poll(ctx, source, tick, nowMS)} }()
	}
	for range sources {
		select {
		case a := <-answers:
			quotes[a.index] = a.quote
			continue
		case <-ctx.Done():
		}
		// Both may have been ready: an answer that is in counts.
		for {
			select {
			case a := <-answers:
				quotes[a.index] = a.quote
				continue
			default:
			}
			return quotes
		}
	}
	return quotes
}

// poll keeps the Source contract for one that breaks it: a bug in one source must not end the daemon while a position is held.
func poll(ctx context.Context, source Source, tick uint64, nowMS int64) (q Quote) {
	name := source.Name()
	defer func() {
		if p := recover(); p != nil {
			q = Quote{Err: (&remote.Failure{Code: remote.Internal, Detail: "the source panicked"}).Error()}
		}
		q.Source = name
	}()
	q = source.Poll(ctx, tick, nowMS)
	if q.Err == "" && q.Price <= 0 {
		q = Quote{Received: q.Received, Err: (&remote.Failure{Code: remote.Price, Detail: "expected above 0, found " + q.Price.String()}).Error()}
	}
	return q
}
