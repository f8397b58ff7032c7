package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// Session keeps one process of the binary and gives it a line a stream a tick. It implements tau.Engine.
//
// A process that failed in any way is killed, and another is started at once from the saved state, beside whatever the
// caller does until the next Step; that one waits for it, as far as its context allows. So a start that takes longer
// than a tick still ends.
type Session struct {
	*engine
	link     *link     // nil while none runs
	starting *starting // nil while none starts
	row      []uint64
	shown    *rendering // of link
}

var _ tau.Engine = (*Session)(nil)

// starting is a start in the background; its result is sent once.
type starting struct {
	cancel context.CancelFunc
	result chan started
}

type started struct {
	link  *link
	shown *rendering
	err   error
}

func newSession(ctx context.Context, e *engine) (*Session, error) {
	s := &Session{engine: e}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", e.info.SpecName, err), s.Close())
	}
	return s, nil
}

// Step implements tau.Engine. The tick's deadline is Options.StepDeadline from when the process is ready, or the
// context's, whichever is first.
func (s *Session) Step(ctx context.Context, in, out []uint64) error {
	if err := s.checkArguments(in, out); err != nil {
		return s.noVerdict(err)
	}
	if err := ctx.Err(); err != nil {
		return s.noVerdict(err)
	}
	if err := s.ready(ctx); err != nil {
		return s.noVerdict(err)
	}
	if err := s.ask(ctx, in); err != nil {
		s.Log.Warn("tau: no verdict", "spec", s.info.SpecName, "pid", s.link.pid, "error", err)
		err = errors.Join(err, s.drop())
		s.start() //nolint:contextcheck // a start outlives the tick that found it missing; Close ends it
		return s.noVerdict(err)
	}
	copy(out, s.row)
	s.advance(out)
	return nil
}

// ask runs one tick in the running process.
func (s *Session) ask(ctx context.Context, in []uint64) error {
	l, deadline := s.link, time.Now().Add(s.StepDeadline)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	stop := context.AfterFunc(ctx, func() { l.fail(ctx.Err()) })
	l.arm(deadline)
	err := explain(l, tick(l, s.shown, in, s.row), deadline)
	if !stop() && err == nil { // the interruption may already be under way in the process's pipes
		err = ctx.Err()
	}
	return err
}

// tick is one row of a rendered spec, mirrors checked.
func tick(l *link, r *rendering, in, row []uint64) error {
	if err := l.tick(in, row); err != nil {
		return err
	}
	return r.checkMirrors(in, row)
}

// explain replaces the consequence, a wait that ended, by its cause.
func explain(l *link, err error, deadline time.Time) error {
	if err == nil {
		return nil
	}
	if cause := l.err(); cause != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w (deadline %s, the process is alive%s)", err, deadline.Format("15:04:05.000"), l.out.tail())
	}
	return err
}

// ready makes sure that a process runs and waits for the next row.
func (s *Session) ready(ctx context.Context) error {
	if s.link != nil {
		cause := s.link.err()
		if cause == nil {
			return nil
		}
		s.Log.Warn("tau: process lost between ticks", "spec", s.info.SpecName, "pid", s.link.pid, "error", cause)
		if err := s.drop(); err != nil {
			return errors.Join(cause, err)
		}
	}
	if s.starting == nil {
		s.start() //nolint:contextcheck // a start outlives the tick that found it missing; Close ends it
	}
	select {
	case r := <-s.starting.result:
		s.starting.cancel()
		s.starting = nil
		s.link, s.shown = r.link, r.shown
		if r.err == nil {
			s.row = make([]uint64, len(r.shown.outputs))
		}
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("expected a process that is ready, found one that is still starting: %w", ctx.Err())
	}
}

// start begins a start in the background, from a copy of the state.
func (s *Session) start() {
	ctx, cancel := context.WithCancel(context.Background())
	st := &starting{cancel, make(chan started, 1)}
	s.starting = st
	e, state := s.engine, s.Snapshot()
	go func() {
		l, r, err := e.startTries(ctx, state)
		st.result <- started{l, r, err}
	}()
}

// drop ends the running process.
func (s *Session) drop() error {
	l := s.link
	s.link = nil
	return l.end()
}

// end stops the process and closes its pipes.
func (l *link) end() error {
	err := l.stop()
	l.closePipes()
	return err
}

// abandon ends a start in the background, and what it may have started.
func (s *Session) abandon() error {
	st := s.starting
	s.starting = nil
	st.cancel()
	if r := <-st.result; r.link != nil {
		return r.link.end()
	}
	return nil
}

