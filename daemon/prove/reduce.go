package prove

// situation is what of a state says which choices come to the same.
type situation struct {
	qty                     uint8 // none, a part, the whole
	open, openSell          bool
	differs                 bool // none is open, and belief and position differ: an anomaly, unless it is not known what was sent
	armed                   bool
	everFresh               bool
	quarantined, riskHalted bool
	pending                 uint8
	holdOnLeaseRisk         bool
}

// reduce gives one choice that stands for all that the coordinator cannot tell apart in a situation, with the anomalies that are pending counted
// among the tick's events. Each line says why; that it is so is checked while exploring, see explorer.audit.
func reduce(s situation, o outside, m market) (outside, market) {
	// What is acknowledged is over, as if it had never been; and a released risk halt measures its drawdown from here.
	halted := s.riskHalted
	if !s.quarantined {
		o.ack = false
	}
	if o.ack {
		if halted && o.risk == drawdown {
			o.risk = riskFine
		}
		halted = false
	}
	// What outcomes found and what the shell found are taken up in one place.
	o.event = max(o.event, s.pending)
	// A venue that could not be asked is an anomaly; it shows no funds to buy with, and the position is offered as a whole.
	if o.balance == unknown {
		o.event, o.poor, o.balance = max(o.event, mild), true, enough
	}
	// A thin margin blocks a buy where poverty does, and is an anomaly or not. It blocks nothing else.
	if o.lease == leaseThin {
		if !s.holdOnLeaseRisk {
			o.event = max(o.event, mild)
		}
		o.poor, o.lease = true, leaseHeld
	}
	// Where an intent is open, it makes no difference that another order may be. Only an open sell can have lapsed.
	o.asking = o.asking && !s.open
	o.lapsed = o.lapsed && s.openSell
	// The balance is looked at while no order of ours can be open, and only against a position; what is a part has no half.
	switch {
	case s.qty == 0 || s.open || o.asking:
		o.balance = enough
	case s.qty == 1 && o.balance == half:
		o.balance = empty
	}
	// Nothing leaves without the Lease, so the balance is no more than an anomaly.
	if o.lease == leaseLost && o.balance != enough {
		o.event, o.balance = max(o.event, mild), enough
	}
	// What may be live keeps everything back that a lost Lease does.
	if o.asking && o.lease == leaseLost {
		o.poor, o.lease = true, leaseHeld
	}
	// Where nothing is held and no burn waits, a lost Lease blocks only a buy.
	if o.lease == leaseLost && s.qty == 0 && !s.armed {
		o.poor, o.lease = true, leaseHeld
	}
	// One unit is within the limit; and where all is to be sold, so is what is above it.
	if o.risk == excess && (s.qty < 2 || o.flatten) {
		o.risk = riskFine
	}
	// To a flat account a breached limit says what flatten says.
	if s.qty == 0 && o.risk != riskFine {
		o.flatten = false
	}
	// Stale prices say nothing but what the last good one made of the position; without one there is no profit and no target.
	if m.fresh != fresh {
		m.below, m.up, m.vol, m.above = false, false, false, false
	}
	if s.qty == 0 {
		m.above, m.profit = false, false
	}
	// All of these keep a buy away, in 07 and in the shield.
	if o.lease == leaseLost || o.flatten || o.risk != riskFine {
		o.poor = true
	}
	// Without a verdict no market is looked at, no buy wanted, all of the position owed; it is an anomaly itself, or the gravest there is.
	if o.verdict != given {
		m = market{fresh: m.fresh}
		o.poor, o.flatten = false, false
		if o.risk == excess {
			o.risk = riskFine
		}
		o.asking = o.asking && (s.qty > 0 || s.armed || s.differs)
	}
	// Of several anomalies the gravest counts.
	switch {
	case o.verdict == disagreeing, o.risk == drawdown && !halted:
		o.event = nothing
	case o.event == mild && (o.verdict == missing || o.balance != enough || s.differs && !o.asking || m.fresh != fresh && s.everFresh):
		o.event = nothing
	}
	return o, m
}

// options are the choices of a situation that differ for the coordinator.
type options struct {
	outside    outside
	raw        outside // the first choice that it stands for: the plainest
	markets    []market
	live, calm bool
	known      bool // an anomaly is known before the kernel runs, whatever the echo
}

// optionsIn lists them. Each has the markets of one freshness, the plain one first. The calm ones come first, the others that let a position out
// next: a choice that is calm stands for those that are not, if they come to the same.
func optionsIn(s situation, all []outside) (list []options) {
	type key struct {
		o     outside
		fresh uint8
	}
	seen := map[key]bool{}
	for _, rank := range []struct{ calm, live bool }{{true, true}, {false, true}, {false, false}} {
		for _, o := range all {
			if o.live() != rank.live || o.ack && !s.quarantined || o.lapsed && !s.openSell || o.asking && s.open || o.risk == excess && s.qty < 2 {
				continue // in the other rank; or reduced to one that is in the list too
			}
			for _, f := range []uint8{fresh, deaf, lonely} {
				plain := market{fresh: f}
				if o.calm(plain) != rank.calm {
					continue
				}
				r, _ := reduce(s, o, plain)
				k := key{r, f}
				if seen[k] {
					continue
				}
				seen[k] = true
				list = append(list, options{outside: r, raw: o, markets: marketsIn(s, o, f), live: rank.live, calm: rank.calm, known: known(s, r, f)})
			}
		}
	}
	return list
}

// known says that a tick with a reduced choice finds an anomaly before the kernel runs.
func known(s situation, o outside, f uint8) bool {
	return o.event > nothing || o.balance != enough || o.risk == drawdown && (o.ack || !s.riskHalted) || s.differs && !o.asking || f != fresh && s.everFresh
}

func marketsIn(s situation, o outside, fresh uint8) (list []market) {
	for _, m := range allMarkets(fresh) {
		if _, r := reduce(s, o, m); r == m {
			list = append(list, m)
		}
	}
	return list
}
