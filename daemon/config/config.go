package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Config is a validated configuration: what the daemon runs on. All paths are absolute if the file's name was.
type Config struct {
	// Name of the agent, used in the ledger's origin.
	Name string
	// Mode of the agent.
	Mode Mode

	Tick       Tick
	Quarantine Quarantine
	Engine     Engine
	Paths      Paths
	Oracle     Oracle
	Economics  Economics
	Signal     Signal
	Cooldown   Cooldown
	Risk       Risk
	Venue      Venue
	Ledger     Ledger
	Report     Report
	Log        Log

	// Digest is the SHA-256 of the file's bytes, in lower-case hex.
	Digest string
	// Written is the file with its defaults filled in.
	Written File
	// Warnings are what a person should know and the daemon can live with, one line each.
	Warnings []string

	file  string
	lines lineIndex
	given map[string]bool
}

// Mode says whether orders are simulated or real.
type Mode string

const (
	// ModePaper trades on the simulated paper venue only.
	ModePaper Mode = "paper"
	// ModeLive trades on a real venue only, with its credentials, and on prices of a real market only.
	ModeLive Mode = "live"
)

// Release says how a quarantine ends.
type Release string

const (
	// ReleaseAuto ends a quarantine after ClearTicks clean ticks in a row, unless its reason is one that is always manual.
	ReleaseAuto Release = "auto"
	// ReleaseManual ends a quarantine when its incident is acknowledged.
	ReleaseManual Release = "manual"
)

// EngineType says what runs the specs.
type EngineType string

const (
	// EngineAuto is the Tau binary at Paths.TauBin if it is there, else the embedded engine.
	EngineAuto EngineType = "auto"
	// EngineEmbedded is the daemon's own evaluator.
	EngineEmbedded EngineType = "embedded"
	// EngineTau is the Tau binary.
	EngineTau EngineType = "tau"
	// EngineBoth is the Tau binary, shadowed by the embedded engine.
	EngineBoth EngineType = "both"
)

// LeaseRisk says what the daemon does with a position while its Lease's margin is thin.
type LeaseRisk string

const (
	// LeaseRiskExit sells while the Lease still holds.
	LeaseRiskExit LeaseRisk = "exit"
	// LeaseRiskHold keeps the position and takes on nothing new.
	LeaseRiskHold LeaseRisk = "hold"
)

// Tick is the beat of the daemon.
type Tick struct {
	// Interval between the starts of two ticks, 50 ms to 24 h.
	Interval time.Duration
	// Deadline of one tick, gather to commit, 10 ms to 10 min.
	Deadline time.Duration
	// FailHoldTicks: for how many ticks after an anomaly the failure echo is held, 2 to 63.
	FailHoldTicks int64
}

// Quarantine says how a quarantine ends.
type Quarantine struct {
	// ClearTicks: clean ticks in a row that end an auto quarantine, 1 to 100000.
	ClearTicks int64
	// Release is auto or manual.
	Release Release
}

// Engine says what runs the specs.
type Engine struct {
	Type EngineType
	// FileProtocol: one process of the binary a tick, on files; else one a spec, over pipes.
	FileProtocol bool
	// KernelOnly: the binary runs the kernel alone, the embedded engine the rest.
	KernelOnly bool
	// StartDeadline of the binary, 1 s to 2 min.
	StartDeadline time.Duration
}

// Paths of files and folders. TauBin may be empty or not there; the kernel's folders, DataDir and LedgerDir are created where missing.
type Paths struct {
	TauBin, KernelSpec, KernelInputs, KernelOutputs, SpecsRoot, DataDir, LedgerDir string
}

// Oracle says where prices come from and when they count as fresh.
type Oracle struct {
	// MinQuorum: how many fresh sources must lie within ToleranceBps of their median, 1 to the number of Sources.
	MinQuorum int64
	// ToleranceBps around the median, 1 to 5000.
	ToleranceBps int64
	// MaxMoveBps of the median from one tick to the next, 0 to 100000; 0 is no limit.
	MaxMoveBps int64
	// MaxSkew between our clock and the servers', 0 to 1 h; 0 is no limit.
	MaxSkew time.Duration
	// Sources of the price, 1 to 16, in the configured order, with unique names.
	Sources []Source
}

// Source is one source of the price: exactly one of its kinds is set.
type Source struct {
	// Name of the source.
	Name string
	// MaxAge of its publish time, above 0.
	MaxAge time.Duration

	HTTP      *HTTPSource
	Pyth      *PythSource
	Chainlink *ChainlinkSource
	UniswapV2 *UniswapV2Source
	Replay    *ReplaySource
	Simulated *SimulatedSource
}

