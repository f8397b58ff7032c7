package guard

// Echo is the failure echo: a count of the ticks for which it is still held.
type Echo struct {
	Left uint64 `json:"left"`
}

// On says whether the echo is held at a tick at which the given number of anomalies is already known.
func (e Echo) On(anomalies int) bool { return e.Left > 0 || anomalies > 0 }

// Next is the echo after a tick: held for hold more ticks if the tick had an anomaly, else one less.
func (e Echo) Next(anomalies int, hold uint64) Echo {
	switch {
	case anomalies > 0:
		return Echo{hold}
	case e.Left > 0:
		return Echo{e.Left - 1}
	}
	return e
}

// Cooldown counts the ticks after a sell in which no entry is allowed.
type Cooldown struct {
	Left uint64 `json:"left"`
}

// OK says that an entry is allowed.
func (c Cooldown) OK() bool { return c.Left == 0 }

// Next is the cooldown after a tick: loaded with ticks if the kernel sold at it, else one less.
func (c Cooldown) Next(sold bool, ticks uint64) Cooldown {
	switch {
	case sold:
		return Cooldown{ticks}
	case c.Left > 0:
		return Cooldown{c.Left - 1}
	}
	return c
}
