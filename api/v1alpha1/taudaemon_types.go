package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Decimal is an exact decimal number: an optional minus sign, up to nine digits, and up to nine more after a point. It is read as a
// signed 64-bit count of 1e-9 units, never as a float.
//
// +kubebuilder:validation:MaxLength=20
// +kubebuilder:validation:Pattern=`^-?[0-9]{1,9}(\.[0-9]{1,9})?$`
type Decimal string

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

// ReleasePolicy says how a quarantine ends.
//
// +kubebuilder:validation:Enum=Auto;Manual
type ReleasePolicy string

const (
	// ReleaseAuto ends a quarantine after clearTicks clean ticks in a row, unless its reason is one that is always Manual.
	ReleaseAuto ReleasePolicy = "Auto"
	// ReleaseManual ends a quarantine when its incident is acknowledged.
	ReleaseManual ReleasePolicy = "Manual"
)

// TauDaemonSpec declares one trading agent.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'Live'",fieldPath=".mode",message="Live is not served in this version: it needs a real venue with credentials, and there is none yet; expected Paper"
// +kubebuilder:validation:XValidation:rule="!(self.report.interval.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && self.report.leaseDuration.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$')) || duration(self.report.interval) + duration(self.report.interval) <= duration(self.report.leaseDuration)",fieldPath=".report.interval",messageExpression="'must be at most half of report.leaseDuration, ' + self.report.leaseDuration + ', found ' + self.report.interval"
// +kubebuilder:validation:XValidation:rule="!(self.tick.interval.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && self.report.leaseDuration.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$')) || duration(self.tick.interval) + duration(self.tick.interval) <= duration(self.report.leaseDuration)",fieldPath=".report.leaseDuration",messageExpression="'must be at least twice tick.interval, ' + self.tick.interval + ', found ' + self.report.leaseDuration + ': the Lease is renewed only after ticks'"
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

// TickSpec is the beat of the daemon.
type TickSpec struct {
	// interval between the starts of two ticks, at most half of report.leaseDuration. The V35 kernel holds a position for at most three
	// ticks, and a round trip has to earn its fees in them: seconds to minutes are usual, 250ms is for latency tests.
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('50ms') && duration(self) <= duration('24h')",message="must be a duration from 50ms to 24h in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// deadline of one tick, gather to commit. A tick past it is an anomaly.
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('10ms') && duration(self) <= duration('10m')",message="must be a duration from 10ms to 10m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Deadline metav1.Duration `json:"deadline,omitzero"`

	// failHoldTicks: for how many ticks after an anomaly the failure echo is held.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=63
	// +optional
	FailHoldTicks int32 `json:"failHoldTicks,omitempty"`
}

// QuarantineSpec says how a quarantine ends.
type QuarantineSpec struct {
	// clearTicks: clean ticks in a row that end an Auto quarantine.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	ClearTicks int32 `json:"clearTicks,omitempty"`

	// release: Auto or Manual. Ledger damage, engine disagreement, an ambiguous order, a broken invariant and a drawdown breach are always Manual.
	// +kubebuilder:default=Auto
	// +optional
	Release ReleasePolicy `json:"release,omitempty"`

	// acknowledge names the incident (status.quarantine.incident) that a person has looked at and releases. It never rolls the pod.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Acknowledge string `json:"acknowledge,omitempty"`
}

// EngineType says what runs the specs.
//
// +kubebuilder:validation:Enum=Embedded
type EngineType string

const (
	// EngineEmbedded runs the specs in the daemon's own evaluator of the Tau language's subset.
	EngineEmbedded EngineType = "Embedded"
)

// EngineSpec says what runs the specs.
type EngineSpec struct {
	// type of the engine.
	// +kubebuilder:default=Embedded
	// +optional
	Type EngineType `json:"type,omitempty"`
}

// OracleSpec says where prices come from and when they count as fresh.
//
// +kubebuilder:validation:XValidation:rule="self.minQuorum <= size(self.sources)",fieldPath=".minQuorum",message="must be at most the number of oracle.sources"
type OracleSpec struct {
	// maxAge of a source's publish time; a source may set its own.
	// +kubebuilder:default="1.5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be a duration above 0 and at most 24h in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	MaxAge metav1.Duration `json:"maxAge,omitzero"`

	// minQuorum: how many fresh sources must lie within toleranceBps of their median. Not above the number of sources.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	// +optional
	MinQuorum int32 `json:"minQuorum,omitempty"`

	// toleranceBps around the median, in basis points (1/10000).
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5000
	// +optional
	ToleranceBps int32 `json:"toleranceBps,omitempty"`

	// sources of the price, with unique names.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	Sources []OracleSource `json:"sources"`
}

