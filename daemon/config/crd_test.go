package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// inResource is where each key of the file stands in the TauDaemon resource's spec. An empty path: only the file has it.
var inResource = map[string]string{
	"daemon.name": "", "daemon.mode": "mode", "daemon.tick_period_ms": "tick.deadline", "daemon.quarantine_clear_ticks": "quarantine.clearTicks",
	"tick.interval_ms": "tick.interval", "tick.fail_hold_ticks": "tick.failHoldTicks",
	"paths.tau_bin": "", "paths.kernel_spec": "", "paths.kernel_inputs": "", "paths.kernel_outputs": "", "paths.specs_root": "", "paths.data_dir": "", "paths.ledger_dir": "",
	"engine.type":     "", // auto is the file's alone
	"engine.protocol": "", "engine.specs": "", "engine.start_deadline_ms": "",
	"oracle.max_age_ms": "oracle.maxAge", "oracle.min_quorum": "oracle.minQuorum", "oracle.tolerance_bps": "oracle.toleranceBps",
	"oracle.max_move_bps": "oracle.maxMoveBps", "oracle.max_skew_ms": "oracle.maxSkew", "oracle.sources": "oracle.sources",
	"oracle.sources[].name": "oracle.sources[].name", "oracle.sources[].max_age_ms": "oracle.sources[].maxAge",
	"oracle.sources[].http.url": "oracle.sources[].http.url", "oracle.sources[].http.price": "oracle.sources[].http.price",
	"oracle.sources[].http.time": "oracle.sources[].http.time", "oracle.sources[].http.volume": "oracle.sources[].http.volume",
	"oracle.sources[].pyth.url": "oracle.sources[].pyth.url", "oracle.sources[].pyth.feed": "oracle.sources[].pyth.feed",
	"oracle.sources[].pyth.max_confidence_bps": "oracle.sources[].pyth.maxConfidenceBps", "oracle.sources[].pyth.updates": "oracle.sources[].pyth.updates",
	"oracle.sources[].pyth.token_file":   "", // the resource names a Secret
	"oracle.sources[].chainlink.rpc_url": "oracle.sources[].chainlink.rpcURL", "oracle.sources[].chainlink.chain_id": "oracle.sources[].chainlink.chainID",
	"oracle.sources[].chainlink.feed": "oracle.sources[].chainlink.feed", "oracle.sources[].chainlink.decimals": "oracle.sources[].chainlink.decimals",
	"oracle.sources[].uniswap_v2.rpc_url": "oracle.sources[].uniswapV2.rpcURL", "oracle.sources[].uniswap_v2.chain_id": "oracle.sources[].uniswapV2.chainID",
	"oracle.sources[].uniswap_v2.pair": "oracle.sources[].uniswapV2.pair", "oracle.sources[].uniswap_v2.base": "oracle.sources[].uniswapV2.base",
	"oracle.sources[].uniswap_v2.min_reserve":  "oracle.sources[].uniswapV2.minReserve",
	"oracle.sources[].chainlink.rpc_url_file":  "", // the resource names a Secret
	"oracle.sources[].uniswap_v2.rpc_url_file": "",
	"oracle.sources[].replay.times":            "oracle.sources[].replay.times", "oracle.sources[].replay.begin_ms": "",
	"oracle.sources[].replay.series": "oracle.sources[].replay.series", "oracle.sources[].replay.file": "", "oracle.sources[].replay.offset": "oracle.sources[].replay.offset",
	"oracle.sources[].simulated.seed": "oracle.sources[].simulated.seed", "oracle.sources[].simulated.start": "oracle.sources[].simulated.start",
	"oracle.sources[].simulated.step_bps": "oracle.sources[].simulated.stepBps",
	"economics.scale":                     "", "economics.fee_bps_buy": "economics.feeBpsBuy", "economics.fee_bps_sell": "economics.feeBpsSell",
	"economics.slippage_bps_limit": "economics.slippageBpsLimit", "economics.gas_unit_cost": "economics.gasUnitCost", "economics.trade_qty": "economics.tradeQuantity",
	"economics.min_profit": "economics.minProfit", "economics.burn_share_bps": "economics.burnShareBps",
	"signal.band_window": "signal.bandWindow", "signal.band_bps": "signal.bandBps", "signal.target_bps": "signal.targetBps", "signal.trend_window": "signal.trendWindow",
	"signal.volume_window": "signal.volumeWindow", "signal.min_volume": "signal.minVolume",
	"cooldown.enabled": "cooldown.enabled", "cooldown.ticks": "cooldown.ticks",
	"risk.max_position_ticks": "risk.maxPositionTicks", "risk.max_position_qty": "risk.maxPositionQuantity", "risk.max_drawdown_bps": "risk.maxDrawdownBps",
	"risk.emergency_slippage_bps": "risk.emergencySlippageBps",
	"quarantine.release":          "quarantine.release",
	"venue.paper.quote_balance":   "venue.paper.quoteBalance", "venue.paper.slippage_bps": "venue.paper.slippageBps",
	"venue.paper.seed": "venue.paper.seed", "venue.paper.latency_ms": "venue.paper.latency", "venue.paper.partial_bps": "venue.paper.partialBps",
	"venue.paper.reject_bps": "venue.paper.rejectBps", "venue.paper.ambiguous_bps": "venue.paper.ambiguousBps",
	"venue.kraken.url": "venue.kraken.url", "venue.kraken.pair": "venue.kraken.pair",
	"venue.kraken.base_asset": "venue.kraken.baseAsset", "venue.kraken.quote_asset": "venue.kraken.quoteAsset",
	"venue.kraken.quantity_decimals": "venue.kraken.quantityDecimals", "venue.kraken.price_decimals": "venue.kraken.priceDecimals",
	"venue.kraken.dead_man_ms": "venue.kraken.deadMan",
	"venue.kraken.key_file":    "", "venue.kraken.secret_file": "", // the resource names a Secret
	"venue.uniswap_v2.rpc_url": "venue.uniswapV2.rpcURL", "venue.uniswap_v2.chain_id": "venue.uniswapV2.chainID",
	"venue.uniswap_v2.router": "venue.uniswapV2.router", "venue.uniswap_v2.base": "venue.uniswapV2.base", "venue.uniswap_v2.quote": "venue.uniswapV2.quote",
	"venue.uniswap_v2.account": "venue.uniswapV2.account", "venue.uniswap_v2.confirmations": "venue.uniswapV2.confirmations",
	"venue.uniswap_v2.gas_margin_bps": "venue.uniswapV2.gasMarginBps", "venue.uniswap_v2.max_gas_price_gwei": "venue.uniswapV2.maxGasPriceGwei",
	"venue.uniswap_v2.native_price": "venue.uniswapV2.nativePrice", "venue.uniswap_v2.burn_address": "venue.uniswapV2.burnAddress",
	"venue.uniswap_v2.rpc_url_file": "", "venue.uniswap_v2.key_file": "", "venue.uniswap_v2.password_file": "",
	"ledger.snapshot_ticks": "ledger.snapshotTicks", "ledger.segment_bytes": "", "ledger.retention_hours": "", "ledger.anchor": "", // a command to the running daemon

	"report.interval_ms": "report.interval", "report.lease_duration_ms": "report.leaseDuration", "report.on_lease_risk": "report.onLeaseRisk", "report.listen": "",
	"log.level": "log.level",
}

