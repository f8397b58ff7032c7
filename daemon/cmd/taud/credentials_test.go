package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/logging"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
)

// The credentials of the runs below. Each has bytes of which forms differ: + and / in base64, letters in hex.
const (
	apiKey    = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd"
	apiSecret = "c2VjcmV0LXBsdXMr+/f39vb29vb29vYvc2xhc2gvYW5kLW1vcmUtYnl0ZXMtc28tdGhhdC1pdC1pcy1sb25nLWVub3VnaA=="
	accountPK = "4646464646464646464646464646464646464646464646464646464646abcdef"
	nodeToken = "s3cr3t-token-of-the-nodes-provider"
	pythToken = "pyth~token?with/marks+9f3c"
)

// formsOf are the forms in which a credential must not show.
func formsOf(secret string) map[string]string {
	forms := map[string]string{}
	add := func(what string, b []byte) {
		forms[what] = string(b)
		forms[what+" in hex"] = hex.EncodeToString(b)
		forms[what+" in capital hex"] = strings.ToUpper(hex.EncodeToString(b))
		forms[what+" in base64"] = base64.RawStdEncoding.EncodeToString(b)
		forms[what+" in base64 of URLs"] = base64.RawURLEncoding.EncodeToString(b)
		forms[what+" in a query"] = url.QueryEscape(string(b))
		forms[what+" in a path"] = url.PathEscape(string(b))
	}
	add("the text", []byte(secret))
	if b, err := hex.DecodeString(secret); err == nil {
		add("its bytes of hex", b)
	}
	if b, err := base64.StdEncoding.DecodeString(secret); err == nil {
		add("its bytes of base64", b)
	}
	return forms
}

// gossip is what an indiscreet counterpart answers: every form of every credential.
func gossip(secrets []string) (all []string) {
	for _, s := range secrets {
		for _, form := range formsOf(s) {
			all = append(all, form)
		}
	}
	return all
}

// shown is everything that a run showed to anybody.
type shown struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shown) holdsNone(t *testing.T, secrets []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.Len() < 1000 {
		t.Fatalf("the run shows so little that the test shows nothing: %s", &s.text)
	}
	for _, secret := range secrets {
		for what, form := range formsOf(secret) {
			if i := bytes.Index(s.text.Bytes(), []byte(form)); i >= 0 {
				t.Errorf("%s of a credential is shown: %q", what, s.text.Bytes()[max(0, i-200):min(s.text.Len(), i+len(form)+20)])
			}
		}
	}
}

// put writes a credential's file.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

const tradesAtOnce = `[signal]
band_window = 2
band_bps = -5000
trend_window = 0
[cooldown]
enabled = false
[risk]
max_drawdown_bps = 9000
[log]
level = "debug"
`

