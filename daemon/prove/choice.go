package prove

// outside is what a tick meets besides the market.
type outside struct {
	event   uint8 // class of an anomaly that the shell found
	risk    uint8 // riskFine, drawdown, excess
	balance uint8 // enough, half, empty, unknown
	lease   uint8 // leaseHeld, leaseThin, leaseLost
	verdict uint8 // given, missing, disagreeing
	flatten bool
	ack     bool // of the incident in force
	poor    bool // the account cannot pay for a buy
	asking  bool // it is not known yet what an earlier process sent
	lapsed  bool // the venue should have dropped the open sell by now
}

// Classes of anomalies, in growing weight.
const (
	nothing = iota
	mild    // an Auto quarantine
	grave   // always Manual
)

// Values of outside's other fields.
const (
	riskFine = iota
	drawdown
	excess // a part of the position is above its limit, as after a change of the configuration
)
const (
	enough  = iota
	half    // one unit less than the position
	empty   // nothing
	unknown // the venue could not be asked
)
const (
	leaseHeld = iota
	leaseThin
	leaseLost
)
const (
	given = iota
	missing
	disagreeing
)

// market is what the sources and the past say of the price.
type market struct {
	fresh                         uint8
	below, above, up, vol, profit bool
}

// Values of market.fresh: no source answers, one too few do, enough do.
const (
	deaf = iota
	lonely
	fresh
)

// A move leads from one state to the next. It is a number, so that a trace can be walked back: two bits say what it is, the rest its choices.
type move uint32

const (
	moveTick move = iota
	moveAnswer
	moveCrash
	moveSpare // a crash, and what became of the exit that was authorised in advance
)

func (m move) kind() move { return m & 3 }

func tickMove(o outside, m market) move {
	v, at := moveTick, 2
	put := func(n uint8, width int) { v |= move(n) << at; at += width }
	flag := func(b bool) {
		if b {
			put(1, 1)
		} else {
			put(0, 1)
		}
	}
	put(o.event, 2)
	put(o.risk, 2)
	put(o.balance, 2)
	put(o.lease, 2)
	put(o.verdict, 2)
	flag(o.flatten)
	flag(o.ack)
	flag(o.poor)
	flag(o.asking)
	flag(o.lapsed)
	put(m.fresh, 2)
	flag(m.below)
	flag(m.above)
	flag(m.up)
	flag(m.vol)
	flag(m.profit)
	return v
}

// moveBits is the width of a tick's move.
const moveBits = 2 + 10 + 5 + 2 + 5

func (m move) tick() (o outside, k market) {
	at := 2
	get := func(width int) uint8 {
		v := uint8(m >> at & (1<<width - 1))
		at += width
		return v
	}
	flag := func() bool { return get(1) == 1 }
	o = outside{event: get(2), risk: get(2), balance: get(2), lease: get(2), verdict: get(2)}
	o.flatten, o.ack, o.poor, o.asking, o.lapsed = flag(), flag(), flag(), flag(), flag()
	k.fresh = get(2)
	k.below, k.above, k.up, k.vol, k.profit = flag(), flag(), flag(), flag(), flag()
	return o, k
}

// live: the Lease holds, the venue has what we hold and has told what became of every order. Whatever else happens, a position must get out.
func (o outside) live() bool {
	return o.lease != leaseLost && (o.balance == enough || o.balance == unknown) && !o.asking
}

// calm: nothing happens that is an anomaly by itself.
func (o outside) calm(m market) bool {
	return o.event == nothing && o.risk == riskFine && o.balance == enough && o.lease == leaseHeld && o.verdict == given && m.fresh == fresh && !o.asking
}

// allOutside are all choices, the plain ones first: of traces of one length the plainest is found first.
func allOutside() (list []outside) {
	for verdict := range uint8(3) {
		for lease := range uint8(3) {
			for balance := range uint8(4) {
				for risk := range uint8(3) {
					for event := range uint8(3) {
						for flags := range 32 {
							list = append(list, outside{
								event: event, risk: risk, balance: balance, lease: lease, verdict: verdict,
								flatten: flags&1 > 0, ack: flags&2 > 0, poor: flags&4 > 0, asking: flags&8 > 0, lapsed: flags&16 > 0,
							})
						}
					}
				}
			}
		}
	}
	return list
}

// allMarkets are all choices with this freshness.
func allMarkets(fresh uint8) (list []market) {
	for flags := range 32 {
		list = append(list, market{fresh: fresh, below: flags&1 > 0, above: flags&2 > 0, up: flags&4 > 0, vol: flags&8 > 0, profit: flags&16 > 0})
	}
	return list
}
