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