// showAll runs a daemon in a pod for so many ticks, without waiting for their beat, and collects all that it shows.
func showAll(t *testing.T, dir string, ticks int) *shown {
	t.Helper()
	out := &shown{}
	s, err := load(filepath.Join(dir, "taud.toml"))
	if err != nil {
		t.Fatal(err)
	}
	api := newLease(map[string]string{v1alpha1.AnnotationReport: `{"version":1}`})
	d := &daemon{setup: s, level: new(slog.LevelVar), bootID: "boot", podUID: "pod", api: api}
	d.hides.Store(newRedactor(s.config))
	d.level.Set(slog.LevelDebug)
	d.log = logging.New(&redacting{out, d.hides.Load}, d.level)
	if err := d.listen(t.Context(), "127.0.0.1:0", time.Second); err != nil {
		t.Fatal(err)
	}
	look := func() {
		for _, path := range []string{"statusz", "metrics", "readyz", ""} {
			r, err := http.Get("http://" + d.server.Addr().String() + "/" + path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(out, r.Body)
			if err = errors.Join(err, r.Body.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := d.start(ctx)
	if err == nil {
		err = l.Drive(ctx, func() bool {
			look()
			ticks--
			return ticks >= 0
		}, func() string { return "end" })
	}
	if err != nil { // a halted daemon stays until it is told to go
		fmt.Fprintln(out, err)
		gone, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- d.end(gone, l, err) }()
		for api.report(t).Phase != v1alpha1.PhaseHalted {
			time.Sleep(10 * time.Millisecond)
		}
		look()
		stop()
		err = <-ended
	} else {
		err = d.end(ctx, l, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(api.report(t))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write(report)
	err = filepath.WalkDir(filepath.Join(dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		_, _ = out.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// prices serves one that any quorum of one believes, and repeats the credential of who asks where it has one.
func prices(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"p":"2000"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestNoCredentialOfKrakenIsShown, in success and in failure, by whomever.
func TestNoCredentialOfKrakenIsShown(t *testing.T) {
	secrets := []string{apiKey, apiSecret, pythToken}
	text := strings.Join(gossip(secrets), " ")
	inJSON, err := json.Marshal(map[string]any{"error": []string{"EGeneral:" + text}, "result": text})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key    string
		ticks  int
		fault  krakentest.Fault
		expect string // what shows that it came to that
	}{
		"success":           {apiKey, 8, krakentest.Fault{Method: "None"}, `"result":"filled"`},
		"a bad key":         {"x" + apiKey, 1, krakentest.Fault{Method: "None"}, "EAPI:Invalid key"},
		"refused":           {apiKey, 5, krakentest.Fault{Method: "AddOrder", Times: -1, Unexecuted: true, Errors: []string{"EOrder:Insufficient funds of " + apiKey}}, `"result":"refused"`},
		"no clear refusal":  {apiKey, 5, krakentest.Fault{Method: "AddOrder", Times: -1, Unexecuted: true, Errors: append([]string{"EOrder:Insufficient funds"}, gossip(secrets)...)}, `"result":"ambiguous"`},
		"refused, longer":   {apiKey, 5, krakentest.Fault{Method: "AddOrder", Times: -1, Unexecuted: true, Errors: []string{"EOrder:" + text}}, `"side":"buy"`},
		"a strange answer":  {apiKey, 5, krakentest.Fault{Method: "AddOrder", Times: -1, Body: string(inJSON)}, `"result":"`},
		"no JSON":           {apiKey, 5, krakentest.Fault{Method: "BalanceEx", Times: -1, Body: text}, "VenueUnreachable"},
		"a cut":             {apiKey, 5, krakentest.Fault{Method: "AddOrder", Times: -1, Cut: true}, `"result":"`},
		"no answer in time": {apiKey, 4, krakentest.Fault{Method: "AddOrder", Times: -1, Before: func() { time.Sleep(4 * time.Second) }}, `"result":"ambiguous"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			price := func(v string) fixed.Value { return fixed.MustParse(v) }
			exchange := krakentest.New(krakentest.Options{
				Key: apiKey, Secret: apiSecret, Pair: "XETHZUSD", Base: "XETH", Quote: "ZUSD", LotDecimals: 8, PairDecimals: 2, FeeBps: 26,
				Balances: map[string]fixed.Value{"XETH": 0, "ZUSD": price("100000")},
			})
			exchange.SetBook([]krakentest.Level{{Price: price("1999"), Qty: price("50")}}, []krakentest.Level{{Price: price("2001"), Qty: price("50")}})
			exchange.Fail(c.fault)
			server := httptest.NewServer(exchange)
			t.Cleanup(server.Close)
			hermes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, r.Header.Get("Authorization")+text, http.StatusUnauthorized)
			}))
			t.Cleanup(hermes.Close)
			dir := folder(t, func(s string) string {
				return strings.NewReplacer("interval_ms = 50", "interval_ms = 5000", "trade_qty", "burn_share_bps = 0\ntrade_qty").Replace(s) + tradesAtOnce + fmt.Sprintf(`[daemon]
mode = "live"
tick_period_ms = 3000
[oracle]
min_quorum = 1
sources = [{ name = "feed", http = { url = %q, price = "$.p" } }, { name = "hermes", pyth = { url = %q, feed = "%064d", token_file = "pyth" } }]
`+krakenVenue, prices(t), hermes.URL, 1, server.URL)
			})
			put(t, dir, "key", c.key)
			put(t, dir, "secret", apiSecret)
			put(t, dir, "pyth", pythToken)
			out := showAll(t, dir, c.ticks)
			out.holdsNone(t, append(secrets, c.key))
			if !strings.Contains(out.text.String(), c.expect) {
				t.Errorf("expected %s to show, found %.2000s", c.expect, out.text.String())
			}
		})
	}
}

// chain is a node that knows a pair and the account's balances, and answers everything else, orders above all, with what it must not repeat.
func chain(t *testing.T, gossip string, silent string) string {
	t.Helper()
	word := func(n *big.Int) string { return fmt.Sprintf("0x%064x", n) }
	selector := func(signature string, outputs ...string) string {
		return "0x" + hex.EncodeToString(evm.NewMethod(signature, outputs...).Pack()[:4])
	}
	wei := new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)
	reads := map[string]string{
		selector("factory()", "address"): word(big.NewInt(0x40)), selector("WETH()", "address"): word(big.NewInt(0x20)),
		"0x" + hex.EncodeToString(crypto.Keccak256([]byte("getPair(address,address)"))[:4]): word(big.NewInt(0x50)),
		"0x" + hex.EncodeToString(crypto.Keccak256([]byte("decimals()"))[:4]):               word(big.NewInt(18)),
		"0x" + hex.EncodeToString(crypto.Keccak256([]byte("balanceOf(address)"))[:4]):       word(new(big.Int).Mul(wei, big.NewInt(100_000))),
	}
	answer := func(method string, params []any) any {
		switch method {
		case "eth_chainId":
			return "0x1"
		case "eth_getBlockByNumber":
			return map[string]any{"number": "0x64", "hash": common.Hash{}, "timestamp": fmt.Sprintf("0x%x", time.Now().Unix()), "baseFeePerGas": "0x1"}
		case "eth_getTransactionCount":
			return "0x7"
		case "eth_maxPriorityFeePerGas":
			return "0x1"
		case "eth_call":
			if call, ok := params[0].(map[string]any); ok {
				if input, ok := call["input"].(string); ok && reads[input[:10]] != "" {
					return reads[input[:10]]
				}
			}
		}
		return nil
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		type request struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params []any           `json:"params"`
		}
		var batch []request
		single := json.Unmarshal(body, &batch) != nil
		if single {
			batch = make([]request, 1)
			if err := json.Unmarshal(body, &batch[0]); err != nil {
				http.Error(w, gossip, http.StatusBadRequest)
				return
			}
		}
		var answers []any
		for _, q := range batch {
			if q.Method == silent {
				time.Sleep(4 * time.Second)
			}
			a := map[string]any{"jsonrpc": "2.0", "id": q.ID}
			if result := answer(q.Method, q.Params); result != nil {
				a["result"] = result
			} else {
				a["error"] = map[string]any{"code": -32000, "message": "insufficient funds of " + r.URL.Path + " " + gossip}
			}
			answers = append(answers, a)
		}
		w.Header().Set("Content-Type", "application/json")
		if single {
			_ = json.NewEncoder(w).Encode(answers[0])
			return
		}
		_ = json.NewEncoder(w).Encode(answers)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestNoCredentialOfAChainsAccountIsShown: of the account's key, the keystore's password and the node's URL.
func TestNoCredentialOfAChainsAccountIsShown(t *testing.T) {
	key, err := crypto.HexToECDSA(accountPK)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{accountPK, nodeToken}
	for name, c := range map[string]struct {
		key, silent string
		expect      string
	}{
		"balances, and every order refused": {accountPK, "", `"ticket":"`},
		"no answer in time":                 {accountPK, "eth_getBlockByNumber", "VenueUnreachable"},
		"a bad key":                         {strings.Replace(accountPK, "46", "56", 1), "", "expected the key of account"},
		"no key at all":                     {accountPK + "zz", "", "expected a private key of 64 hex digits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secrets := append(secrets[:len(secrets):len(secrets)], c.key)
			node := chain(t, strings.Join(gossip(secrets), " "), c.silent)
			dir := folder(t, func(s string) string {
				return strings.NewReplacer("interval_ms = 50", "interval_ms = 5000", "trade_qty", "burn_share_bps = 0\ntrade_qty").Replace(s) + tradesAtOnce + fmt.Sprintf(`[daemon]
mode = "live"
tick_period_ms = 3000
[oracle]
min_quorum = 1
sources = [{ name = "feed", http = { url = %q, price = "$.p" } }, { name = "link", chainlink = { feed = "0x%040x", chain_id = 1, rpc_url_file = "node" } }]
[venue.uniswap_v2]
rpc_url_file = "node"
chain_id = 1
router = "0x0000000000000000000000000000000000000010"
base = "0x0000000000000000000000000000000000000020"
quote = "0x0000000000000000000000000000000000000030"
account = %q
key_file = "key"
native_price = 2000
`, prices(t), 0x77, crypto.PubkeyToAddress(key.PublicKey).Hex())
			})
			put(t, dir, "node", node+"/v3/"+nodeToken)
			put(t, dir, "key", c.key)
			out := showAll(t, dir, 5)
			out.holdsNone(t, secrets)
			if !strings.Contains(out.text.String(), c.expect) {
				t.Errorf("expected %s to show, found %.3000s", c.expect, out.text.String())
			}
		})
	}
}

// TestTheRedactorTakesOutEveryFormAndWhatIsLeftOfOne, and nothing else; also of a credential that was replaced while the daemon runs.
func TestTheRedactorTakesOutEveryFormAndWhatIsLeftOfOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	put(t, dir, "secret", apiSecret)
	r := &redactor{files: []*secretFile{{path: path}}}
	for what, form := range formsOf(apiSecret) {
		if got := r.Redact("before " + form + " after"); strings.Contains(got, form) || !strings.HasPrefix(got, "before ***") || !strings.HasSuffix(got, " after") {
			t.Errorf("%s: found %q", what, got)
		}
		if got := r.Redact("cut: " + form[:len(form)/2] + "..."); got != "cut: ***..." {
			t.Errorf("half of %s: found %q", what, got)
		}
	}
	const plain = "EOrder:Insufficient funds; c2VjcmV0 is the beginning of many"
	if got := r.Redact(plain); got != plain {
		t.Errorf("expected a text without a credential as it is, found %q", got)
	}
	put(t, dir, "secret", apiKey)
	if got := r.Redact(apiKey + " " + apiSecret); strings.Contains(got, apiKey) || strings.Contains(got, apiSecret) {
		t.Errorf("after the file was replaced: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := r.Redact(apiKey); got != "***" {
		t.Errorf("after the file was removed: %q", got)
	}
}
