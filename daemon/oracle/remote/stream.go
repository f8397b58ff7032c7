package remote

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

// The pauses between two connections of a stream: they grow while nothing comes, and begin anew when something did.
const (
	firstReconnect   = 500 * time.Millisecond
	longestReconnect = 30 * time.Second
	reconnectGrowth  = 2
)

// Listener is a source that sends by itself.
type Listener interface {
	// Name is the configured name.
	Name() string
	// Listen connects, and calls heard with each quote, or with why what came is none, until the connection or ctx ends. It says why it ended.
	// The times of receipt in the quotes are not looked at.
	Listen(ctx context.Context, heard func(guard.Quote, *Failure)) *Failure
}

// Stream is a source of what a Listener heard last. It connects at the first poll, and again whenever the connection ends, after a pause that
// grows, or as long as the server wished. A poll never asks and never waits, but for the first answer of all; so there is nothing to break a
// circuit for. Safe for concurrent use.
//
// The last price stands while a connection that ended is made anew, and grows old meanwhile; it is gone when that fails, or when what came
// after it was no price.
type Stream struct {
	listener Listener
	jitter   float64
	start    sync.Once
	stop     context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	said    chan struct{} // closed when there is something to answer with
	quote   guard.Quote
	failure *Failure
	arrived time.Time // on Go's monotonic clock
	heard   bool      // something came on the present connection
}

// NewStream makes a source of a listener.
func NewStream(l Listener) *Stream {
	return &Stream{listener: l, jitter: jitter, said: make(chan struct{}), ended: make(chan struct{})}
}

// Name is the listener's.
func (s *Stream) Name() string { return s.listener.Name() }

// Poll is what was heard last.
func (s *Stream) Poll(ctx context.Context, _ uint64, nowMS int64) guard.Quote {
	s.start.Do(s.run)
	select {
	case <-s.said:
	case <-ctx.Done():
		return guard.Quote{Source: s.Name(), Received: nowMS, Err: string(Deadline)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.quote
	q.Source, q.Received = s.Name(), nowMS-time.Since(s.arrived).Milliseconds()
	if s.failure != nil {
		q = guard.Quote{Source: q.Source, Received: q.Received, Err: s.failure.Error()}
	}
	return q
}

// Close ends the connection and waits for that. A stream that was never polled has none, and must not be polled afterwards.
func (s *Stream) Close() error {
	s.start.Do(func() { close(s.ended) })
	if s.stop != nil {
		s.stop()
	}
	<-s.ended
	return nil
}

func (s *Stream) run() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.ended)
		s.listen(ctx)
	}()
}

func (s *Stream) listen(ctx context.Context) {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: firstReconnect, RandomizationFactor: s.jitter, Multiplier: reconnectGrowth, MaxInterval: longestReconnect,
	}
	for ctx.Err() == nil {
		f := s.once(ctx, func(q guard.Quote, f *Failure) {
			pauses.Reset()
			s.say(q, f, true)
		})
		s.lost(f)
		pause := pauses.NextBackOff()
		if f != nil && f.After > 0 {
			pause = f.After
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// once listens on one connection. A bug in the listener must not end the daemon while a position is held.
func (s *Stream) once(ctx context.Context, heard func(guard.Quote, *Failure)) (f *Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = &Failure{Code: Internal, Detail: "the source panicked"}
			s.say(guard.Quote{}, f, false)
		}
	}()
	return s.listener.Listen(ctx, heard)
}

// say keeps what is answered from now on.
func (s *Stream) say(q guard.Quote, f *Failure, heard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quote, s.failure, s.arrived, s.heard = q, f, time.Now(), heard
	select {
	case <-s.said:
	default:
		close(s.said)
	}
}

// lost takes up the end of a connection: the first is forgiven, if something came on it.
func (s *Stream) lost(f *Failure) {
	s.mu.Lock()
	heard := s.heard
	s.heard = false
	s.mu.Unlock()
	if heard {
		return
	}
	if f == nil {
		f = &Failure{Code: Connect, Detail: "the server ended the stream before anything came"}
	}
	s.say(guard.Quote{}, f, false)
}
