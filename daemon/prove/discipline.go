package prove

// Discipline is a promise that is proven or refuted.
type Discipline int

// The disciplines.
const (
	Freshness Discipline = iota
	Profit
	Echo
	Nonce
	Timeout
	Exclusivity
	Burned
	Trapped
	Release
	Agreement
	Watch

	disciplines
)

var statements = [disciplines]struct{ name, says string }{
	Freshness:   {"freshness", "the kernel's state and every buy imply fresh prices; a drop orders the exit in the same tick, from the kernel and for the position"},
	Profit:      {"profit", "a burn event implies profit guard, freshness and no failure; a burn that leaves implies a final sell and a realised profit above zero"},
	Echo:        {"failure echo", "no buy leaves at an anomaly's tick or in quarantine; the failure bit is on at the next two; the exit is ordered by the next"},
	Nonce:       {"nonce", "no second buy before a sell, none while the nonce is set, none while a position is held or an intent is open"},
	Timeout:     {"timeout", "when the time is up the kernel sells and resets; a position over its limit is ordered out"},
	Exclusivity: {"exclusivity", "never buy and sell at once, and no sell of what was not bought"},
	Burned:      {"monotonic has_burned", "has_burned is set by the first burn event and never falls, over restarts too"},
	Trapped:     {"no position is trapped", "while the venue fills and the Lease holds, every position ends, whatever else happens"},
	Release:     {"quarantine ends", "where nothing new happens, every Auto quarantine ends within clear_ticks + fail_hold_ticks, from every state; nothing stalls while nothing is held"},
	Agreement:   {"witnesses agree", "no witness ever differs from its guard, 04 finds nothing, and the shield has nothing to refuse"},
	Watch:       {"monitors see", "04 sees every breach and 05 every stall, whatever the kernel is"},
}

// String is the discipline's name.
func (d Discipline) String() string { return statements[d].name }

// Statement says in a sentence what is promised.
func (d Discipline) Statement() string { return statements[d].says }

// mask is a set of disciplines.
type mask uint16

func (m mask) has(d Discipline) bool { return m>>d&1 == 1 }
