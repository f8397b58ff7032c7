package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// pipe is one named pipe, a stream of the binary's. It is open for reading and writing, so that opening never waits
// and the end of the other side is never seen: deadlines and the process's death end a wait.
type pipe struct {
	stream lang.Stream
	file   *os.File
	fd     int32 // for polling; os.File.Fd would make the file blocking
	buf    []byte
	r, w   int // what was read and not yet taken is buf[r:w]
}

const pipeBuffer = 512 // bytes; a line is at most 21

func openPipe(path string, s lang.Stream) (*pipe, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	p := &pipe{stream: s, file: f, buf: make([]byte, pipeBuffer)}
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { p.fd = int32(fd) })
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// line returns the next line without its end; the result is good until the next call. It waits until the deadline.
func (p *pipe) line() ([]byte, error) {
	for {
		if line, ok := p.take(); ok {
			return line, nil
		}
		p.r, p.w = 0, copy(p.buf, p.rest())
		if p.w == len(p.buf) {
			return nil, fmt.Errorf("output %s: expected a line of at most 20 digits, found more than %d bytes: %.60q", p.stream.Name, len(p.buf), p.buf)
		}
		n, err := p.file.Read(p.buf[p.w:])
		if err != nil {
			if p.w > 0 {
				return nil, fmt.Errorf("output %s: expected a whole line, found only %q: %w", p.stream.Name, p.rest(), err)
			}
			return nil, fmt.Errorf("output %s: expected a line, found none: %w", p.stream.Name, err)
		}
		p.w += n
	}
}

// lastLine returns the next line of a process that has died: all that it ever wrote is in the pipe, so that nothing is
// waited for, and a deadline that has passed is no hindrance.
func (p *pipe) lastLine() (line []byte, ok bool) {
	if n, err := unix.Read(int(p.fd), p.buf[p.w:]); err == nil {
		p.w += n
	}
	return p.take()
}

// take returns a line that is there.
func (p *pipe) take() (line []byte, ok bool) {
	i := bytes.IndexByte(p.rest(), '\n')
	if i < 0 {
		return nil, false
	}
	line = p.buf[p.r : p.r+i]
	p.r += i + 1
	return line, true
}

// rest is what was read and belongs to no line yet.
func (p *pipe) rest() []byte { return p.buf[p.r:p.w] }

// link is a running process with its pipes.
type link struct {
	*child
	ins, outs []*pipe
	polls     []unix.PollFd // of outs
	scratch   []byte

	deadlines sync.Mutex
	dead      bool
}

// closePipes ends every read and write.
func (l *link) closePipes() {
	for _, p := range append(append([]*pipe(nil), l.ins...), l.outs...) {
		p.file.Close() //nolint:errcheck // nothing was buffered
	}
}

// connect makes the pipes of a rendered spec in dir.
func connect(dir string, r *rendering) (*link, error) {
	l := &link{}
	open := func(sub string, s lang.Stream) (*pipe, error) { return openPipe(filepath.Join(dir, sub, s.Name), s) }
	for _, s := range r.inputs {
		p, err := open("in", s)
		if err != nil {
			l.closePipes()
			return nil, err
		}
		l.ins = append(l.ins, p)
	}
	for _, o := range r.outputs {
		p, err := open("out", o.Stream)
		if err != nil {
			l.closePipes()
			return nil, err
		}
		l.outs = append(l.outs, p)
		l.polls = append(l.polls, unix.PollFd{Fd: p.fd, Events: unix.POLLIN})
	}
	return l, nil
}

// interrupt makes every read and write return at once, now and from now on.
func (l *link) interrupt() {
	l.deadlines.Lock()
	defer l.deadlines.Unlock()
	l.dead = true
	l.set(time.Unix(1, 0))
}

// arm sets the deadline of all that follows.
func (l *link) arm(deadline time.Time) {
	l.deadlines.Lock()
	defer l.deadlines.Unlock()
	if !l.dead {
		l.set(deadline)
	}
}

func (l *link) set(deadline time.Time) {
	for _, p := range l.ins {
		_ = p.file.SetDeadline(deadline) // fails only on a closed file, whose reads fail as well
	}
	for _, p := range l.outs {
		_ = p.file.SetDeadline(deadline)
	}
}

// quiet refuses outputs that nobody asked for: a line too many would be read as the next tick's.
func (l *link) quiet() error {
	for _, p := range l.outs {
		if extra := p.rest(); len(extra) > 0 {
			return fmt.Errorf("output %s: expected one line a tick, found more: %q", p.stream.Name, extra)
		}
	}
	n, err := unix.Poll(l.polls, 0)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(l.polls, 0)
	}
	if err != nil {
		return fmt.Errorf("poll outputs: %w", err)
	}
	if n == 0 {
		return nil
	}
	for i, p := range l.outs {
		if l.polls[i].Revents != 0 {
			return fmt.Errorf("output %s: expected nothing before this tick's inputs, found a line too many or too late", p.stream.Name)
		}
	}
	return fmt.Errorf("poll outputs: expected one of %d to be ready, found none", len(l.outs))
}

// row reads one line from every output, in their order. A process that died once it had written the whole row has
// given it: whether its death or its last line is noticed first must make no difference.
func (l *link) row(into []uint64) error {
	var death *deathError
	for i, p := range l.outs {
		line, err := p.line()
		if errors.Is(err, os.ErrDeadlineExceeded) && errors.As(l.err(), &death) {
			if last, ok := p.lastLine(); ok {
				line, err = last, nil
			}
		}
		if err != nil {
			return err
		}
		if into[i], err = parseValue(p.stream, line); err != nil {
			return err
		}
	}
	return nil
}

// tick writes one line to every input and reads one from every output.
func (l *link) tick(in, row []uint64) error {
	if err := l.quiet(); err != nil {
		return err
	}
	for i, p := range l.ins {
		l.scratch = appendValue(l.scratch[:0], in[i])
		if _, err := p.file.Write(l.scratch); err != nil {
			return fmt.Errorf("input %s: writing a line: %w", p.stream.Name, err)
		}
	}
	if err := l.row(row); err != nil {
		return err
	}
	for _, p := range l.outs {
		if extra := p.rest(); len(extra) > 0 {
			return fmt.Errorf("output %s: expected one line, found more: %q", p.stream.Name, extra)
		}
	}
	return nil
}
