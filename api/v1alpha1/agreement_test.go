package v1alpha1_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/daemon/config"
)

// agreed pairs each key of taud.toml with the field of the resource that it is rendered from, under spec.
var agreed = map[string]string{
	"daemon.mode":                            "mode",
	"daemon.tick_period_ms":                  "tick.deadline",
	"daemon.quarantine_clear_ticks":          "quarantine.clearTicks",
	"tick.interval_ms":                       "tick.interval",
	"tick.fail_hold_ticks":                   "tick.failHoldTicks",
	"oracle.max_age_ms":                      "oracle.maxAge",
	"oracle.min_quorum":                      "oracle.minQuorum",
	"oracle.tolerance_bps":                   "oracle.toleranceBps",
	"oracle.max_move_bps":                    "oracle.maxMoveBps",
	"oracle.max_skew_ms":                     "oracle.maxSkew",
	"oracle.sources":                         "oracle.sources",
	"oracle.sources.name":                    "oracle.sources.name",
	"oracle.sources.max_age_ms":              "oracle.sources.maxAge",
	"oracle.sources.http.url":                "oracle.sources.http.url",
	"oracle.sources.http.price":              "oracle.sources.http.price",
	"oracle.sources.http.time":               "oracle.sources.http.time",
	"oracle.sources.http.volume":             "oracle.sources.http.volume",
	"oracle.sources.pyth.url":                "oracle.sources.pyth.url",
	"oracle.sources.pyth.feed":               "oracle.sources.pyth.feed",
	"oracle.sources.pyth.max_confidence_bps": "oracle.sources.pyth.maxConfidenceBps",
	"oracle.sources.pyth.updates":            "oracle.sources.pyth.updates",
	"oracle.sources.chainlink.rpc_url":       "oracle.sources.chainlink.rpcURL",
	"oracle.sources.chainlink.chain_id":      "oracle.sources.chainlink.chainID",
	"oracle.sources.chainlink.feed":          "oracle.sources.chainlink.feed",
	"oracle.sources.chainlink.decimals":      "oracle.sources.chainlink.decimals",
	"oracle.sources.uniswap_v2.rpc_url":      "oracle.sources.uniswapV2.rpcURL",
	"oracle.sources.uniswap_v2.chain_id":     "oracle.sources.uniswapV2.chainID",
	"oracle.sources.uniswap_v2.pair":         "oracle.sources.uniswapV2.pair",
	"oracle.sources.uniswap_v2.base":         "oracle.sources.uniswapV2.base",
	"oracle.sources.uniswap_v2.min_reserve":  "oracle.sources.uniswapV2.minReserve",
	"oracle.sources.replay.series":           "oracle.sources.replay.series",
	"oracle.sources.replay.times":            "oracle.sources.replay.times",
	"oracle.sources.replay.offset":           "oracle.sources.replay.offset",
	"oracle.sources.simulated.seed":          "oracle.sources.simulated.seed",
	"oracle.sources.simulated.start":         "oracle.sources.simulated.start",
	"oracle.sources.simulated.step_bps":      "oracle.sources.simulated.stepBps",
	"economics.fee_bps_buy":                  "economics.feeBpsBuy",
	"economics.fee_bps_sell":                 "economics.feeBpsSell",
	"economics.slippage_bps_limit":           "economics.slippageBpsLimit",
	"economics.gas_unit_cost":                "economics.gasUnitCost",
	"economics.trade_qty":                    "economics.tradeQuantity",
	"economics.min_profit":                   "economics.minProfit",
	"economics.burn_share_bps":               "economics.burnShareBps",
	"signal.band_window":                     "signal.bandWindow",
	"signal.band_bps":                        "signal.bandBps",
	"signal.target_bps":                      "signal.targetBps",
	"signal.trend_window":                    "signal.trendWindow",
	"signal.volume_window":                   "signal.volumeWindow",
	"signal.min_volume":                      "signal.minVolume",
	"cooldown.enabled":                       "cooldown.enabled",
	"cooldown.ticks":                         "cooldown.ticks",
	"risk.max_position_ticks":                "risk.maxPositionTicks",
	"risk.max_position_qty":                  "risk.maxPositionQuantity",
	"risk.max_drawdown_bps":                  "risk.maxDrawdownBps",
	"risk.emergency_slippage_bps":            "risk.emergencySlippageBps",
	"engine.protocol":                        "engine.tau.protocol",
	"engine.specs":                           "engine.tau.runs",
	"quarantine.release":                     "quarantine.release",
	"venue.paper.quote_balance":              "venue.paper.quoteBalance",
	"venue.paper.slippage_bps":               "venue.paper.slippageBps",

	"venue.paper.seed":                    "venue.paper.seed",
	"venue.paper.latency_ms":              "venue.paper.latency",
	"venue.paper.partial_bps":             "venue.paper.partialBps",
	"venue.paper.reject_bps":              "venue.paper.rejectBps",
	"venue.paper.ambiguous_bps":           "venue.paper.ambiguousBps",
	"venue.kraken.url":                    "venue.kraken.url",
	"venue.kraken.pair":                   "venue.kraken.pair",
	"venue.kraken.base_asset":             "venue.kraken.baseAsset",
	"venue.kraken.quote_asset":            "venue.kraken.quoteAsset",
	"venue.kraken.quantity_decimals":      "venue.kraken.quantityDecimals",
	"venue.kraken.price_decimals":         "venue.kraken.priceDecimals",
	"venue.kraken.dead_man_ms":            "venue.kraken.deadMan",
	"venue.uniswap_v2.rpc_url":            "venue.uniswapV2.rpcURL",
	"venue.uniswap_v2.chain_id":           "venue.uniswapV2.chainID",
	"venue.uniswap_v2.router":             "venue.uniswapV2.router",
	"venue.uniswap_v2.base":               "venue.uniswapV2.base",
	"venue.uniswap_v2.quote":              "venue.uniswapV2.quote",
	"venue.uniswap_v2.account":            "venue.uniswapV2.account",
	"venue.uniswap_v2.confirmations":      "venue.uniswapV2.confirmations",
	"venue.uniswap_v2.gas_margin_bps":     "venue.uniswapV2.gasMarginBps",
	"venue.uniswap_v2.max_gas_price_gwei": "venue.uniswapV2.maxGasPriceGwei",
	"venue.uniswap_v2.native_price":       "venue.uniswapV2.nativePrice",
	"venue.uniswap_v2.burn_address":       "venue.uniswapV2.burnAddress",

	"ledger.snapshot_ticks":    "ledger.snapshotTicks",
	"report.interval_ms":       "report.interval",
	"report.lease_duration_ms": "report.leaseDuration",
	"report.on_lease_risk":     "report.onLeaseRisk",
	"log.level":                "log.level",
}