// Restore implements tau.Engine. A process that stands at another state is ended, and one that continues from this state is
// started in the background.
func (s *Session) Restore(state []uint64) error {
	if err := s.checkState(state); err != nil {
		return fmt.Errorf("%s: restore: %w", s.info.SpecName, err)
	}
	same := true
	for i := range state {
		same = same && s.state[i] == state[i]
	}
	if same {
		return nil
	}
	copy(s.state, state)
	if err := s.end(); err != nil {
		s.Log.Error("tau: ending a process", "spec", s.info.SpecName, "error", err)
	}
	s.start()
	return nil
}

// Close implements tau.Engine. When it returns nil no process, pipe, folder or goroutine of the session is left.
func (s *Session) Close() error {
	if err := s.end(); err != nil {
		return fmt.Errorf("%s: close: %w", s.info.SpecName, err)
	}
	return nil
}

func (s *Session) end() error {
	var errs []error
	if s.starting != nil {
		errs = append(errs, s.abandon())
	}
	if s.link != nil {
		errs = append(errs, s.drop())
	}
	return errors.Join(errs...)
}

// startTries starts a process that continues from state, in at most Tries tries, waiting longer after each.
func (e *engine) startTries(ctx context.Context, state []uint64) (*link, *rendering, error) {
	r, err := render(e.spec, e.info, state)
	if err != nil {
		return nil, nil, err
	}
	for try := 1; ; try++ {
		l, err := e.startOnce(ctx, r, state)
		if err == nil {
			e.Log.Debug("tau: process started", "spec", e.info.SpecName, "pid", l.pid, "folder", l.dir, "try", try)
			return l, r, nil
		}
		err = fmt.Errorf("start %d of %d: %w", try, e.Tries, err)
		e.Log.Warn("tau: start failed", "spec", e.info.SpecName, "error", err)
		if try == e.Tries {
			return nil, nil, err
		}
		select {
		case <-time.After(backoff(try)):
		case <-ctx.Done():
			return nil, nil, err
		}
	}
}

// backoff is 50 ms after the first try, doubled with each, at most 2 s.
func backoff(try int) time.Duration {
	return min(50*time.Millisecond<<min(try-1, 10), 2*time.Second)
}

// startOnce starts a process in a folder of its own and reads it up to where the first tick's inputs are due.
func (e *engine) startOnce(ctx context.Context, r *rendering, state []uint64) (*link, error) {
	if err := e.binary.unchanged(); err != nil {
		return nil, err
	}
	dir, err := newFolder(e.RunDir, e.folderName())
	if err != nil {
		return nil, err
	}
	l, err := connect(dir, r)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	commands := ""
	if r.words {
		commands = r.commands()
	} else if err := os.WriteFile(filepath.Join(dir, specFile), []byte(r.file()), 0o600); err != nil {
		l.closePipes()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l.child, err = spawn(e.Binary, r.args(), dir, commands, true, l.interrupt)
	if err != nil {
		l.closePipes()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop := context.AfterFunc(ctx, func() { l.fail(ctx.Err()) })
	deadline := time.Now().Add(e.StartDeadline)
	l.arm(deadline)
	err = explain(l, e.firstRows(l, r, state), deadline)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, l.end())
	}
	return l, nil
}

// firstRows reads the initial rows and compares them with the state. A spec without look-back has none and no state:
// a tick of zeros shows that the process runs, and takes the time that its start takes.
func (e *engine) firstRows(l *link, r *rendering, state []uint64) error {
	row := make([]uint64, len(r.outputs))
	if r.k == 0 {
		return tick(l, r, make([]uint64, len(r.inputs)), row)
	}
	for n := range r.k {
		if err := l.row(row); err != nil {
			return fmt.Errorf("initial row %d: %w", n, err)
		}
		if err := e.checkInitial(n, row, state); err != nil {
			return err
		}
	}
	return l.quiet()
}

// checkInitial compares an initial row with the state that was asked for.
func (e *engine) checkInitial(n int, row, state []uint64) error {
	for i, slot := range e.info.State {
		if e.info.Lookback-slot.Back == n && row[e.slots[i]] != state[i] {
			return fmt.Errorf("initial row %d, output %s: expected %d, the state it was started with, found %d", n, slot.Output, state[i], row[e.slots[i]])
		}
	}
	return nil
}

// checkMirrors compares what the binary read with what was written. The mirrors' order is the rendering's.
func (r *rendering) checkMirrors(in, row []uint64) error {
	for i, o := range r.outputs {
		if o.mirrors >= 0 && row[i] != in[o.mirrors] {
			return fmt.Errorf("output %s: expected the mirror of input %s, %d, found %d: the binary read another line",
				o.Name, r.inputs[o.mirrors].Name, in[o.mirrors], row[i])
		}
	}
	return nil
}