// Kind of the source: one of SourceKinds.
func (s Source) Kind() string {
	switch {
	case s.HTTP != nil:
		return "http"
	case s.Pyth != nil:
		return "pyth"
	case s.Chainlink != nil:
		return "chainlink"
	case s.UniswapV2 != nil:
		return "uniswap_v2"
	case s.Replay != nil:
		return "replay"
	}
	return "simulated"
}

// HTTPSource polls a JSON document at every tick. Time and Volume may be empty.
type HTTPSource struct {
	URL, Price, Time, Volume string
}

// PythSource asks a Hermes server for a feed of the Pyth network.
type PythSource struct {
	// URL of the server.
	URL string
	// Feed is the feed's ID: 64 hex digits, in lower case.
	Feed string
	// MaxConfidenceBps of the price to either side, 1 to 5000.
	MaxConfidenceBps int64
	// TokenFile holds the token that the server wants; empty for none.
	TokenFile string
	// Stream: the server sends the prices; else every tick asks.
	Stream bool
}

// ChainlinkSource reads a feed of the Chainlink network from its contract, over an EVM node's JSON-RPC.
type ChainlinkSource struct {
	// RPCURL of the node, or RPCURLFile that holds it.
	RPCURL, RPCURLFile string
	// ChainID of the chain, above 0.
	ChainID int64
	// Feed is the address of the feed's proxy contract.
	Feed string
	// Decimals that the feed's answers must have, 0 to 18; nil: those of the first answer.
	Decimals *int64
}

// UniswapV2Source reads the spot price of a Uniswap V2 pair, over an EVM node's JSON-RPC.
type UniswapV2Source struct {
	// RPCURL of the node, or RPCURLFile that holds it.
	RPCURL, RPCURLFile string
	// ChainID of the chain, above 0.
	ChainID int64
	// Pair is the pair's address, Base that of the token whose price it is.
	Pair, Base string
	// MinReserve of the other token that the pair must have, at least 0.
	MinReserve fixed.Value
}

// ReplaySource plays a recorded series. Exactly one of Series and File is set.
type ReplaySource struct {
	Series, File string
	// Recorded: the row that is due on the clock, published at its own time. Else tick n reads row (Offset + n) modulo the series' length.
	Recorded bool
	Offset   int64
	// BeginMS is when the first row is due, in Unix milliseconds; 0 is at its own time.
	BeginMS int64
}

// SimulatedSource is a seeded random walk. It is not a market.
type SimulatedSource struct {
	// Seed of the walk, at least 0: sources of one seed, start and step walk together.
	Seed int64
	// Start is the price at tick 0, above 0.
	Start fixed.Value
	// StepBps is the largest move of one tick, 0 to 1000.
	StepBps int64
}

// Economics is the size and the costs of a trade. Bps are basis points of a notional, 0 to 5000 unless said otherwise.
type Economics struct {
	FeeBpsBuy, FeeBpsSell, SlippageBpsLimit int64
	// GasUnitCost of one order, in quote units, at least 0.
	GasUnitCost fixed.Value
	// TradeQty of one buy, in base units, above 0.
	TradeQty fixed.Value
	// MinProfit that selling everything now must exceed, in quote units.
	MinProfit fixed.Value
	// BurnShareBps of a realised profit is burned, 0 to 10000.
	BurnShareBps int64
}

// Signal turns prices into the market bits of the kernel; windows are in ticks, 1 to 1024.
type Signal struct {
	BandWindow int64
	// BandBps below the mean, -5000 to 5000.
	BandBps int64
	// TargetBps above the entry price, 0 to 100000.
	TargetBps int64
	// TrendWindow may be 0: the trend is always up.
	TrendWindow  int64
	VolumeWindow int64
	// MinVolume may be 0: volume is always high.
	MinVolume fixed.Value
}

// Cooldown blocks entries after a sell.
type Cooldown struct {
	Enabled bool
	// Ticks after a sell, 0 to 1023.
	Ticks int64
}

// Risk limits the position.
type Risk struct {
	// MaxPositionTicks since the fill, 1 to 1000000.
	MaxPositionTicks int64
	// MaxPositionQty in base units, above 0.
	MaxPositionQty fixed.Value
	// MaxDrawdownBps from the peak of equity, 1 to 10000.
	MaxDrawdownBps int64
	// EmergencySlippageBps is the limit of a forced exit, 0 to 5000.
	EmergencySlippageBps int64
}

// Venue is where orders go: the paper venue, or where one of the others is set, that one.
type Venue struct {
	// Paper has its defaults where one of the others is set: a backtest of a live configuration trades on it.
	Paper     PaperVenue
	Kraken    *KrakenVenue
	UniswapV2 *UniswapV2Venue
}