// outside are the keys of taud.toml that no field of the resource sets: the operator chooses them.
var outside = []string{
	"daemon.name", "paths.tau_bin", "paths.kernel_spec", "paths.kernel_inputs", "paths.kernel_outputs", "paths.specs_root", "paths.data_dir", "paths.ledger_dir",
	"engine.type", "engine.start_deadline_ms", "oracle.sources.replay.file", "oracle.sources.replay.begin_ms", "oracle.sources.pyth.token_file",
	"oracle.sources.chainlink.rpc_url_file", "oracle.sources.uniswap_v2.rpc_url_file", "economics.scale", "ledger.segment_bytes", "report.listen",
	"ledger.retention_hours", "ledger.anchor", // ledger.retention is a command to the running daemon, so that it never rolls the pod
	"venue.kraken.key_file", "venue.kraken.secret_file", "venue.uniswap_v2.rpc_url_file", "venue.uniswap_v2.key_file", "venue.uniswap_v2.password_file",
}

// defaultsInLists: inside lists the schema sets no default (server-side apply would lose track of who set it); daemon/config does.
var defaultsInLists = []string{"oracle.sources.simulated.seed", "oracle.sources.simulated.start", "oracle.sources.simulated.step_bps", "oracle.sources.replay.offset", "oracle.sources.replay.times",
	"oracle.sources.pyth.max_confidence_bps", "oracle.sources.pyth.updates", "oracle.sources.uniswap_v2.min_reserve"}