// OracleSource is one source of the price: exactly one of http, replay, simulated.
//
// +kubebuilder:validation:XValidation:rule="[has(self.http), has(self.replay), has(self.simulated)].exists_one(x, x)",messageExpression="'source ' + self.name + ': exactly one of http, replay, simulated is expected'"
type OracleSource struct {
	// name of the source, unique in the list.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// maxAge of this source, instead of oracle.maxAge.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be a duration above 0 and at most 24h in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`

	// http polls a JSON document.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`

	// replay plays a recorded series that the image ships, one row a tick.
	// +optional
	Replay *ReplaySource `json:"replay,omitempty"`

	// simulated is a seeded random walk. It is not a market.
	// +optional
	Simulated *SimulatedSource `json:"simulated,omitempty"`
}

// HTTPSource polls a JSON document at every tick.
type HTTPSource struct {
	// url of the document, http or https.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	URL string `json:"url"`

	// price: path of the price in the document, such as $.result.XETHZUSD.c[0]. A JSON string or number; read exactly, never as a float.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^\$([.][A-Za-z0-9_-]+|\[[0-9]{1,9}\]|\['[^']+'\])+$`
	Price string `json:"price"`

	// time: path of the publish time in the document (Unix seconds, milliseconds, or RFC 3339; told apart by size and form). Without it the
	// time of receipt counts, so freshness then only says that the source answers.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^\$([.][A-Za-z0-9_-]+|\[[0-9]{1,9}\]|\['[^']+'\])+$`
	// +optional
	Time string `json:"time,omitempty"`

	// volume: path of the volume traded since the last document, if the source gives one.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^\$([.][A-Za-z0-9_-]+|\[[0-9]{1,9}\]|\['[^']+'\])+$`
	// +optional
	Volume string `json:"volume,omitempty"`
}

// ReplaySource plays a recorded series, one row a tick: tick n reads row (offset + n) modulo the series' length. Its publish time is the
// tick's time, so what it shows is never stale: it is a recording, and for paper trading only.
type ReplaySource struct {
	// series is the name of a series that the image ships.
	// +kubebuilder:validation:Enum=sp500-daily
	Series string `json:"series"`

	// offset: the row of tick 0.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	Offset int32 `json:"offset,omitempty"`
}

// SimulatedSource is a seeded random walk, the same for the same seed. It is not a market, and for paper trading only.
type SimulatedSource struct {
	// seed of the walk.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Seed int64 `json:"seed,omitempty"`

	// start is the price at tick 0, above zero; 100 if absent.
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-') && self.matches('[1-9]')",message="must be above 0"
	// +optional
	Start Decimal `json:"start,omitempty"`

	// stepBps: the largest move of one tick, in basis points; 20 if absent.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	StepBps *int32 `json:"stepBps,omitempty"`
}

// EconomicsSpec is the size and the costs of a trade.
type EconomicsSpec struct {
	// feeBpsBuy: the venue's fee on a buy, in basis points of its notional.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	FeeBpsBuy *int32 `json:"feeBpsBuy,omitempty"`

	// feeBpsSell: the venue's fee on a sell, in basis points of its notional.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	FeeBpsSell *int32 `json:"feeBpsSell,omitempty"`

	// slippageBpsLimit: how far from the median an order's limit lies, in basis points; a fill beyond it is an anomaly.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	SlippageBpsLimit *int32 `json:"slippageBpsLimit,omitempty"`

	// gasUnitCost of one order, in quote units.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must not be negative"
	// +optional
	GasUnitCost Decimal `json:"gasUnitCost,omitempty"`

	// tradeQuantity of one buy, in base units, above zero.
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-') && self.matches('[1-9]')",message="must be above 0"
	TradeQuantity Decimal `json:"tradeQuantity"`

	// minProfit that selling everything now must exceed, net of all costs, in quote units.
	// +kubebuilder:default="0"
	// +optional
	MinProfit Decimal `json:"minProfit,omitempty"`

	// burnShareBps: the share of a realised profit that is burned, in basis points. 0 burns nothing.
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	BurnShareBps *int32 `json:"burnShareBps,omitempty"`
}

// SignalSpec turns prices into the market bits of the kernel. Nothing is entered while its windows are filling.
type SignalSpec struct {
	// bandWindow: ticks of the mean that the price is compared with.
	// +kubebuilder:default=20
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	// +optional
	BandWindow int32 `json:"bandWindow,omitempty"`

	// bandBps: the price is low when it is at least this far below the mean, in basis points. It may be negative: then a price up to so far above the mean counts as low.
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=-5000
	// +kubebuilder:validation:Maximum=5000
	// +optional
	BandBps *int32 `json:"bandBps,omitempty"`

	// targetBps: the price is above target when it is at least this far above the held position's entry price, in basis points.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	TargetBps *int32 `json:"targetBps,omitempty"`

	// trendWindow: the trend is up when the price is above that of so many ticks ago. 0 switches the trend off (always up).
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1024
	// +optional
	TrendWindow *int32 `json:"trendWindow,omitempty"`

	// volumeWindow: ticks over which volume is summed.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	// +optional
	VolumeWindow int32 `json:"volumeWindow,omitempty"`

	// minVolume: volume is high when the sum is at least this. 0 switches volume off (always high).
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must not be negative"
	// +optional
	MinVolume Decimal `json:"minVolume,omitempty"`
}

