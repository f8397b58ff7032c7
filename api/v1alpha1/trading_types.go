package v1alpha1

// Decimal is an exact decimal number: an optional minus sign, up to nine digits, and up to nine more after a point. It is read as a
// signed 64-bit count of 1e-9 units, never as a float.
//
// +kubebuilder:validation:MaxLength=20
// +kubebuilder:validation:Pattern=`^-?[0-9]{1,9}(\.[0-9]{1,9})?$`
type Decimal string

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
