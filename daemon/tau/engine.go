package tau

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// Stream describes one input or output stream of a spec: its name, its type (Bits 0 is sbf, else the width of the
// bit-vector) and the path in its declaration ("" for the console).
type Stream = lang.Stream

// Slot is one value of a snapshot: what the stream Output was Back ticks before the next Step.
type Slot = lang.Slot

// Info identifies an engine and the spec that it runs.
type Info struct {
	Engine     string // "embedded", "tau" for the real binary, "tau+embedded" for both
	Version    string // of the engine; for the real binary what it prints for --version
	SpecName   string // file name of the spec
	SpecDigest string // Digest of the exact file bytes
	// BinaryDigest is "sha256:" and 64 hexadecimal digits of the real binary's file; "" for the embedded engine.
	BinaryDigest string
	Lookback     int // k: rows before the first input line
	Inputs       []Stream
	Outputs      []Stream
	State        []Slot // what a snapshot holds, in its order
}

// Engine runs one spec. It is not safe for concurrent use.
//
// The initial rows 0..k-1, which read no input, are consumed before the engine is handed out: the first Step is row k
// with the first input line.
type Engine interface {
	// Info describes engine and spec; it does not change.
	Info() Info

	// Step runs one tick: in holds one value for each input stream, out receives one for each output stream, both in
	// declaration order. After an error the state is unchanged and out is unspecified: no verdict.
	Step(ctx context.Context, in, out []uint64) error

	// Snapshot returns the state that a restart needs: for each output that the spec looks back at, in declaration
	// order, its values of as many ticks as the spec looks back at it, the oldest first. Info().State names them.
	// The result is the caller's own.
	Snapshot() []uint64

	// Restore sets the state that a Snapshot gave. A wrong number of values, or one that does not fit its stream, is
	// an error and leaves the state unchanged.
	Restore(state []uint64) error

	// Close ends the engine. Step, Snapshot and Restore must not be called after it.
	Close() error
}

// Digest identifies a spec by the exact bytes of its file, as "sha256:" and 64 hexadecimal digits.
func Digest(src []byte) string {
	sum := sha256.Sum256(src)
	return "sha256:" + hex.EncodeToString(sum[:])
}
