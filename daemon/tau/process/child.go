package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is one process of the binary in a folder of its own.
type child struct {
	dir   string
	pid   int
	stdin *os.File      // for the interactive form; else nil
	fed   chan struct{} // closed when nothing more is written to it
	done  chan struct{} // closed when the process has ended and its output was read to the end
	out   said

	mu     sync.Mutex
	ended  bool          // and its id may belong to another process soon
	cause  error         // why it is of no more use; the first cause stays
	failed chan struct{} // closed with cause
	onFail func()        // wakes whoever waits for the process
}

// errStopped is the cause of a child that we ended ourselves.
var errStopped = errors.New("the process was stopped")

// deathError is the cause of a child that ended by itself.
type deathError struct{ text string }

func (e *deathError) Error() string { return e.text }

// killWait bounds the wait for a killed process. Only one that hangs in the kernel takes longer.
const killWait = 5 * time.Second

// newFolder makes the folder of one process.
func newFolder(runDir, pattern string) (dir string, err error) {
	dir, err = os.MkdirTemp(runDir, pattern)
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// spawn starts the binary in dir. commands, if not empty, are written to its standard input, which then stays open
// (keepOpen) or ends. onFail may be nil.
func spawn(path string, args []string, dir, commands string, keepOpen bool, onFail func()) (*child, error) {
	c := &child{dir: dir, done: make(chan struct{}), failed: make(chan struct{}), onFail: onFail}
	c.out.onError = func(line string) { c.fail(fmt.Errorf("expected values, found an error of the binary's own: %s", line)) }
	cmd := exec.Command(path, args...) //nolint:noctx // it outlives every context of a caller; stop ends it
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &c.out, &c.out
	cmd.WaitDelay = time.Second // a grandchild that holds the output open does not keep us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if commands != "" {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer r.Close() //nolint:errcheck // the process has its own copy
		cmd.Stdin, c.stdin = r, w
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent-death signal comes when the starting THREAD ends: this one stays until Wait
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.awaitEnd(cmd.Process.Pid)
		err = cmd.Wait()
		c.out.finish()
		c.fail(&deathError{fmt.Sprintf("the binary died: %s%s", ending(cmd, err), c.out.tail())})
		close(c.done)
	}()
	if err := <-started; err != nil {
		if c.stdin != nil {
			_ = c.stdin.Close() // nothing is buffered; it may be closed already
		}
		return nil, fmt.Errorf("the binary did not start: %w", err)
	}
	c.pid = cmd.Process.Pid
	if commands != "" {
		c.fed = make(chan struct{})
		go c.feed(commands, keepOpen)
	}
	return c, nil
}

// awaitEnd returns when the process has ended but is not reaped: until then its id, which is its group's too, cannot
// belong to anyone else, so that what it started can be killed safely.
func (c *child) awaitEnd(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = syscall.Kill(-pid, syscall.SIGKILL) // nobody left is no error
}

// kill ends the process's group, unless it has ended.
func (c *child) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	if err := syscall.Kill(-c.pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill process group %d: %w", c.pid, err)
	}
	return nil
}

// feed writes the commands. A binary that does not read them misses its deadline elsewhere; stop closes the pipe.
func (c *child) feed(commands string, keepOpen bool) {
	defer close(c.fed)
	if _, err := c.stdin.WriteString(commands); err != nil {
		c.fail(fmt.Errorf("writing the spec to the binary: %w", err))
	}
	if !keepOpen {
		_ = c.stdin.Close() // nothing is buffered; it may be closed already
	}
}

// ending says how the process ended. An exit code of 0 is as unexpected as any other.
func ending(cmd *exec.Cmd, err error) string {
	if cmd.ProcessState == nil {
		return err.Error()
	}
	return cmd.ProcessState.String()
}

// fail notes why the process is of no more use and wakes whoever waits for it.
func (c *child) fail(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return
	}
	c.cause = cause
	close(c.failed)
	if c.onFail != nil {
		c.onFail()
	}
}

// err returns the cause, or nil while the process is of use.
func (c *child) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// stop ends the process and removes its folder.
func (c *child) stop() error { return errors.Join(c.halt(), os.RemoveAll(c.dir)) }

// halt kills the process and all that it started, and waits for its end.
func (c *child) halt() error {
	c.fail(errStopped)
	errs := []error{c.kill()}
	if c.stdin != nil {
		_ = c.stdin.Close() // nothing is buffered; it may be closed already
		<-c.fed
	}
	timer := time.NewTimer(killWait)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		errs = append(errs, fmt.Errorf("process %d: expected its end within %v of SIGKILL, found it alive", c.pid, killWait))
	}
	return errors.Join(errs...)
}

// said keeps the last of what a process printed, and calls onError for the first line that says "Error". The binary
// ends most errors with exit code 0, and some not at all: its text is all there is.
type said struct {
	mu      sync.Mutex
	kept    []byte
	line    []byte
	found   bool
	onError func(line string)
}

const (
	keepSaid = 4096 // bytes kept of what was printed
	showSaid = 500  // bytes of that in a message
	maxLine  = 1024 // bytes looked at of one line
)

// Write implements io.Writer; it never fails, so that the binary never gets a signal for printing.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, p...)
	if n := len(s.kept); n > keepSaid {
		s.kept = append(s.kept[:0], s.kept[n-keepSaid:]...)
	}
	for _, b := range p {
		switch {
		case b == '\n':
			s.endLine()
		case len(s.line) < maxLine:
			s.line = append(s.line, b)
		}
	}
	return len(p), nil
}

func (s *said) endLine() {
	line := strings.TrimSpace(plain(s.line))
	s.line = s.line[:0]
	if !s.found && saysError(line) {
		s.found = true
		s.onError(line)
	}
}

// finish takes a last line without its end.
func (s *said) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
}

// tail describes what was printed, for the message about a death.
func (s *said) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.TrimSpace(plain(s.kept))
	if text == "" {
		return ", having printed nothing"
	}
	if n := len(text); n > showSaid {
		text = "..." + strings.ToValidUTF8(text[n-showSaid:], "")
	}
	return fmt.Sprintf(", having printed %q", text)
}

var (
	colour    = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	wordError = regexp.MustCompile(`\bError\b`) // a stream's name may hold the letters
)

func plain(b []byte) string { return strings.ToValidUTF8(string(colour.ReplaceAll(b, nil)), "\uFFFD") }

func saysError(line string) bool { return wordError.MatchString(line) }
