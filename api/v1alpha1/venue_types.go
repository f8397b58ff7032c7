package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VenueSpec is where orders go: exactly one kind.
//
// +kubebuilder:validation:XValidation:rule="[has(self.paper), has(self.kraken), has(self.uniswapV2)].exists_one(x, x)",message="exactly one of paper, kraken, uniswapV2 is expected"
// +kubebuilder:validation:XValidation:rule="has(self.paper) == has(oldSelf.paper) && has(self.kraken) == has(oldSelf.kraken) && has(self.uniswapV2) == has(oldSelf.uniswapV2)",message="the kind of venue is immutable: the ledger's position is held there; make another TauDaemon"
type VenueSpec struct {
	// paper is the simulated venue inside the daemon; mode Paper needs it.
	// +optional
	Paper *PaperVenue `json:"paper,omitempty"`

	// kraken is the spot market of the exchange Kraken; mode Live.
	// +optional
	Kraken *KrakenVenue `json:"kraken,omitempty"`

	// uniswapV2 is a pair of a Uniswap V2 router on an EVM chain; mode Live.
	// +optional
	UniswapV2 *UniswapV2Venue `json:"uniswapV2,omitempty"`
}

// PaperVenue is a simulated venue: it fills at the tick's median price, moved by slippageBps against the order, and takes the fees of economics.
// Shares of the orders can be made to go wrong, always in the same way for the same seed and order.
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

	// seed of what happens to orders: the same seed does the same to an order of the same id.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	Seed int64 `json:"seed,omitempty"`

	// latency until an order is carried out; until then it is pending.
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('10m')",message="must be a duration from 0s to 10m in whole milliseconds, such as 250ms, 1.5s or 2m"
	// +optional
	Latency metav1.Duration `json:"latency,omitzero"`

	// partialBps: the share of orders that are filled in part, or in two parts, in basis points.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	PartialBps int32 `json:"partialBps,omitempty"`

	// rejectBps: the share of orders that are refused, in basis points.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	RejectBps int32 `json:"rejectBps,omitempty"`

	// ambiguousBps: the share of orders that are answered ambiguously, in basis points: the reply is lost, the order is lost, or it comes late. An
	// ambiguous order ends in a quarantine that a person must release.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	AmbiguousBps int32 `json:"ambiguousBps,omitempty"`
}

// KrakenVenue is the spot market of the exchange Kraken. Its account must be this agent's alone: the dead man's switch cancels every order of
// the account. Nothing can be burned there, so economics.burnShareBps must be 0.
//
// +kubebuilder:validation:XValidation:rule="self.url == oldSelf.url && self.pair == oldSelf.pair && self.baseAsset == oldSelf.baseAsset && self.quoteAsset == oldSelf.quoteAsset && self.secretRef.name == oldSelf.secretRef.name",message="url, pair, baseAsset, quoteAsset and secretRef.name are immutable: the ledger's position is held there; make another TauDaemon"
type KrakenVenue struct {
	// url of the REST interface, without a path; https.
	// +kubebuilder:default="https://api.kraken.com"
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^https?://[^\s/?#@]+$`
	// +kubebuilder:validation:XValidation:rule="self.startsWith('https://')",message="must be https: credentials travel with every request"
	// +optional
	URL string `json:"url,omitempty"`

	// pair as the exchange's requests name it, such as XETHZUSD.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]{1,32}$`
	Pair string `json:"pair"`

	// baseAsset is the asset code of what is traded, as the exchange's balances name it, such as XETH.
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.]{1,16}$`
	BaseAsset string `json:"baseAsset"`

	// quoteAsset is the asset code of what it is paid with, such as ZUSD.
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.]{1,16}$`
	QuoteAsset string `json:"quoteAsset"`

	// quantityDecimals that an order's quantity may have: lot_decimals in the exchange's list of pairs. tradeQuantity must be a multiple.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9
	QuantityDecimals int32 `json:"quantityDecimals"`

	// priceDecimals that an order's price may have: pair_decimals in the exchange's list of pairs.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9
	PriceDecimals int32 `json:"priceDecimals"`

	// deadMan: the time after which the exchange cancels all orders of the account by itself if the daemon does not renew; 0s switches it off.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('10m')",message="must be a duration of at most 10m in whole milliseconds, such as 30s or 1.5m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') || duration(self) == duration('0s') || !(duration(self) < duration('10s'))",message="must be 0s (off) or at least 10s: it must outlive a late tick"
	// +optional
	DeadMan *metav1.Duration `json:"deadMan,omitempty"`

	// secretRef names the Secret that holds the credentials.
	SecretRef KrakenSecretReference `json:"secretRef"`
}