// Kind of the venue: paper, kraken or uniswap_v2.
func (v Venue) Kind() string {
	switch {
	case v.Kraken != nil:
		return "kraken"
	case v.UniswapV2 != nil:
		return "uniswap_v2"
	}
	return "paper"
}

// Market names what a ledger's position is held at and in: the account, as far as the configuration tells, and what is traded. Empty on paper.
func (v Venue) Market() string {
	switch {
	case v.Kraken != nil:
		k := v.Kraken
		return fmt.Sprintf("kraken %s %s %s/%s", k.URL, k.Pair, k.BaseAsset, k.QuoteAsset)
	case v.UniswapV2 != nil:
		u := v.UniswapV2
		return strings.ToLower(fmt.Sprintf("uniswap_v2 chain %d account %s %s/%s", u.ChainID, u.Account, u.Base, u.Quote))
	}
	return ""
}

// KrakenVenue is the spot market of the exchange Kraken, over its REST interface.
type KrakenVenue struct {
	// URL of the interface, without a path.
	URL string
	// Pair as the exchange's requests name it, such as XETHZUSD, and the asset codes of its two sides as the balances name them.
	Pair, BaseAsset, QuoteAsset string
	// QuantityDecimals and PriceDecimals that an order may have, 0 to 9.
	QuantityDecimals, PriceDecimals int64
	// KeyFile and SecretFile hold the API key and the private key (base64).
	KeyFile, SecretFile string
	// DeadMan is the time after which the exchange cancels our live orders by itself if it is not renewed, 0 (off) or 10 s to 10 min.
	DeadMan time.Duration
}

// UniswapV2Venue is a pair of a Uniswap V2 router on an EVM chain, over JSON-RPC.
type UniswapV2Venue struct {
	// RPCURL of the node, read from its file where one was configured, since a URL may carry a key.
	RPCURL, RPCURLFile string
	// ChainID of the chain, above 0; the node must be of it.
	ChainID int64
	// Router, Base and Quote token, and Account are addresses ("0x" and 40 hex digits). Account must be the key's.
	Router, Base, Quote, Account string
	// KeyFile is a private key in hex, or an encrypted keystore file with PasswordFile.
	KeyFile, PasswordFile string
	// Confirmations after which a receipt is final, 1 to 256.
	Confirmations int64
	// GasMarginBps is added to the node's estimate, 0 to 50000; MaxGasPriceGwei is the cap of a gas price, 1 to 100000.
	GasMarginBps, MaxGasPriceGwei int64
	// NativePrice is one native coin in quote units, to book gas; 0: base is the wrapped native coin, and the order's reference price counts.
	NativePrice fixed.Value
	// BurnAddress is where a burn is sent; empty: the quote token's own burn function.
	BurnAddress string
}

// PaperVenue is the simulated venue inside the daemon.
type PaperVenue struct {
	// QuoteBalance at the ledger's first boot, in quote units, at least 0.
	QuoteBalance fixed.Value
	// SlippageBps by which each fill is worse than the median, 0 to 5000.
	SlippageBps int64
	// Seed of what happens to orders, at least 0.
	Seed int64
	// Latency until an order is carried out, 0 to 10 min.
	Latency time.Duration
	// PartialBps, RejectBps and AmbiguousBps are the shares of orders that are filled in parts, refused, answered ambiguously; 0 to 10000 each.
	PartialBps, RejectBps, AmbiguousBps int64
}

// Ledger keeps the record of every tick.
type Ledger struct {
	// SnapshotTicks between two snapshots, 10 to 1000000.
	SnapshotTicks int64
	// SegmentBytes after which a segment is sealed, 64 KiB to 1 GiB.
	SegmentBytes int64
	// Retention: sealed segments whose records are all older may go, 1 h to 10 years; 0 keeps everything.
	Retention time.Duration
	// Anchor is the file with a checkpoint that is kept outside the ledger: only what it covers goes. Empty with a Retention of 0.
	Anchor string
}

// Report says how the daemon reports, and how it holds its Lease.
type Report struct {
	// Interval between two reports, 1 s to 5 min, at most half of LeaseDuration.
	Interval time.Duration
	// LeaseDuration, 5 s to 10 min, at least four tick deadlines: two tries of an exit must fit into half of it.
	LeaseDuration time.Duration
	OnLeaseRisk   LeaseRisk
	// Listen is the address of the HTTP server.
	Listen string
}

// Log is the daemon's log.
type Log struct {
	// Level is debug, info, warn or error.
	Level string
}
