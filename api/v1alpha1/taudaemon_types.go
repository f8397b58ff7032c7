package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Mode says whether orders are simulated or real.
//
// +kubebuilder:validation:Enum=Paper;Live
type Mode string

const (
	// ModePaper trades on the simulated paper venue only.
	ModePaper Mode = "Paper"
	// ModeLive trades on a real venue, and demands one with its credentials.
	ModeLive Mode = "Live"
)

// StopPolicy says what happens to an open position when the agent is suspended or its resource deleted.
//
// +kubebuilder:validation:Enum=Keep;Flatten
type StopPolicy string

const (
	// StopKeep keeps the position; it is resumed from the ledger.
	StopKeep StopPolicy = "Keep"
	// StopFlatten sells the position first, bounded by a time.
	StopFlatten StopPolicy = "Flatten"
)

// UpdatePolicy says when a change of the pod's template may replace the pod.
//
// +kubebuilder:validation:Enum=Automatic;OnQuiet;Manual
type UpdatePolicy string

const (
	// UpdateAutomatic replaces the pod as soon as the new configuration is valid.
	UpdateAutomatic UpdatePolicy = "Automatic"
	// UpdateOnQuiet waits until no position is held, no intent is open and no quarantine is on.
	UpdateOnQuiet UpdatePolicy = "OnQuiet"
	// UpdateManual waits until the pod is deleted by hand.
	UpdateManual UpdatePolicy = "Manual"
)

// TauDaemonSpec declares one trading agent.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'Live' || !has(self.venue.paper)",fieldPath=".mode",message="Live needs a real venue with its credentials, kraken or uniswapV2; found paper"
// +kubebuilder:validation:XValidation:rule="self.mode != 'Paper' || !(has(self.venue.kraken) || has(self.venue.uniswapV2))",fieldPath=".mode",message="Paper trades on venue.paper only; expected Live with a real venue"
// +kubebuilder:validation:XValidation:rule="self.mode == oldSelf.mode",fieldPath=".mode",message="is immutable: the position that a ledger made on paper knows of is held nowhere; make another TauDaemon"
// +kubebuilder:validation:XValidation:rule="self.mode != 'Live' || !self.oracle.sources.exists(s, has(s.replay) || has(s.simulated))",fieldPath=".oracle.sources",message="must all be of a real market with mode Live: replay and simulated are for Paper"
// +kubebuilder:validation:XValidation:rule="!has(self.venue.kraken) || self.economics.burnShareBps == 0",fieldPath=".economics.burnShareBps",message="must be 0 with venue.kraken, where nothing can be burned"
// +kubebuilder:validation:XValidation:rule="!has(self.venue.kraken) || !(self.tick.interval.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && self.tick.deadline.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$')) || duration(self.tick.deadline) >= duration('5s') || duration(self.tick.deadline) >= duration('2500ms') && duration(self.tick.interval) >= duration('5s')",fieldPath=".tick",messageExpression="'interval must be at least 5s with venue.kraken, or deadline, and deadline at least 2500ms; found ' + self.tick.interval + ' and ' + self.tick.deadline + ': an order lives as long as the longer of the two, at most twice the deadline, and the exchange takes none that expires sooner'"
// +kubebuilder:validation:XValidation:rule="!(self.report.interval.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && self.report.leaseDuration.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$')) || duration(self.report.interval) + duration(self.report.interval) <= duration(self.report.leaseDuration)",fieldPath=".report.interval",messageExpression="'must be at most half of report.leaseDuration, ' + self.report.leaseDuration + ', found ' + self.report.interval"
// +kubebuilder:validation:XValidation:rule="!(self.tick.deadline.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && self.report.leaseDuration.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$')) || duration(self.tick.deadline) + duration(self.tick.deadline) + duration(self.tick.deadline) + duration(self.tick.deadline) <= duration(self.report.leaseDuration)",fieldPath=".report.leaseDuration",messageExpression="'must be at least four times tick.deadline, ' + self.tick.deadline + ', found ' + self.report.leaseDuration + ': two tries of an exit must fit into half of it'"
// +kubebuilder:validation:XValidation:rule="!has(self.engine.tau) || self.engine.tau.protocol != 'File' || !self.tick.deadline.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') || duration(self.tick.deadline) >= duration(self.engine.tau.runs == 'All' ? '5s' : '1s')",fieldPath=".tick.deadline",messageExpression="'must be at least ' + (self.engine.tau.runs == 'All' ? '5s' : '1s') + ' with engine.tau protocol File and runs ' + self.engine.tau.runs + ', found ' + self.tick.deadline + ': the binary takes about 0.45 s a spec a tick'"
// +kubebuilder:validation:XValidation:rule="!has(self.engine.tau) || self.engine.tau.protocol != 'File' || !self.tick.interval.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') || duration(self.tick.interval) >= duration(self.engine.tau.runs == 'All' ? '5s' : '1s')",fieldPath=".tick.interval",messageExpression="'must be at least ' + (self.engine.tau.runs == 'All' ? '5s' : '1s') + ' with engine.tau protocol File and runs ' + self.engine.tau.runs + ', found ' + self.tick.interval + ': the binary takes about 0.45 s a spec a tick'"
type TauDaemonSpec struct {
	// mode: Paper simulates orders; Live sends them.
	// +kubebuilder:default=Paper
	// +optional
	Mode Mode `json:"mode,omitempty"`

	// suspend quiesces the agent, scales it to zero and keeps its volume. It never rolls the pod.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// onStop: what happens to an open position on suspend and delete. It never rolls the pod.
	// +kubebuilder:default=Keep
	// +optional
	OnStop StopPolicy `json:"onStop,omitempty"`

	// updatePolicy: when a change of configuration may replace the pod.
	// +kubebuilder:default=Automatic
	// +optional
	UpdatePolicy UpdatePolicy `json:"updatePolicy,omitempty"`

	// tick is the beat of the daemon.
	// +kubebuilder:default={}
	// +optional
	Tick TickSpec `json:"tick,omitzero"`

	// quarantine says how a quarantine ends.
	// +kubebuilder:default={}
	// +optional
	Quarantine QuarantineSpec `json:"quarantine,omitzero"`

	// engine says what runs the specs.
	// +kubebuilder:default={}
	// +optional
	Engine EngineSpec `json:"engine,omitzero"`

	// oracle says where prices come from and when they count as fresh.
	Oracle OracleSpec `json:"oracle"`

	// economics: size and costs of a trade.
	Economics EconomicsSpec `json:"economics"`

	// signal turns prices into the market bits of the kernel.
	// +kubebuilder:default={}
	// +optional
	Signal SignalSpec `json:"signal,omitzero"`

	// cooldown blocks entries after a sell.
	// +kubebuilder:default={}
	// +optional
	Cooldown CooldownSpec `json:"cooldown,omitzero"`

	// risk limits the position.
	// +kubebuilder:default={}
	// +optional
	Risk RiskSpec `json:"risk,omitzero"`

	// venue is where orders go.
	Venue VenueSpec `json:"venue"`

	// ledger keeps the record of every tick.
	// +kubebuilder:default={}
	// +optional
	Ledger LedgerSpec `json:"ledger,omitzero"`

	// report: how the daemon reports, and how it holds its Lease.
	// +kubebuilder:default={}
	// +optional
	Report ReportSpec `json:"report,omitzero"`

	// log of the daemon.
	// +kubebuilder:default={}
	// +optional
	Log LogSpec `json:"log,omitzero"`

	// pod shapes the daemon's pod.
	// +optional
	Pod PodSpec `json:"pod,omitzero"`
}