// resourceSpec reads the schema of spec from the generated CustomResourceDefinition.
func resourceSpec(t *testing.T) map[string]any {
	t.Helper()
	src, err := os.ReadFile("../../config/crd/bases/taudaemon.io_taudaemons.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(src, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema["properties"].(map[string]any)["spec"].(map[string]any)
}

func schemaAt(spec map[string]any, path string) (map[string]any, bool) {
	at := spec
	for name := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(name, "[]")
		properties, _ := at["properties"].(map[string]any)
		inner, there := properties[name].(map[string]any)
		if !there {
			return nil, false
		}
		at = inner
		if list {
			at = at["items"].(map[string]any)
		}
	}
	return at, true
}

func TestBoundsAndDefaultsAreThoseOfTheResource(t *testing.T) {
	spec, seen := resourceSpec(t), map[string]bool{}
	eachKey(reflect.TypeFor[File](), "", func(key string, field reflect.StructField) {
		seen[key] = true
		path, known := inResource[key]
		if !known {
			t.Errorf("%s: expected its place in the resource (or none) in inResource", key)
			return
		}
		if path == "" {
			return
		}
		schema, there := schemaAt(spec, path)
		if !there {
			t.Errorf("%s: the resource has no spec.%s", key, path)
			return
		}
		compare(t, key, path, field, schema)
	})
	for key := range inResource {
		if !seen[key] {
			t.Errorf("%s: the file has no such key", key)
		}
	}
}

