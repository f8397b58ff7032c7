package core

// Code says what kind of anomaly it is.
type Code string

// The codes of anomalies.
const (
	// OracleStale: no quorum of fresh sources, after first freshness.
	OracleStale Code = "OracleStale"
	// PriceMove: the median moved further in a tick than the limit allows.
	PriceMove Code = "PriceMove"
	// ClockSkew: our clock differs from the venue's, or from those of most sources.
	ClockSkew Code = "ClockSkew"
	// GuardError: a guard or the signal could not be computed.
	GuardError Code = "GuardError"
	// NoVerdict: the engine gave no complete answer.
	NoVerdict Code = "NoVerdict"
	// EngineDisagreement: two engines gave different answers. Always Manual.
	EngineDisagreement Code = "EngineDisagreement"
	// WitnessDisagreement: a spec derived another bit than the guard that it witnesses. Always Manual.
	WitnessDisagreement Code = "WitnessDisagreement"
	// InvariantBroken: the kernel's streams broke an invariant. Always Manual.
	InvariantBroken Code = "InvariantBroken"
	// Stalled: a position was held too long without progress, or with an exit owed.
	Stalled Code = "Stalled"
	// ShieldRefused: the kernel bought, and the shield's own check said no.
	ShieldRefused Code = "ShieldRefused"
	// OrderRefused: the venue refused an order.
	OrderRefused Code = "OrderRefused"
	// OrderAmbiguous: the venue did not say what became of an order. Always Manual.
	OrderAmbiguous Code = "OrderAmbiguous"
	// SlippageExceeded: a fill was beyond its limit.
	SlippageExceeded Code = "SlippageExceeded"
	// SettlementMismatch: a fill that does not belong to what was ordered.
	SettlementMismatch Code = "SettlementMismatch"
	// ReplayAlert: an order id or nonce of ours was used before, or fills were told twice.
	ReplayAlert Code = "ReplayAlert"
	// BeliefDiffers: the kernel's holding and the position differ while no intent is open.
	BeliefDiffers Code = "BeliefDiffers"
	// BalanceLow: the venue holds less than the position.
	BalanceLow Code = "BalanceLow"
	// VenueUnreachable: the venue's balances could not be read.
	VenueUnreachable Code = "VenueUnreachable"
	// ClockStep: the wall clock moved otherwise than the clock that counts.
	ClockStep Code = "ClockStep"
	// TickOverrun: a tick took longer than its deadline.
	TickOverrun Code = "TickOverrun"
	// LeaseThin: the Lease's margin is thin.
	LeaseThin Code = "LeaseThin"
	// DiskLow: the ledger's disk is at its warning or stop mark.
	DiskLow Code = "DiskLow"
	// LedgerDamaged: the scrubber found damage in a sealed segment. Always Manual.
	LedgerDamaged Code = "LedgerDamaged"
	// RiskHalted: the drawdown limit is breached. Always Manual.
	RiskHalted Code = "RiskHalted"
)

// Codes are all of them.
func Codes() []Code {
	return []Code{
		OracleStale, PriceMove, ClockSkew, GuardError, NoVerdict, EngineDisagreement, WitnessDisagreement, InvariantBroken, Stalled, ShieldRefused, OrderRefused, OrderAmbiguous,
		SlippageExceeded, SettlementMismatch, ReplayAlert, BeliefDiffers, BalanceLow, VenueUnreachable, ClockStep, TickOverrun, LeaseThin, DiskLow,
		LedgerDamaged, RiskHalted,
	}
}

// AlwaysManual are the codes whose quarantine a person must acknowledge, whatever the configuration says.
func (c Code) AlwaysManual() bool {
	switch c {
	case EngineDisagreement, WitnessDisagreement, InvariantBroken, OrderAmbiguous, LedgerDamaged, RiskHalted:
		return true
	}
	return false
}

// Anomaly is something that must not be, found at a tick or by an outcome.
type Anomaly struct {
	Code Code `json:"code"`
	// Detail for people: what was expected and found.
	Detail string `json:"detail,omitempty"`
}
