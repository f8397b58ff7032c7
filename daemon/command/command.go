package command

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
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
	"unicode/utf8"
)

const (
	folder = "commands"
	// The endings of an order, of its answer, and of a file on its way to become one of them.
	orderEnd, answerEnd, tempEnd = ".json", ".done", ".tmp"
	// maxOrder bounds what is read of a file, maxText what a person may write; in bytes.
	maxOrder, maxText = 16 << 10, 500
	// poll is how often Wait looks for the answer.
	poll = 50 * time.Millisecond
)

// Order is what a person orders: exactly one of Halt and Release.
type Order struct {
	// Halt is why the daemon is to end its ticking.
	Halt string `json:"halt,omitempty"`
	// Release ends such a halt and acknowledges an incident: the named one, or where none is named the one at hand.
	Release  bool   `json:"release,omitempty"`
	Incident string `json:"incident,omitempty"`

	name string
}

// check says what is wrong with an order.
func (o *Order) check() error {
	switch {
	case (o.Halt != "") == o.Release:
		return errors.New("expected one of halt and release")
	case o.Incident != "" && !o.Release:
		return errors.New("expected no incident with a halt")
	}
	for _, text := range []string{o.Halt, o.Incident} {
		if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			return fmt.Errorf("expected at most %d bytes of text in one line, found %q", maxText, text)
		}
	}
	return nil
}

// Inbox is where the daemon finds its orders.
type Inbox struct{ dir string }

// Open makes the folder where it is missing, closes it to other users, and removes answers that nobody waited for.
func Open(dataDir string) (*Inbox, error) {
	i := &Inbox{filepath.Join(dataDir, folder)}
	if err := makeFolder(i.dir); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(i.dir, "*"+answerEnd))
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return i, nil
}

func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder of commands: %w", err)
	}
	return os.Chmod(dir, 0o700)
}

// Pending are the orders that wait, oldest first. One that can't be understood is answered with what was expected, and is none.
func (i *Inbox) Pending() ([]Order, error) {
	entries, err := os.ReadDir(i.dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	var orders []Order
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), orderEnd) {
			continue
		}
		o, err := read(filepath.Join(i.dir, e.Name()))
		o.name = strings.TrimSuffix(e.Name(), orderEnd)
		if err != nil {
			if err := i.Done(o, "refused: "+err.Error()); err != nil {
				return nil, err
			}
			continue
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func read(path string) (o Order, err error) {
	f, err := os.Open(path)
	if err != nil {
		return o, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOrder+1))
	if err != nil {
		return o, err
	}
	if len(b) > maxOrder {
		return o, fmt.Errorf("expected at most %d bytes", maxOrder)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Order{}, fmt.Errorf("expected an order as JSON: %w", err)
	}
	return o, o.check()
}

// Released says that a release waits: what ends a halted process, so that the next one takes it up.
func (i *Inbox) Released() bool {
	orders, err := i.Pending()
	return err == nil && slices.ContainsFunc(orders, func(o Order) bool { return o.Release })
}

// Done puts the answer in the order's place. It is called once the order's record is durable.
func (i *Inbox) Done(o Order, answer string) error {
	path := filepath.Join(i.dir, o.name)
	if err := write(path+answerEnd, []byte(answer)); err != nil {
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

// Given is an order on its way.
type Given struct{ path string }

// Give leaves an order for the daemon whose data folder this is, running or not.
func Give(dataDir string, o Order) (*Given, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	dir := filepath.Join(dataDir, folder)
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	g := &Given{filepath.Join(dir, fmt.Sprintf("%020d-%s", time.Now().UnixNano(), hex.EncodeToString(random[:])))}
	return g, write(g.path+orderEnd, b)
}

// Wait returns the daemon's answer, or the context's error; the order then still waits.
func (g *Given) Wait(ctx context.Context) (string, error) {
	look := time.NewTicker(poll)
	defer look.Stop()
	for {
		b, err := os.ReadFile(g.path + answerEnd)
		if err == nil {
			return string(b), os.Remove(g.path + answerEnd)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-look.C:
		}
	}
}
