package process

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// binary is a file's identity: a cheap one to look at before each start, and the digest that a boot record holds.
type binary struct {
	path   string
	digest string
	seen   os.FileInfo
}

// identify reads the binary's digest.
func identify(path string) (binary, error) {
	f, err := os.Open(path)
	if err != nil {
		return binary{}, fmt.Errorf("binary: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return binary{}, fmt.Errorf("binary: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return binary{}, fmt.Errorf("binary %s: expected an executable file, found mode %v", path, info.Mode())
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return binary{}, fmt.Errorf("binary %s: %w", path, err)
	}
	return binary{path, "sha256:" + hex.EncodeToString(h.Sum(nil)), info}, nil
}

// unchanged refuses a file that is no longer the one that the boot record names: its verdicts would be recorded under a
// wrong digest.
func (b *binary) unchanged() error {
	info, err := os.Stat(b.path)
	if err != nil {
		return fmt.Errorf("binary: %w", err)
	}
	if os.SameFile(info, b.seen) && info.Size() == b.seen.Size() && info.ModTime().Equal(b.seen.ModTime()) {
		return nil
	}
	now, err := identify(b.path)
	if err != nil {
		return err
	}
	if now.digest != b.digest {
		return fmt.Errorf("binary %s: expected the file that was there at the start, %s, found %s", b.path, b.digest, now.digest)
	}
	*b = now
	return nil
}

const (
	// The binary answers in about 10 ms, but a machine that starts many other things at once may let it wait: with a
	// longer StartDeadline that one counts.
	versionDeadline = 5 * time.Second
	maxVersion      = 256 // bytes
)

// Version returns what the binary prints for --version, trimmed. Nothing, more than 256 bytes, control characters
// within, or no end within the deadline is an error.
func Version(ctx context.Context, path string, deadline time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Stdout = &limited{w: &out, left: maxVersion + 1}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run() // the exit code alone says nothing; a process that could not start or was killed does
	version := strings.TrimSpace(out.String())
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s --version: expected an answer within %v, found none: %w", path, deadline, ctx.Err())
	case err != nil && version == "":
		return "", fmt.Errorf("%s --version: %w", path, err)
	case version == "":
		return "", fmt.Errorf("%s --version: expected a version, found no output", path)
	case out.Len() > maxVersion:
		return "", fmt.Errorf("%s --version: expected at most %d bytes, found more, from %.40q", path, maxVersion, version)
	case saysError(version) || strings.ContainsFunc(version, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%s --version: expected one line with a version, found %q", path, version)
	}
	return version, nil
}

// limited passes on the first bytes and drops the rest.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), l.left)]
	l.left -= len(keep)
	if _, err := l.w.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}