// TauDaemon declares one trading agent that may take on risk only where its formal specification allows it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=td,categories=tau
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Health",type=string,JSONPath=`.status.health`
// +kubebuilder:printcolumn:name="Tick",type=integer,JSONPath=`.status.tick`
// +kubebuilder:printcolumn:name="Holding",type=string,JSONPath=`.status.holding`
// +kubebuilder:printcolumn:name="Ledger",type=integer,JSONPath=`.status.ledger.size`
// +kubebuilder:printcolumn:name="Head",type=string,JSONPath=`.status.ledger.shortHead`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Epoch",type=integer,priority=1,JSONPath=`.status.epoch`
// +kubebuilder:printcolumn:name="Engine",type=string,priority=1,JSONPath=`.status.engine`
// +kubebuilder:printcolumn:name="Reported",type=date,priority=1,JSONPath=`.status.reportTime`
// +kubebuilder:printcolumn:name="Node",type=string,priority=1,JSONPath=`.status.nodeName`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",message="metadata.name must be a DNS label of at most 40 characters: the names of its children are made from it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.ledger) || (has(self.status) && has(self.status.ledger))",fieldPath=".status.ledger",message="must not be dropped: it is the head last witnessed"
type TauDaemon struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec declares the agent.
	Spec TauDaemonSpec `json:"spec"`
	// status is what the operator observed.
	// +optional
	Status TauDaemonStatus `json:"status,omitzero"`
}

// TauDaemonList is a list of TauDaemons.
//
// +kubebuilder:object:root=true
type TauDaemonList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TauDaemon `json:"items"`
}
