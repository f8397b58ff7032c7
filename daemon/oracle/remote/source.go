package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

// What the breaker and the tries within a tick are set to.
const (
	// TripAfter so many failed polls in a row the breaker opens.
	TripAfter = 3
	// OpenFor so long it answers by itself.
	OpenFor = 5 * time.Second
	// MaxTries of one poll, the first included.
	MaxTries = 3

	firstPause = 50 * time.Millisecond
	growth     = 3
	jitter     = 0.5 // of a pause, to either side
)

// Asker asks a source once.
type Asker interface {
	// Name is the configured name.
	Name() string
	// Ask asks at a time that is nowMS (Unix milliseconds), and returns by the deadline of ctx. A quote beside a failure holds what is known all
	// the same: when it was asked and answered, and the server's clock.
	Ask(ctx context.Context, nowMS int64) (guard.Quote, *Failure)
}

// Source is an Asker behind backoff, breaker and the server's own wish to wait. It is safe for concurrent use.
type Source struct {
	asker   Asker
	breaker *gobreaker.CircuitBreaker[guard.Quote]
	jitter  float64

	mu        sync.Mutex
	notBefore time.Time // on Go's monotonic clock
	last      string    // reason of the last failure
}

// New puts an asker behind them.
func New(a Asker) *Source {
	return &Source{asker: a, jitter: jitter, breaker: gobreaker.NewCircuitBreaker[guard.Quote](gobreaker.Settings{
		Name:        a.Name(),
		MaxRequests: 1,
		Timeout:     OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= TripAfter },
		IsSuccessful: func(err error) bool {
			var f *Failure
			return err == nil || errors.As(err, &f) && f.Answered
		},
	})}
}

// Name is the asker's.
func (s *Source) Name() string { return s.asker.Name() }

// Poll asks, or says at once why it does not.
func (s *Source) Poll(ctx context.Context, _ uint64, nowMS int64) guard.Quote {
	began := time.Now()
	not := func(code Code, detail string) guard.Quote {
		return guard.Quote{Source: s.Name(), Received: nowMS, Err: (&Failure{Code: code, Detail: detail}).Error()}
	}
	if wait, why := s.waiting(began); wait > 0 {
		return not(RateLimit, fmt.Sprintf("not asked for %v more, as the source wished (%s)", wait.Round(time.Millisecond), why))
	}
	q, err := s.breaker.Execute(func() (guard.Quote, error) { return s.try(ctx, began, nowMS) })
	q.Source = s.Name()
	switch {
	case err == nil:
		return q
	case errors.Is(err, gobreaker.ErrOpenState):
		return not(Breaker, fmt.Sprintf("open after %d failures in a row, not asked for %v at most; the last: %s", TripAfter, OpenFor, s.reason()))
	case errors.Is(err, gobreaker.ErrTooManyRequests):
		return not(Breaker, "a trial is under way; the last failure: "+s.reason())
	}
	s.failed(err)
	q.Err = err.Error()
	return q
}

// try asks, and again where that may help and there is time. What a failed try knew of the server's clock is kept.
func (s *Source) try(ctx context.Context, began time.Time, nowMS int64) (guard.Quote, error) {
	pauses := &backoff.ExponentialBackOff{InitialInterval: firstPause, RandomizationFactor: s.jitter, Multiplier: growth, MaxInterval: time.Second}
	var q guard.Quote
	var failure *Failure
	ask := func() (struct{}, error) {
		q, failure = s.asker.Ask(ctx, nowMS+time.Since(began).Milliseconds())
		switch {
		case failure == nil:
			return struct{}{}, nil
		case failure.Passing:
			return struct{}{}, failure
		}
		return struct{}{}, backoff.Permanent(failure)
	}
	options := []backoff.RetryOption{backoff.WithBackOff(pauses), backoff.WithMaxTries(MaxTries)}
	if until, ok := ctx.Deadline(); ok {
		options = append(options, backoff.WithMaxElapsedTime(max(time.Until(until), 1))) // 0 would be no limit
	}
	_, _ = backoff.Retry(ctx, ask, options...) // what it says is also in failure, or is that ctx ended meanwhile
	if failure != nil {
		return q, failure
	}
	return q, nil
}

// failed notes why, and until when the source asked to be left alone.
func (s *Source) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = err.Error()
	var f *Failure
	if errors.As(err, &f) && f.After > 0 {
		s.notBefore = time.Now().Add(f.After)
	}
}

func (s *Source) waiting(now time.Time) (left time.Duration, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notBefore.Sub(now), s.last
}

func (s *Source) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