// TestSchemaAgreesWithDaemonConfig: what the apiserver accepts, the daemon must accept, or the resource is Stalled for what could have been said
// at kubectl apply; and a default must be the same in a cluster and outside.
func TestSchemaAgreesWithDaemonConfig(t *testing.T) {
	spec := schema(t)
	keys := map[string]reflect.StructField{}
	collect(reflect.TypeFor[config.File](), "", keys)
	for key, field := range keys {
		path, ok := agreed[key]
		if !ok {
			if !slices.Contains(outside, key) {
				t.Errorf("%s: expected a field of the resource in agreed, or the key in outside; found neither", key)
			}
			continue
		}
		t.Run(key, func(t *testing.T) {
			prop := at(t, spec, path)
			least, most, def := bounds(t, prop)
			amount := field.Type == reflect.TypeFor[config.Scaled]() || field.Type == reflect.TypeFor[*config.Scaled]()
			if !amount {
				compare(t, "minimum", field.Tag.Get("min"), least)
				compare(t, "maximum", field.Tag.Get("max"), most)
			}
			if !slices.Contains(defaultsInLists, key) {
				compare(t, "default", field.Tag.Get("default"), def)
			} else if def != "" {
				t.Errorf("expected no default in a list, found %s", def)
			}
		})
	}
	for key := range agreed {
		if _, ok := keys[key]; !ok {
			t.Errorf("%s: expected a key of taud.toml, found none", key)
		}
	}
}

func compare(t *testing.T, what, config, schema string) {
	t.Helper()
	if config != schema {
		t.Errorf("%s: daemon/config has %q, the schema has %q", what, config, schema)
	}
}

// collect finds the keys of a table and of those below it.
func collect(typ reflect.Type, prefix string, keys map[string]reflect.StructField) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		key := strings.TrimPrefix(prefix+"."+name, ".")
		below := field.Type
		if below.Kind() == reflect.Slice {
			keys[key] = field
		}
		if below.Kind() == reflect.Slice || below.Kind() == reflect.Pointer {
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct {
			collect(below, key, keys)
			continue
		}
		keys[key] = field
	}
}

// schema is the schema of spec in the generated CRD.
func schema(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	data, err := os.ReadFile("../../config/crd/bases/taudaemon.io_taudaemons.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
}

// at follows a path of properties, through the items of lists.
func at(t *testing.T, prop apiextensionsv1.JSONSchemaProps, path string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		if prop.Items != nil {
			prop = *prop.Items.Schema
		}
		next, ok := prop.Properties[name]
		if !ok {
			t.Fatalf("expected spec.%s in the schema, found no %s", path, name)
		}
		prop = next
	}
	return prop
}

var durationBounds = regexp.MustCompile(`duration\(self\) (>=|>) duration\('(\w+)'\) && duration\(self\) <= duration\('(\w+)'\)`)

// bounds are a property's minimum, maximum and default in the words of daemon/config: milliseconds for a duration, lower case for an enumeration.
func bounds(t *testing.T, prop apiextensionsv1.JSONSchemaProps) (least, most, def string) {
	t.Helper()
	if prop.Minimum != nil {
		least = strconv.FormatFloat(*prop.Minimum, 'f', -1, 64)
	}
	if prop.Maximum != nil {
		most = strconv.FormatFloat(*prop.Maximum, 'f', -1, 64)
	}
	if prop.MaxItems != nil {
		most = strconv.FormatInt(*prop.MaxItems, 10)
	}
	if prop.Default != nil {
		def = strings.ToLower(strings.Trim(string(prop.Default.Raw), `"`))
	}
	for _, rule := range prop.XValidations {
		m := durationBounds.FindStringSubmatch(rule.Rule)
		if m == nil {
			continue
		}
		least, most = milliseconds(t, m[2]), milliseconds(t, m[3])
		if m[1] == ">" && least == "0" {
			least = "1" // the rule takes whole milliseconds only
		}
		if def != "" {
			def = milliseconds(t, def)
		}
	}
	return least, most, def
}

func milliseconds(t *testing.T, text string) string {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}
