package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

	// maxMoveBps of the median since the last tick that had a quorum, in basis points; 0 switches the limit off. A move beyond it is an anomaly,
	// and that tick's median is not used.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	MaxMoveBps int32 `json:"maxMoveBps,omitempty"`

	// maxSkew between the daemon's clock and those of the sources' servers and the venue; 0s switches the gate off. Servers state whole
	// seconds, so only what is beyond it by more than that second is seen.
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="must be a duration from 0s to 1h in whole milliseconds, such as 250ms, 1.5s or 2m"
	// +optional
	MaxSkew metav1.Duration `json:"maxSkew,omitzero"`

	// sources of the price, with unique names.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	Sources []OracleSource `json:"sources"`
}

// OracleSource is one source of the price: exactly one of chainlink, http, pyth, replay, simulated, uniswapV2.
//
// +kubebuilder:validation:XValidation:rule="[has(self.chainlink), has(self.http), has(self.pyth), has(self.replay), has(self.simulated), has(self.uniswapV2)].exists_one(x, x)",messageExpression="'source ' + self.name + ': exactly one of chainlink, http, pyth, replay, simulated, uniswapV2 is expected'"
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

	// chainlink reads a feed of the Chainlink network from its contract on an EVM chain.
	// +optional
	Chainlink *ChainlinkSource `json:"chainlink,omitempty"`

	// http polls a JSON document.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`

	// pyth asks a Hermes server for a feed of the Pyth network.
	// +optional
	Pyth *PythSource `json:"pyth,omitempty"`

	// replay plays a recorded series that the image ships.
	// +optional
	Replay *ReplaySource `json:"replay,omitempty"`

	// simulated is a seeded random walk. It is not a market.
	// +optional
	Simulated *SimulatedSource `json:"simulated,omitempty"`

	// uniswapV2 reads the spot price of a Uniswap V2 pair on an EVM chain. It can be moved by whoever pays for it: one of a quorum, never alone.
	// +optional
	UniswapV2 *UniswapV2Source `json:"uniswapV2,omitempty"`
}

// ChainlinkSource reads a feed of the Chainlink network from its contract on an EVM chain.
//
// +kubebuilder:validation:XValidation:rule="has(self.rpcURL) != has(self.rpcSecretRef)",fieldPath=".rpcURL",message="expected exactly one of rpcURL and rpcSecretRef"
type ChainlinkSource struct {
	// rpcURL of the node's JSON-RPC. A URL that carries a key belongs in a Secret: rpcSecretRef.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +optional
	RPCURL string `json:"rpcURL,omitempty"`

	// rpcSecretRef names the Secret that holds the URL instead.
	// +optional
	RPCSecretRef *RPCSecretReference `json:"rpcSecretRef,omitempty"`

	// chainID of the chain; a node of another one is refused.
	// +kubebuilder:validation:Minimum=1
	ChainID int64 `json:"chainID"`

	// feed is the address of the feed's proxy contract.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Feed string `json:"feed"`

	// decimals that the feed's answers must have; those of the first answer if absent.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=18
	// +optional
	Decimals *int32 `json:"decimals,omitempty"`
}

// UniswapV2Source reads the spot price of a Uniswap V2 pair on an EVM chain.
//
// +kubebuilder:validation:XValidation:rule="has(self.rpcURL) != has(self.rpcSecretRef)",fieldPath=".rpcURL",message="expected exactly one of rpcURL and rpcSecretRef"
type UniswapV2Source struct {
	// rpcURL of the node's JSON-RPC. A URL that carries a key belongs in a Secret: rpcSecretRef.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +optional
	RPCURL string `json:"rpcURL,omitempty"`

	// rpcSecretRef names the Secret that holds the URL instead.
	// +optional
	RPCSecretRef *RPCSecretReference `json:"rpcSecretRef,omitempty"`

	// chainID of the chain; a node of another one is refused.
	// +kubebuilder:validation:Minimum=1
	ChainID int64 `json:"chainID"`

	// pair is the address of the pair's contract.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Pair string `json:"pair"`

	// base is the address of the token whose price it is.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Base string `json:"base"`

	// minReserve of the other token that the pair must have: the less there is, the cheaper the price is moved. 0 if absent.
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must not be negative"
	// +optional
	MinReserve Decimal `json:"minReserve,omitempty"`
}

// RPCSecretReference names a Secret in the resource's namespace that holds the URL of a node's JSON-RPC. The operator cannot read it: the kubelet
// mounts it into the pod, and updates it there, and the daemon reads it again when it changes.
type RPCSecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// rpcURL: the Secret's key that holds the URL; rpc-url if absent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	RPCURL string `json:"rpcURL,omitempty"`
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

// PythUpdates says how the prices of a feed come.
//
// +kubebuilder:validation:Enum=Poll;Stream
type PythUpdates string

const (
	// PythPoll asks at every tick.
	PythPoll PythUpdates = "Poll"
	// PythStream keeps a connection on which the server sends every price.
	PythStream PythUpdates = "Stream"
)

// PythSource asks a Hermes server for a feed of the Pyth network.
//
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || self.url.startsWith('https://')",fieldPath=".url",message="must be https with secretRef: the token travels with every request"
type PythSource struct {
	// url of the Hermes server, http or https, without the path of its interface.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	URL string `json:"url"`

	// feed: the price feed's ID, 64 hex digits, with or without 0x before them.
	// +kubebuilder:validation:MaxLength=66
	// +kubebuilder:validation:Pattern=`^(0x)?[0-9a-fA-F]{64}$`
	Feed string `json:"feed"`

	// maxConfidenceBps: a price whose confidence interval is wider, to either side and in basis points of the price, is refused; 50 if absent.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5000
	// +optional
	MaxConfidenceBps *int32 `json:"maxConfidenceBps,omitempty"`

	// updates: Poll asks at every tick, Stream keeps a connection on which the server sends every price; Poll if absent.
	// +optional
	Updates PythUpdates `json:"updates,omitempty"`

	// secretRef names the Secret that holds the access token, if the server wants one.
	// +optional
	SecretRef *PythSecretReference `json:"secretRef,omitempty"`
}

// PythSecretReference names a Secret in the resource's namespace. The operator cannot read it: the kubelet mounts it into the pod, and updates
// it there, and the daemon reads it at every request.
type PythSecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// token: the Secret's key that holds the access token; token if absent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Token string `json:"token,omitempty"`
}

// ReplayTimes says by what a recording moves on.
//
// +kubebuilder:validation:Enum=Stepped;Recorded
type ReplayTimes string

const (
	// ReplayStepped plays one row a tick, published at the tick: what it shows is never stale.
	ReplayStepped ReplayTimes = "Stepped"
	// ReplayRecorded plays the row that is due on the clock, published at its own time: it grows old as it did when it was recorded.
	ReplayRecorded ReplayTimes = "Recorded"
)

// ReplaySource plays a recorded series. It is a recording, and for paper trading only.
//
// +kubebuilder:validation:XValidation:rule="!has(self.offset) || self.offset == 0 || !has(self.times) || self.times != 'Recorded'",fieldPath=".offset",message="counts ticks, and times is Recorded: leave it out"
type ReplaySource struct {
	// series is the name of a series that the image ships.
	// +kubebuilder:validation:Enum=sp500-daily
	Series string `json:"series"`

	// times: Stepped plays one row a tick, tick n row (offset + n) modulo the series' length, published at the tick. Recorded plays the row that
	// is due on the clock, published at its own time, so that after its end it is stale. Stepped if absent.
	// +optional
	Times ReplayTimes `json:"times,omitempty"`

	// offset: the row of tick 0, with times Stepped.
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
