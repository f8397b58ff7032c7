package oracle

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/bits"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

const (
	// halfBlock: the walk goes so many steps away from its start and then back on the same way, again and again with other steps. So the
	// price at any tick is computed from at most so many steps (microseconds), and a restarted daemon sees the same market.
	halfBlock = 512
	// noiseBps is the most by which a source lies beside the walk.
	noiseBps = 1
)

// simulated is a seeded random walk that is a pure function of seed, start, step and tick, and stays between half of its start and one and
// a half of it. Sources of one walk differ by a noise of at most 1 bps each, made from their names.
type simulated struct {
	name             string
	salt             uint64
	seed             uint64
	start, low, high fixed.Value
	stepBps          fixed.Value
}

func newSimulated(name string, c config.SimulatedSource) (*simulated, error) {
	half, err := fixed.MulDiv(c.Start, 1, 2, fixed.Floor)
	if err != nil || c.Start <= 0 {
		return nil, fmt.Errorf("simulated.start: expected a price above 0, found %s", c.Start)
	}
	high, err := c.Start.Add(half)
	if err != nil {
		high = fixed.Max
	}
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return &simulated{
		name: name, salt: hash.Sum64(), seed: uint64(c.Seed),
		start: c.Start, low: max(1, c.Start-half), high: high, stepBps: fixed.Value(c.StepBps),
	}, nil
}

func (s *simulated) Name() string { return s.name }

// Poll gives the tick's time as publish time, and one to ten units as volume.
func (s *simulated) Poll(_ context.Context, tick uint64, nowMS int64) Quote {
	price, err := s.walk(tick)
	if err == nil {
		price, err = s.nudge(price, noiseBps, 10_000, mix(s.seed, s.salt, tick))
	}
	if err != nil {
		return Quote{Source: s.name, Received: nowMS, Err: remote.Failed(remote.Internal, err).Error()}
	}
	volume := fixed.Value(1+mix(s.seed, tick, 1)%10) * fixed.One
	return Quote{Source: s.name, Price: price, Volume: volume, Published: nowMS, Received: nowMS}
}

// walk returns the price at a tick, without the source's noise.
func (s *simulated) walk(tick uint64) (fixed.Value, error) {
	block, steps := tick/(2*halfBlock), tick%(2*halfBlock)
	if steps > halfBlock {
		steps = 2*halfBlock - steps
	}
	price := s.start
	for i := range steps {
		var err error
		// Divided by a little more than 10000, so that the same step on the way back is not above stepBps either.
		price, err = s.nudge(price, s.stepBps, 10_000+s.stepBps, mix(s.seed, block, i))
		if err != nil {
			return 0, err
		}
	}
	return price, nil
}

// nudge moves a price by at most parts/whole of it, as random says, and the other way where it would leave the bounds.
func (s *simulated) nudge(price, parts, whole fixed.Value, random uint64) (fixed.Value, error) {
	most, err := fixed.MulDiv(price, parts, whole, fixed.TowardZero)
	if err != nil {
		return 0, err
	}
	// The high word of the product is even over 0 to 2*most, without a division.
	high, _ := bits.Mul64(random, 2*uint64(most)+1)
	move := fixed.Value(high) - most
	next, err := price.Add(move)
	if err == nil && s.low <= next && next <= s.high {
		return next, nil
	}
	return price.Sub(move)
}

// mix hashes three numbers into one, the same on every machine (SplitMix64, chained).
func mix(a, b, c uint64) uint64 {
	return splitMix(splitMix(splitMix(a)+b) + c)
}

func splitMix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
