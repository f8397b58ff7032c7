package command

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// poll is how often Wait looks for the answer.
const poll = 50 * time.Millisecond

// Given is an order on its way.
type Given struct{ path string }

// Give leaves an order for the daemon whose data folder this is, running or not. The data folder must be there: a daemon that never ran has
// nothing to halt, and a folder of another name would wait forever.
func Give(dataDir string, o Order) (*Given, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dataDir); err != nil {
		return nil, fmt.Errorf("expected the data folder of a daemon, found none: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("expected the data folder of a daemon, found a file: %s", dataDir)
	}
	if err := makeFolder(dataDir); err != nil {
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
	dir := filepath.Join(dataDir, folder)
	g := &Given{filepath.Join(dir, fmt.Sprintf("%020d-%s", time.Now().UnixNano(), hex.EncodeToString(random[:])))}
	temp := g.path + tempEnd
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	for _, path := range []string{dir, temp} {
		if err := handOver(path, dataDir); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(temp, g.path+orderEnd); err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	return g, nil
}

// handOver gives what root made to the user whose data folder it is: the daemon must be able to enter the folder and read the order.
func handOver(path, dataDir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var owner unix.Stat_t
	if err := unix.Stat(dataDir, &owner); err != nil {
		return fmt.Errorf("the owner of %s: %w", dataDir, err)
	}
	return os.Lchown(path, int(owner.Uid), int(owner.Gid))
}

// Path of the file in which the order waits.
func (g *Given) Path() string { return g.path + orderEnd }

// Wait returns the daemon's answer, or the context's error; the order then still waits.
func (g *Given) Wait(ctx context.Context) (Answer, error) {
	look := time.NewTicker(poll)
	defer look.Stop()
	for {
		b, err := os.ReadFile(g.path + answerEnd)
		if err == nil {
			var a Answer
			if err := json.Unmarshal(b, &a); err != nil {
				return Answer{}, fmt.Errorf("the answer in %s: %w", g.path+answerEnd, err)
			}
			return a, os.Remove(g.path + answerEnd)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Answer{}, err
		}
		select {
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		case <-look.C:
		}
	}
}
