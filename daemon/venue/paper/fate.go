package paper

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// fate is what is going to happen to an order. It is drawn from the seed and the client order id.
type fate struct {
	rejected bool
	// part is what of the quantity is filled first, in basis points; 10000 is all of it. The rest follows, or is cancelled.
	part    int64
	follows bool
	// lost: the order never comes. late: it comes so much later, and until then the venue has not got it. Either way, and where only the reply is
	// lost, who sent it hears nothing. silent: nor does who asks, for so long.
	ambiguous, lost bool
	late, silent    time.Duration
}

// minDoubt is how long at least an ambiguous order may be late, or the venue silent about it, where there is no latency to measure it by.
const minDoubt = 2 * time.Second

func (c *Config) fate(id string) fate {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(c.Seed))
	h := sha256.Sum256(append(seed[:], id...))
	at := 0
	draw := func(below uint64) uint64 { // of 32 bytes, 4 each for 7 draws
		n := binary.BigEndian.Uint32(h[at:])
		at += 4
		return uint64(n) % below
	}
	hit := func(bps int64) bool { return int64(draw(fixed.BpsScale)) < bps }

	f := fate{part: fixed.BpsScale, rejected: hit(c.RejectBps)}
	if partial, part, follows := hit(c.PartialBps), 1+int64(draw(fixed.BpsScale-1)), draw(2) == 0; partial {
		f.part, f.follows = part, follows
	}
	f.ambiguous = hit(c.AmbiguousBps)
	doubt := time.Duration(draw(uint64(max(4*c.Latency, minDoubt).Milliseconds()))) * time.Millisecond
	switch kind := draw(3); {
	case !f.ambiguous:
	case kind == 0:
		f.silent = doubt
	case kind == 1:
		f.lost, f.silent = true, doubt
	default:
		f.late = doubt
	}
	return f
}

// first is the quantity that is filled first: at least one unit, and less than all if it is a part.
func (f *fate) first(a core.Action) fixed.Value {
	if f.part == fixed.BpsScale || a.Side == core.Burn || a.Qty <= 1 {
		return a.Qty
	}
	part, err := a.Qty.MulBps(f.part, fixed.Floor)
	if err != nil { // cannot be: a factor below 1
		return a.Qty
	}
	return max(part, 1)
}