// CooldownSpec blocks entries after a sell.
type CooldownSpec struct {
	// enabled switches the cooldown on.
	// +kubebuilder:default=true
	// +optional
	Enabled *bool `json:"enabled,omitempty"`

	// ticks after a sell in which no entry is allowed.
	// +kubebuilder:default=8
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1023
	// +optional
	Ticks *int32 `json:"ticks,omitempty"`
}

// RiskSpec limits the position.
type RiskSpec struct {
	// maxPositionTicks: for how many ticks since the fill a position may be held.
	// +kubebuilder:default=12
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	MaxPositionTicks int32 `json:"maxPositionTicks,omitempty"`

	// maxPositionQuantity in base units; the default is one trade. Only what is above it is sold.
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-') && self.matches('[1-9]')",message="must be above 0"
	// +optional
	MaxPositionQuantity Decimal `json:"maxPositionQuantity,omitempty"`

	// maxDrawdownBps from the peak of equity, in basis points. A breach quarantines until it is acknowledged.
	// +kubebuilder:default=200
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	MaxDrawdownBps int32 `json:"maxDrawdownBps,omitempty"`

	// emergencySlippageBps: the limit of a forced exit, below the last good price, in basis points.
	// +kubebuilder:default=200
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	EmergencySlippageBps *int32 `json:"emergencySlippageBps,omitempty"`
}

// VenueSpec is where orders go: exactly one kind.
//
// +kubebuilder:validation:XValidation:rule="has(self.paper)",message="exactly one kind of venue is expected, and this version serves paper only: paper: {}"
type VenueSpec struct {
	// paper is the simulated venue inside the daemon. No other kind is served in this version.
	// +optional
	Paper *PaperVenue `json:"paper,omitempty"`
}

// PaperVenue is a simulated venue: it fills at the tick's median price, moved by slippageBps against the order, and takes the fees of economics.
type PaperVenue struct {
	// quoteBalance at the ledger's first boot, in quote units.
	// +kubebuilder:default="100000"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must not be negative"
	// +optional
	QuoteBalance Decimal `json:"quoteBalance,omitempty"`

	// slippageBps by which each fill is worse than the median, in basis points.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	SlippageBps int32 `json:"slippageBps,omitempty"`
}

// LedgerSpec keeps the record of every tick.
type LedgerSpec struct {
	// snapshotTicks between two snapshots.
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	SnapshotTicks int32 `json:"snapshotTicks,omitempty"`

	// volume that holds the ledger.
	// +kubebuilder:default={}
	// +optional
	Volume VolumeSpec `json:"volume,omitzero"`
}

// RetainPolicy says what happens to the ledger's volume when the resource is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type RetainPolicy string

const (
	// VolumeRetain keeps the PersistentVolumeClaim when the resource is deleted.
	VolumeRetain RetainPolicy = "Retain"
	// VolumeDelete deletes it with the resource.
	VolumeDelete RetainPolicy = "Delete"
)

// VolumeSpec is the volume that holds the ledger.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",fieldPath=".storageClassName",message="is immutable, also its absence: the volume was made with the old one"
type VolumeSpec struct {
	// size requested; it may grow, never shrink.
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).isGreaterThan(quantity('0'))",message="must be above 0"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity(string(oldSelf)))",message="must not shrink: a volume can only grow"
	// +kubebuilder:default="10Gi"
	// +optional
	Size resource.Quantity `json:"size,omitzero"`

	// storageClassName of the volume; the cluster's default if absent. Immutable.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// accessMode of the volume. Immutable.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: the volume was made with the old one"
	// +kubebuilder:validation:Enum=ReadWriteOncePod;ReadWriteOnce
	// +kubebuilder:default=ReadWriteOncePod
	// +optional
	AccessMode corev1.PersistentVolumeAccessMode `json:"accessMode,omitempty"`

	// retain: whether the volume outlives the resource.
	// +kubebuilder:default=Retain
	// +optional
	Retain RetainPolicy `json:"retain,omitempty"`
}

// LeaseRiskPolicy says what the daemon does while its Lease's margin is thin.
//
// +kubebuilder:validation:Enum=Exit;Hold
type LeaseRiskPolicy string