// eachKey visits the keys of a table's type, those of tables in it too.
func eachKey(table reflect.Type, prefix string, visit func(string, reflect.StructField)) {
	for i := range table.NumField() {
		field := table.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		key, inner := join(prefix, name), field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			eachKey(inner, key, visit)
			continue
		}
		if inner.Kind() == reflect.Slice {
			eachKey(inner.Elem(), key+"[]", visit)
		}
		visit(key, field)
	}
}

// durationBound finds the bounds of a duration in its CEL rule.
var durationBound = regexp.MustCompile(`duration\(self\) (>=|>|<=) duration\('([^']+)'\)`)

func compare(t *testing.T, key, path string, field reflect.StructField, schema map[string]any) {
	rules := fmt.Sprint(schema["x-kubernetes-validations"])
	expect := func(what, file, resource string) {
		if file != resource {
			t.Errorf("%s: %s is %q, and %q in spec.%s", key, what, file, resource, path)
		}
	}
	tag := field.Tag
	inner := field.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	switch {
	case inner == reflect.TypeFor[Scaled]():
		least := ""
		if strings.Contains(rules, "must not be negative") {
			least = "0"
		} else if strings.Contains(rules, "must be above 0") {
			least = "1" // unit of 1e-9
		}
		expect("the least", tag.Get("min"), least)
	case strings.HasSuffix(key, "_ms"):
		for _, bound := range durationBound.FindAllStringSubmatch(rules, -1) {
			d, err := time.ParseDuration(bound[2])
			if err != nil {
				t.Fatal(err)
			}
			switch n := d.Milliseconds(); bound[1] {
			case ">=":
				expect("the least", tag.Get("min"), strconv.FormatInt(n, 10))
			case ">":
				expect("the least", tag.Get("min"), strconv.FormatInt(n+1, 10))
			case "<=":
				expect("the most", tag.Get("max"), strconv.FormatInt(n, 10))
			}
		}
		if !strings.Contains(rules, "duration(self) <=") {
			t.Errorf("%s: spec.%s has no bounds in %s", key, path, rules)
		}
	case inner.Kind() == reflect.Slice:
		expect("the most", tag.Get("max"), number(schema["maxItems"]))
		return
	case inner.Kind() == reflect.Int64:
		expect("the least", tag.Get("min"), number(schema["minimum"]))
		expect("the most", tag.Get("max"), number(schema["maximum"]))
	case tag.Get("oneof") != "":
		allowed := strings.Fields(strings.ToLower(strings.Trim(fmt.Sprint(schema["enum"]), "[]")))
		for _, choice := range strings.Fields(tag.Get("oneof")) {
			if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+choice+" ") {
				t.Errorf("%s: %q is none of %v in spec.%s", key, choice, allowed, path)
			}
		}
	case tag.Get("form") == "source":
		expect("the pattern", sourcePattern.String(), fmt.Sprint(schema["pattern"]))
	case tag.Get("form") == "jsonpath":
		expect("the pattern", jsonPattern.String(), fmt.Sprint(schema["pattern"]))
	default:
		patterns := map[string]*regexp.Regexp{
			"url": urlPattern, "feed": feedPattern, "origin": originPattern, "pair": pairPattern, "asset": assetPattern, "address": evmPattern,
		}
		if pattern := patterns[tag.Get("form")]; pattern != nil {
			expect("the pattern", pattern.String(), fmt.Sprint(schema["pattern"]))
		}
	}
	if inSources := strings.Contains(key, "[]"); inSources && schema["default"] != nil {
		t.Errorf("spec.%s has a default: lists have none, so that an apply does not fight over them", path)
	} else if !inSources {
		expect("the default", tag.Get("default"), resourceDefault(t, key, schema))
	}
}

// resourceDefault words a default of the resource as the file would.
func resourceDefault(t *testing.T, key string, schema map[string]any) string {
	text, isText := schema["default"].(string)
	switch {
	case schema["default"] == nil:
		return ""
	case isText && strings.HasSuffix(key, "_ms"):
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(d.Milliseconds(), 10)
	case isText:
		return strings.ToLower(text)
	}
	return number(schema["default"])
}

func number(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatInt(int64(v), 10)
	}
	return fmt.Sprint(value)
}
