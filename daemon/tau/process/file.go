package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// File starts one process of the binary a tick, on ordinary files in a folder of that tick's own. It implements
// tau.Engine. It needs no process to stay alive, and about half a second a tick for the kernel.
type File struct {
	*engine
}

var _ tau.Engine = (*File)(nil)

func newFile(ctx context.Context, e *engine) (*File, error) {
	f := &File{e}
	var err error
	for try := 1; try <= e.Tries; try++ {
		if _, err = f.run(ctx, make([]uint64, len(e.info.Inputs)), time.Now().Add(e.StartDeadline)); err == nil {
			return f, nil
		}
		err = fmt.Errorf("%s: start %d of %d: %w", e.info.SpecName, try, e.Tries, err)
		e.Log.Warn("tau: start failed", "spec", e.info.SpecName, "error", err)
		if try < e.Tries {
			select {
			case <-time.After(backoff(try)):
			case <-ctx.Done():
				return nil, err
			}
		}
	}
	return nil, err
}

// Step implements tau.Engine. The deadline of Options.StepDeadline holds from the process's start to its end.
func (f *File) Step(ctx context.Context, in, out []uint64) error {
	if err := f.checkArguments(in, out); err != nil {
		return f.noVerdict(err)
	}
	row, err := f.run(ctx, in, time.Now().Add(f.StepDeadline))
	if err != nil {
		f.Log.Warn("tau: no verdict", "spec", f.info.SpecName, "error", err)
		return f.noVerdict(err)
	}
	copy(out, row)
	f.advance(out)
	return nil
}

// Restore implements tau.Engine.
func (f *File) Restore(state []uint64) error {
	if err := f.checkState(state); err != nil {
		return fmt.Errorf("%s: restore: %w", f.info.SpecName, err)
	}
	copy(f.state, state)
	return nil
}

// Close implements tau.Engine. Nothing runs between ticks.
func (f *File) Close() error { return nil }

// run is one tick: inputs and state to files, the process from start to end, outputs from files.
func (f *File) run(ctx context.Context, in []uint64, deadline time.Time) (row []uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := render(f.spec, f.info, f.state)
	if err != nil {
		return nil, err
	}
	if err := f.binary.unchanged(); err != nil {
		return nil, err
	}
	dir, err := newFolder(f.RunDir, f.folderName())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeInputs(dir, r, in); err != nil {
		return nil, err
	}
	remark, err := f.runToEnd(ctx, r, dir, deadline)
	if err != nil {
		return nil, err
	}
	if row, err = f.readOutputs(dir, r, in); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, remark)
	}
	return row, nil
}

// writeInputs writes the spec and one line an input, all durable before the process can see any of it.
func writeInputs(dir string, r *rendering, in []uint64) error {
	folder := filepath.Join(dir, "in")
	for i, s := range r.inputs {
		if err := writeAtomic(folder, s.Name, appendValue(nil, in[i])); err != nil {
			return err
		}
	}
	if err := writeAtomic(dir, specFile, []byte(r.file())); err != nil {
		return err
	}
	return errors.Join(syncFolder(folder), syncFolder(dir))
}

// writeAtomic writes a file that is either absent or whole: temporary file, fsync, rename. The name itself is durable
// after syncFolder.
func writeAtomic(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, name+".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// runToEnd waits for the process to end by itself, which it does where the inputs end. How it ended is no evidence:
// the rows are. It returns what to add to a message about them.
func (f *File) runToEnd(ctx context.Context, r *rendering, dir string, deadline time.Time) (remark string, err error) {
	commands := ""
	if r.words {
		commands = r.commands()
	}
	c, err := spawn(f.Binary, r.args(), dir, commands, false, nil)
	if err != nil {
		return "", err
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	var death *deathError
	select {
	case <-c.failed:
		if err = c.err(); errors.As(err, &death) {
			remark, err = death.text, nil
		}
	case <-timer.C:
		err = fmt.Errorf("expected the process to end by %s, found it running%s", deadline.Format("15:04:05.000"), c.out.tail())
	case <-ctx.Done():
		err = ctx.Err()
	}
	return remark, errors.Join(err, c.halt())
}

// readOutputs reads k initial rows and the tick's from every output, and gives the tick's.
func (f *File) readOutputs(dir string, r *rendering, in []uint64) ([]uint64, error) {
	rows := make([][]uint64, r.k+1)
	for n := range rows {
		rows[n] = make([]uint64, len(r.outputs))
	}
	for i, o := range r.outputs {
		data, err := os.ReadFile(filepath.Join(dir, "out", o.Name))
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", o.Name, err)
		}
		lines := bytes.SplitAfter(data, []byte("\n"))
		if last := lines[len(lines)-1]; len(last) > 0 {
			return nil, fmt.Errorf("output %s: expected whole lines, found the last one cut: %.60q", o.Name, last)
		}
		lines = lines[:len(lines)-1]
		if len(lines) != r.k+1 {
			return nil, fmt.Errorf("output %s: expected %d rows, %d initial ones and the tick's, found %d", o.Name, r.k+1, r.k, len(lines))
		}
		for n, line := range lines {
			if rows[n][i], err = parseValue(o.Stream, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return nil, fmt.Errorf("row %d: %w", n, err)
			}
		}
	}
	for n, row := range rows[:r.k] {
		if err := f.checkInitial(n, row, f.state); err != nil {
			return nil, err
		}
	}
	return rows[r.k], r.checkMirrors(in, rows[r.k])
}