const (
	// LeaseRiskExit sells while the Lease still holds.
	LeaseRiskExit LeaseRiskPolicy = "Exit"
	// LeaseRiskHold keeps the position and takes on nothing new.
	LeaseRiskHold LeaseRiskPolicy = "Hold"
)

// ReportSpec says how the daemon reports, and how it holds its Lease.
type ReportSpec struct {
	// interval between two reports; changes of health and quarantine are reported at once.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="must be a duration from 1s to 5m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// leaseDuration: past it, counted from the send time of the last renewal, nothing leaves the daemon.
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('5s') && duration(self) <= duration('10m')",message="must be a duration from 5s to 10m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	LeaseDuration metav1.Duration `json:"leaseDuration,omitzero"`

	// onLeaseRisk: what the daemon does with a position while the Lease's margin is thin.
	// +kubebuilder:default=Exit
	// +optional
	OnLeaseRisk LeaseRiskPolicy `json:"onLeaseRisk,omitempty"`
}

// LogSpec is the daemon's log.
type LogSpec struct {
	// level: debug shows each tick's facts.
	// +kubebuilder:validation:Enum=debug;info;warn;error
	// +kubebuilder:default=info
	// +optional
	Level string `json:"level,omitempty"`
}

// PodSpec shapes the daemon's pod. What it does not name, the operator sets: non-root, read-only root, no capabilities, seccomp.
type PodSpec struct {
	// image of the daemon, instead of the operator's default.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^\S*$`
	// +optional
	Image string `json:"image,omitempty"`

	// resources of the daemon's container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`

	// nodeSelector of the pod.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of the pod.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// annotations of the pod.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// State is the agent's state in one word.
type State string

// The states, from the ones that need a person to the good one.
const (
	// StateStalled: the operator cannot go on; the condition Stalled says why.
	StateStalled State = "Stalled"
	// StateHalted: the daemon refuses to tick; the condition Ready says why.
	StateHalted State = "Halted"
	// StateUnknown: no report, or a stale one.
	StateUnknown State = "Unknown"
	// StateDeleting: the resource is being deleted.
	StateDeleting State = "Deleting"
	// StateSuspended: scaled to zero on request.
	StateSuspended State = "Suspended"
	// StatePending: no pod has reported yet.
	StatePending State = "Pending"
	// StateQuarantined: ticking, without taking on risk.
	StateQuarantined State = "Quarantined"
	// StateRunning: ticking, and free to trade.
	StateRunning State = "Running"
)

// TauDaemonStatus is what the operator observed. Only the operator writes it.
type TauDaemonStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state in one word.
	// +optional
	State State `json:"state,omitempty"`

	// conditions: Ready, Reconciling, Stalled, Healthy, Quarantined, LeaseHeld, OracleFresh.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// health of the last reported tick: Healthy or Unhealthy.
	// +optional
	Health string `json:"health,omitempty"`

	// tick last reported.
	// +optional
	Tick int64 `json:"tick,omitempty"`

	// holding: the position last reported, in base units.
	// +optional
	Holding string `json:"holding,omitempty"`

	// position last reported.
	// +optional
	Position *PositionReport `json:"position,omitempty"`

	// quarantine last reported.
	// +optional
	Quarantine *QuarantineReport `json:"quarantine,omitempty"`

	// ledger head last reported.
	// +optional
	Ledger *LedgerReport `json:"ledger,omitempty"`

	// epoch of the daemon that reported: it grows by one with every boot.
	// +optional
	Epoch int64 `json:"epoch,omitempty"`

	// engine that runs the specs, as reported.
	// +optional
	Engine string `json:"engine,omitempty"`

	// reportTime: when the daemon made its last report, on its clock.
	// +optional
	ReportTime *metav1.Time `json:"reportTime,omitempty"`

	// podName: name of the pod that reported.
	// +optional
	PodName string `json:"podName,omitempty"`

	// nodeName: node of the pod that reported.
	// +optional
	NodeName string `json:"nodeName,omitempty"`

	// configDigest of the configuration that the reporting pod runs.
	// +optional
	ConfigDigest string `json:"configDigest,omitempty"`

	// configMapName holds the configuration that the pod's template names.
	// +optional
	ConfigMapName string `json:"configMapName,omitempty"`

	// effective: what the defaults made of the lists in the spec.
	// +optional
	Effective *EffectiveStatus `json:"effective,omitempty"`
}

// EffectiveStatus is what the defaults made of what the spec leaves open.
type EffectiveStatus struct {
	// image that the pod's template names.
	// +optional
	Image string `json:"image,omitempty"`
	// sources of the oracle, as "name (kind, max age)".
	// +listType=atomic
	// +optional
	Sources []string `json:"sources,omitempty"`
	// maxPositionQuantity in base units.
	// +optional
	MaxPositionQuantity string `json:"maxPositionQuantity,omitempty"`
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
