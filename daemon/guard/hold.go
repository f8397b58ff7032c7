package guard

// Echo is the failure echo: a count of the ticks for which it is still held.
type Echo struct {
	Left uint64 `json:"left"`
}

// EchoResult is the guard's finding.
type EchoResult struct {
	// On: the echo is held at this tick. Nothing is entered, and a position is left.
	On bool
	// Left is the number of ticks, this one included, for which an anomaly of an earlier tick holds it.
	Left uint64
	// Reason why On is true.
	Reason string
}

// Judge says whether the echo is held at a tick at which the given number of anomalies is already known.
func (e Echo) Judge(anomalies int) EchoResult {
	r := EchoResult{On: e.Left > 0 || anomalies > 0, Left: e.Left}
	switch {
	case anomalies > 0:
		r.Reason = "an anomaly"
	case r.On:
		r.Reason = "held after an anomaly"
	}
	return r
}

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

// CooldownResult is the guard's finding.
type CooldownResult struct {
	// OK: an entry is allowed.
	OK bool
	// Left is the number of ticks, this one included, in which none is.
	Left uint64
	// Reason why OK is false.
	Reason string
}

// Judge says whether an entry is allowed.
func (c Cooldown) Judge() CooldownResult {
	if c.Left > 0 {
		return CooldownResult{Left: c.Left, Reason: "cooling down after a sell"}
	}
	return CooldownResult{OK: true}
}

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