// KrakenSecretReference names a Secret in the resource's namespace. The operator cannot read it: the kubelet mounts it into the pod, and updates
// it there, and the daemon reads it again when it changes.
type KrakenSecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// apiKey: the Secret's key that holds the API key.
	// +kubebuilder:default=api-key
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	APIKey string `json:"apiKey,omitempty"`

	// privateKey: the Secret's key that holds the private key, in base64 as the exchange gives it.
	// +kubebuilder:default=private-key
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	PrivateKey string `json:"privateKey,omitempty"`
}

// UniswapV2Venue is a pair of a Uniswap V2 router on an EVM chain. The account must be this agent's alone: it numbers the transactions.
//
// +kubebuilder:validation:XValidation:rule="self.chainID == oldSelf.chainID && self.account == oldSelf.account && self.base == oldSelf.base && self.quote == oldSelf.quote",message="chainID, account, base and quote are immutable: the ledger's position is held there; make another TauDaemon"
// +kubebuilder:validation:XValidation:rule="has(self.rpcURL) != has(self.secretRef.rpcURL)",fieldPath=".rpcURL",message="expected exactly one of rpcURL and secretRef.rpcURL"
// +kubebuilder:validation:XValidation:rule="self.base.lowerAscii() != self.quote.lowerAscii()",fieldPath=".quote",message="must be another token than base"
type UniswapV2Venue struct {
	// rpcURL of the node's JSON-RPC. A URL that carries a key belongs in the Secret: secretRef.rpcURL.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +optional
	RPCURL string `json:"rpcURL,omitempty"`

	// chainID of the chain; a node of another one is refused.
	// +kubebuilder:validation:Minimum=1
	ChainID int64 `json:"chainID"`

	// router is the address of the Uniswap V2 router contract.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Router string `json:"router"`

	// base is the address of the token that is traded.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Base string `json:"base"`

	// quote is the address of the token that it is paid with.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Quote string `json:"quote"`

	// account is the address that trades; it must be the key's.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	Account string `json:"account"`

	// confirmations after which a receipt is final, in blocks.
	// +kubebuilder:default=12
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	// +optional
	Confirmations int32 `json:"confirmations,omitempty"`

	// gasMarginBps is added to the node's estimate, in basis points; estimates have been seen to be too low by more than half.
	// +kubebuilder:default=15000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	// +optional
	GasMarginBps *int32 `json:"gasMarginBps,omitempty"`

	// maxGasPriceGwei is the cap of a gas price: above it nothing is sent.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	MaxGasPriceGwei int32 `json:"maxGasPriceGwei,omitempty"`

	// nativePrice is one native coin in quote units, to book gas. 0: base is the wrapped native coin, and the order's reference price counts.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-')",message="must not be negative"
	// +optional
	NativePrice Decimal `json:"nativePrice,omitempty"`

	// burnAddress is where a burn is sent; without it the quote token's own burn function is called.
	// +kubebuilder:validation:MaxLength=42
	// +kubebuilder:validation:Pattern=`^0x[0-9a-fA-F]{40}$`
	// +optional
	BurnAddress string `json:"burnAddress,omitempty"`

	// secretRef names the Secret that holds the account's key.
	SecretRef UniswapV2SecretReference `json:"secretRef"`
}

// UniswapV2SecretReference names a Secret in the resource's namespace. The operator cannot read it: the kubelet mounts it into the pod.
type UniswapV2SecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// key: the Secret's key that holds the private key in hex, or an encrypted keystore.
	// +kubebuilder:default=key
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`

	// password: the Secret's key that holds the keystore's password; needed with a keystore only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Password string `json:"password,omitempty"`

	// rpcURL: the Secret's key that holds the URL of the node's JSON-RPC, instead of venue.uniswapV2.rpcURL.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	RPCURL string `json:"rpcURL,omitempty"`
}
