package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// forgotten is how old an answer, or a file on its way, is that nobody waits for any more.
const forgotten = time.Hour

// Inbox is where the daemon finds its orders.
type Inbox struct{ dir string }

// Open makes the folder where it is missing, closes it to other users, and removes answers that nobody waited for. One that was just given is
// kept: who waits for it may not have read it before the daemon began again.
func Open(dataDir string) (*Inbox, error) {
	i := &Inbox{filepath.Join(dataDir, folder)}
	if err := makeFolder(dataDir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(i.dir)
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(e.Name(), orderEnd) || time.Since(info.ModTime()) < forgotten {
			continue
		}
		if err := os.Remove(filepath.Join(i.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("commands: %w", err)
		}
	}
	return i, nil
}

// makeFolder makes the folder of commands in the data folder.
func makeFolder(dataDir string) error {
	dir := filepath.Join(dataDir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder of commands: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("the folder of commands: %w", err)
	}
	return nil
}

// Pending are the orders that wait, oldest first. One that can't be understood is answered with what was expected, and is none.
func (i *Inbox) Pending() ([]Order, error) {
	entries, err := os.ReadDir(i.dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	var orders []Order
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), orderEnd) || !e.Type().IsRegular() {
			continue
		}
		o, err := read(filepath.Join(i.dir, e.Name()))
		o.name = strings.TrimSuffix(e.Name(), orderEnd)
		if errors.Is(err, fs.ErrNotExist) { // taken back meanwhile
			continue
		}
		if err != nil {
			if err := i.Done(o, Answer{Text: "refused: " + err.Error()}); err != nil {
				return nil, err
			}
			continue
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func read(path string) (Order, error) {
	f, err := os.Open(path)
	if err != nil {
		return Order{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOrder+1))
	if err != nil {
		return Order{}, err
	}
	return parse(b)
}

// Released says that a release waits: what ends a halt, so that the next boot takes it up.
func (i *Inbox) Released() bool {
	orders, err := i.Pending()
	return err == nil && slices.ContainsFunc(orders, func(o Order) bool { return o.Release })
}

// Done puts the answer in the order's place. It is called once the order's record is durable.
func (i *Inbox) Done(o Order, a Answer) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	path := filepath.Join(i.dir, o.name)
	if err := write(path+answerEnd, b); err != nil {
		return err
	}
	if err := os.Remove(path + orderEnd); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("commands: %w", err)
	}
	return nil
}

// write makes a file that is there whole or not at all.
func write(path string, content []byte) error {
	temp := path + tempEnd
	if err := os.WriteFile(temp, content, 0o600); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	return nil
}
