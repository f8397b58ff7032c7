package config

import (
	"bytes"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// Scaled is an amount as an integer of 1/economics.scale units.
type Scaled int64

// File is taud.toml as it is written. Every key is optional unless its tag says required; DefaultFile has the defaults. Amounts (Scaled)
// are integers of 1/economics.scale units, times are milliseconds, bps are basis points (1/10000).
type File struct {
	Daemon     DaemonTable     `toml:"daemon"`
	Tick       TickTable       `toml:"tick"`
	Paths      PathsTable      `toml:"paths"`
	Engine     EngineTable     `toml:"engine"`
	Oracle     OracleTable     `toml:"oracle"`
	Economics  EconomicsTable  `toml:"economics"`
	Signal     SignalTable     `toml:"signal"`
	Cooldown   CooldownTable   `toml:"cooldown"`
	Risk       RiskTable       `toml:"risk"`
	Quarantine QuarantineTable `toml:"quarantine"`
	Venue      VenueTable      `toml:"venue"`
	Ledger     LedgerTable     `toml:"ledger"`
	Report     ReportTable     `toml:"report"`
	Log        LogTable        `toml:"log"`
}

// DaemonTable is [daemon].
type DaemonTable struct {
	// Name of the agent, used in the ledger's origin.
	Name string `toml:"name" default:"taud" form:"agent"`
	// Mode: paper simulates orders; live sends them, and demands a real venue with its credentials, and sources of a real market.
	Mode string `toml:"mode" default:"paper" oneof:"paper live"`
	// TickPeriodMS is the limit for one tick, gather to commit; a tick past it is an anomaly.
	TickPeriodMS int64 `toml:"tick_period_ms" default:"1000" min:"10" max:"600000"`
	// QuarantineClearTicks: clean ticks in a row that end an auto quarantine.
	QuarantineClearTicks int64 `toml:"quarantine_clear_ticks" default:"10" min:"1" max:"100000"`
}

// TickTable is [tick].
type TickTable struct {
	// IntervalMS between the starts of two ticks: the beat.
	IntervalMS int64 `toml:"interval_ms" default:"1000" min:"50" max:"86400000"`
	// FailHoldTicks: for how many ticks after an anomaly the failure echo is held.
	FailHoldTicks int64 `toml:"fail_hold_ticks" default:"2" min:"2" max:"63"`
}

// PathsTable is [paths]; a relative path starts at the folder of the TOML file.
type PathsTable struct {
	// TauBin is the Tau binary; it need not be there.
	TauBin string `toml:"tau_bin"`
	// KernelSpec is the V35 kernel.
	KernelSpec string `toml:"kernel_spec" default:"specs/kernel/v35_integrated.tau" form:"path"`
	// KernelInputs and KernelOutputs are the folders of the kernel's streams when the Tau binary runs it.
	KernelInputs  string `toml:"kernel_inputs" default:"run/inputs" form:"path"`
	KernelOutputs string `toml:"kernel_outputs" default:"run/outputs" form:"path"`
	// SpecsRoot is the folder of the supporting specs 01 to 08.
	SpecsRoot string `toml:"specs_root" default:"specs" form:"path"`
	// DataDir is the daemon's own folder, created where missing.
	DataDir string `toml:"data_dir" default:"data" form:"path"`
	// LedgerDir is the ledger's folder, created where missing.
	LedgerDir string `toml:"ledger_dir" default:"data/ledger" form:"path"`
}

// EngineTable is [engine].
type EngineTable struct {
	// Type of the engine: auto is the binary at paths.tau_bin if it is there, else the embedded engine; with both, the binary decides and the
	// embedded engine shadows it.
	Type string `toml:"type" default:"auto" oneof:"auto embedded tau both"`
	// Protocol with the binary: session keeps a process a spec and speaks to it over pipes; file starts one a tick, half a second each.
	Protocol string `toml:"protocol" default:"session" oneof:"session file"`
	// Specs that the binary runs: all nine, or the kernel alone and the rest embedded. What each costs is in docs/engines.md: a process 36 to 240 MB.
	Specs string `toml:"specs" default:"all" oneof:"all kernel"`
	// StartDeadlineMS for a process of the binary to start and show its initial rows.
	StartDeadlineMS int64 `toml:"start_deadline_ms" default:"10000" min:"1000" max:"120000"`
}

// OracleTable is [oracle].
type OracleTable struct {
	// MaxAgeMS of a source's publish time; a source may set its own.
	MaxAgeMS int64 `toml:"max_age_ms" default:"1500" min:"1" max:"86400000"`
	// MinQuorum: how many fresh sources must lie within ToleranceBps of their median.
	MinQuorum int64 `toml:"min_quorum" default:"3" min:"1" max:"16"`
	// ToleranceBps around the median.
	ToleranceBps int64 `toml:"tolerance_bps" default:"50" min:"1" max:"5000"`
	// MaxMoveBps of the median since the last tick that had a quorum; 0 switches the limit off. A move beyond it is an anomaly, and that
	// tick's median is not used.
	MaxMoveBps int64 `toml:"max_move_bps" default:"0" min:"0" max:"100000"`
	// MaxSkewMS between our clock and those of the sources' servers and the venue; 0 switches the gate off. Servers state whole seconds, so
	// only what is beyond it by more than that second is seen.
	MaxSkewMS int64 `toml:"max_skew_ms" default:"0" min:"0" max:"3600000"`
	// Sources of the price; without any, three simulated ones stand in.
	Sources []SourceTable `toml:"sources,omitempty" max:"16"`
}

// SourceTable is one of [[oracle.sources]]: exactly one of its kinds.
type SourceTable struct {
	// Name of the source, unique.
	Name string `toml:"name" required:"true" form:"source"`
	// MaxAgeMS instead of oracle.max_age_ms.
	MaxAgeMS *int64 `toml:"max_age_ms" min:"1" max:"86400000"`
	// Chainlink reads a feed of the Chainlink network from its contract on an EVM chain.
	Chainlink *ChainlinkTable `toml:"chainlink,inline"`
	// HTTP polls a JSON document at every tick.
	HTTP *HTTPTable `toml:"http,inline"`
	// Pyth asks a Hermes server for a feed of the Pyth network.
	Pyth *PythTable `toml:"pyth,inline"`
	// Replay plays a recorded series.
	Replay *ReplayTable `toml:"replay,inline"`
	// Simulated is a seeded random walk. It is not a market.
	Simulated *SimulatedTable `toml:"simulated,inline"`
	// UniswapV2 reads the spot price of a Uniswap V2 pair on an EVM chain. It can be moved by whoever pays for it: one of a quorum, never alone.
	UniswapV2 *UniswapV2SourceTable `toml:"uniswap_v2,inline"`
}

// HTTPTable is the http of a source.
type HTTPTable struct {
	// URL of the document.
	URL string `toml:"url" required:"true" form:"url"`
	// Price is the path of the price in the document, such as $.result.XETHZUSD.c[0].
	Price string `toml:"price" required:"true" form:"jsonpath"`
	// Time is the path of the publish time (Unix seconds, milliseconds, or RFC 3339); without it the time of receipt counts.
	Time string `toml:"time,omitempty" form:"jsonpath"`
	// Volume is the path of the volume traded since the last document.
	Volume string `toml:"volume,omitempty" form:"jsonpath"`
}

// PythTable is the pyth of a source.
type PythTable struct {
	// URL of the Hermes server, without the path of its interface.
	URL string `toml:"url" required:"true" form:"url"`
	// Feed is the price feed's ID.
	Feed string `toml:"feed" required:"true" form:"feed"`
	// MaxConfidenceBps: a price whose confidence interval is wider, to either side, is refused.
	MaxConfidenceBps int64 `toml:"max_confidence_bps" default:"50" min:"1" max:"5000"`
	// Updates: poll asks at every tick, stream keeps a connection on which the server sends every price.
	Updates string `toml:"updates" default:"poll" oneof:"poll stream"`
	// TokenFile holds the access token, if the server wants one; it is read again at every request.
	TokenFile string `toml:"token_file,omitempty" form:"path"`
}

// ChainlinkTable is the chainlink of a source: exactly one of RPCURL and RPCURLFile.
type ChainlinkTable struct {
	// RPCURL of the node's JSON-RPC, or RPCURLFile, which holds it, since a URL may carry a key; the file is read again when it changes.
	RPCURL     string `toml:"rpc_url,omitempty" form:"url"`
	RPCURLFile string `toml:"rpc_url_file,omitempty" form:"path"`
	// ChainID of the chain; a node of another one is refused.
	ChainID int64 `toml:"chain_id" min:"1"`
	// Feed is the address of the feed's proxy contract.
	Feed string `toml:"feed" required:"true" form:"address"`
	// Decimals that the feed's answers must have; without it those of the first answer.
	Decimals *int64 `toml:"decimals" min:"0" max:"18"`
}

// UniswapV2SourceTable is the uniswap_v2 of a source: exactly one of RPCURL and RPCURLFile.
type UniswapV2SourceTable struct {
	// RPCURL of the node's JSON-RPC, or RPCURLFile, which holds it, since a URL may carry a key; the file is read again when it changes.
	RPCURL     string `toml:"rpc_url,omitempty" form:"url"`
	RPCURLFile string `toml:"rpc_url_file,omitempty" form:"path"`
	// ChainID of the chain; a node of another one is refused.
	ChainID int64 `toml:"chain_id" min:"1"`
	// Pair contract, and Base, the token whose price it is.
	Pair string `toml:"pair" required:"true" form:"address"`
	Base string `toml:"base" required:"true" form:"address"`
	// MinReserve of the other token that the pair must have: the less there is, the cheaper the price is moved.
	MinReserve Scaled `toml:"min_reserve" default:"0" min:"0"`
}

// ReplayTable is the replay of a source: exactly one of Series and File.
type ReplayTable struct {
	// Series is the name of a series that the program ships.
	Series string `toml:"series,omitempty" oneof:"sp500-daily"`
	// File is a CSV file with a column price or close, or a JSONL file with such members.
	File string `toml:"file,omitempty" form:"path"`
	// Times: stepped plays one row a tick, published at the tick; recorded plays the row that is due on the clock, published at its own time.
	Times string `toml:"times" default:"stepped" oneof:"stepped recorded"`
	// Offset is the row of tick 0, with stepped times.
	Offset int64 `toml:"offset" default:"0" min:"0" max:"1000000"`
	// BeginMS is the Unix time in milliseconds at which the first row is due, and the others as long after it as they were recorded; with
	// recorded times. 0: every row is due at its own time.
	BeginMS int64 `toml:"begin_ms,omitempty" default:"0" min:"0" max:"100000000000000"`
}

// SimulatedTable is the simulated of a source.
type SimulatedTable struct {
	// Seed of the walk: sources of one seed walk together.
	Seed int64 `toml:"seed" default:"0" min:"0"`
	// Start is the price at tick 0.
	Start Scaled `toml:"start" default:"100" min:"1"`
	// StepBps is the largest move of one tick.
	StepBps int64 `toml:"step_bps" default:"20" min:"0" max:"1000"`
}

// EconomicsTable is [economics].
type EconomicsTable struct {
	// Scale: how many of the file's units make one; a power of ten from 1 to 1_000_000_000.
	Scale int64 `toml:"scale" default:"1000000000" min:"1" max:"1000000000"`
	// FeeBpsBuy and FeeBpsSell are the venue's fees, in bps of the notional.
	FeeBpsBuy  int64 `toml:"fee_bps_buy" default:"30" min:"0" max:"5000"`
	FeeBpsSell int64 `toml:"fee_bps_sell" default:"30" min:"0" max:"5000"`
	// SlippageBpsLimit: how far from the median an order's limit lies; a fill beyond it is an anomaly.
	SlippageBpsLimit int64 `toml:"slippage_bps_limit" default:"10" min:"0" max:"5000"`
	// GasUnitCost of one order, in quote units.
	GasUnitCost Scaled `toml:"gas_unit_cost" default:"0" min:"0"`
	// TradeQty of one buy, in base units.
	TradeQty Scaled `toml:"trade_qty" required:"true" min:"1"`
	// MinProfit that selling everything now must exceed, net of all costs, in quote units; it may be negative.
	MinProfit Scaled `toml:"min_profit" default:"0"`
	// BurnShareBps is the share of a realised profit that is burned; 0 burns nothing.
	BurnShareBps int64 `toml:"burn_share_bps" default:"1000" min:"0" max:"10000"`
}

// SignalTable is [signal].
type SignalTable struct {
	// BandWindow: ticks of the mean that the price is compared with.
	BandWindow int64 `toml:"band_window" default:"20" min:"1" max:"1024"`
	// BandBps: the price is low when it is at least this far below the mean; negative: up to so far above it.
	BandBps int64 `toml:"band_bps" default:"50" min:"-5000" max:"5000"`
	// TargetBps: the price is above target when it is at least this far above the held position's entry price.
	TargetBps int64 `toml:"target_bps" default:"100" min:"0" max:"100000"`
	// TrendWindow: the trend is up when the price is above that of so many ticks ago; 0: always up.
	TrendWindow int64 `toml:"trend_window" default:"1" min:"0" max:"1024"`
	// VolumeWindow: ticks over which volume is summed.
	VolumeWindow int64 `toml:"volume_window" default:"1" min:"1" max:"1024"`
	// MinVolume: volume is high when the sum is at least this; 0: always high.
	MinVolume Scaled `toml:"min_volume" default:"0" min:"0"`
}

// CooldownTable is [cooldown].
type CooldownTable struct {
	// Enabled switches the cooldown on.
	Enabled bool `toml:"enabled" default:"true"`
	// Ticks after a sell in which no entry is allowed.
	Ticks int64 `toml:"ticks" default:"8" min:"0" max:"1023"`
}

// RiskTable is [risk].
type RiskTable struct {
	// MaxPositionTicks: for how many ticks since the fill a position may be held.
	MaxPositionTicks int64 `toml:"max_position_ticks" default:"12" min:"1" max:"1000000"`
	// MaxPositionQty in base units; the default is economics.trade_qty.
	MaxPositionQty *Scaled `toml:"max_position_qty" min:"1"`
	// MaxDrawdownBps from the peak of equity; a breach quarantines until it is acknowledged.
	MaxDrawdownBps int64 `toml:"max_drawdown_bps" default:"200" min:"1" max:"10000"`
	// EmergencySlippageBps is the limit of a forced exit below the last good price.
	EmergencySlippageBps int64 `toml:"emergency_slippage_bps" default:"200" min:"0" max:"5000"`
}

// QuarantineTable is [quarantine].
type QuarantineTable struct {
	// Release: auto after daemon.quarantine_clear_ticks clean ticks, manual on acknowledgement.
	Release string `toml:"release" default:"auto" oneof:"auto manual"`
}

// LedgerTable is [ledger].
type LedgerTable struct {
	// SnapshotTicks between two snapshots.
	SnapshotTicks int64 `toml:"snapshot_ticks" default:"1000" min:"10" max:"1000000"`
	// SegmentBytes after which a segment is sealed and the next one begun.
	SegmentBytes int64 `toml:"segment_bytes" default:"4194304" min:"65536" max:"1073741824"`
	// RetentionHours: sealed segments whose records are all older are deleted, as far as Anchor covers them; 0 keeps everything. The tree's hashes stay, so
	// proofs of what is kept go on. In a pod it is left out: there spec.ledger.retention reaches the daemon without a new start of it.
	RetentionHours int64 `toml:"retention_hours,omitempty" default:"0" min:"0" max:"87600"`
	// Anchor is a copy of the ledger's file checkpoint that is kept elsewhere than paths.ledger_dir: newer ones are put in its place by whoever keeps it,
	// and it is read at each pruning. What it does not cover is not deleted.
	Anchor string `toml:"anchor,omitempty" form:"path"`
}

// ReportTable is [report].
type ReportTable struct {
	// IntervalMS between two reports; changes of health and quarantine are reported at once.
	IntervalMS int64 `toml:"interval_ms" default:"10000" min:"1000" max:"300000"`
	// LeaseDurationMS: past it, counted from the send time of the last renewal, nothing leaves the daemon.
	LeaseDurationMS int64 `toml:"lease_duration_ms" default:"30000" min:"5000" max:"600000"`
	// OnLeaseRisk: exit sells while the Lease still holds, hold keeps the position.
	OnLeaseRisk string `toml:"on_lease_risk" default:"exit" oneof:"exit hold"`
	// Listen is the address of the HTTP server.
	Listen string `toml:"listen" default:"127.0.0.1:8080" form:"listen"`
}

// LogTable is [log].
type LogTable struct {
	// Level: debug shows each tick's facts.
	Level string `toml:"level" default:"info" oneof:"debug info warn error"`
}

// DefaultFile returns the defaults: what a file says that sets economics.trade_qty (0 here: there is no default) and nothing else. Start
// from it to write a File, so that no key is left at a zero that was not meant.
func DefaultFile() File {
	var f File
	newReader("", nil, nil).fillDefaults(&f)
	return f
}

// Marshal writes f as TOML, all keys, in the order of File: the same File gives the same bytes.
func Marshal(f File) ([]byte, error) {
	var out bytes.Buffer
	if err := toml.NewEncoder(&out).Encode(f); err != nil {
		return nil, fmt.Errorf("write the configuration as TOML: %w", err)
	}
	return out.Bytes(), nil
}
