package controllers

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// onMarket makes a spec Live on prices of a market, without a venue yet.
func onMarket(s *v1alpha1.TauDaemonSpec) {
	s.Mode, s.Venue = v1alpha1.ModeLive, v1alpha1.VenueSpec{}
	s.Oracle.Sources = []v1alpha1.OracleSource{{Name: "feed", HTTP: &v1alpha1.HTTPSource{URL: "https://feed.test/price", Price: "$.price"}}}
}

func onKraken(secret string) func(*v1alpha1.TauDaemonSpec) {
	return func(s *v1alpha1.TauDaemonSpec) {
		onMarket(s)
		s.Economics.BurnShareBps = ptr.To(int32(0))
		s.Tick.Interval.Duration, s.Tick.Deadline.Duration = 5*time.Second, 2500*time.Millisecond
		s.Venue.Kraken = &v1alpha1.KrakenVenue{Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
			SecretRef: v1alpha1.KrakenSecretReference{Name: secret}}
	}
}

func onUniswap(account string) func(*v1alpha1.TauDaemonSpec) {
	return func(s *v1alpha1.TauDaemonSpec) {
		onMarket(s)
		s.Venue.UniswapV2 = &v1alpha1.UniswapV2Venue{RPCURL: "https://node.test", ChainID: 1, Router: "0x" + strings.Repeat("1", 40),
			Base: "0x" + strings.Repeat("2", 40), Quote: "0x" + strings.Repeat("3", 40), Account: account,
			SecretRef: v1alpha1.UniswapV2SecretReference{Name: "wallet"}}
	}
}

// neighbour is another world under the same operator.
func (w *world) neighbour() *world {
	other := newWorld(w.t)
	other.r, other.writes = w.r, w.writes
	return other
}

func (w *world) expectInUse(by string) {
	w.t.Helper()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAccountInUse)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountInUse)
	if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, "in use by "+by) {
		w.t.Errorf("expected a message that names %s, found %q", by, m)
	}
}

func TestTheOlderResourceKeepsAVenueAccountAcrossNamespaces(t *testing.T) {
	account := "0x" + strings.Repeat("aB", 20)
	first := newWorld(t)
	pod := first.running(onUniswap(account))
	second := first.neighbour()
	second.create(onUniswap(strings.ToLower(account)))
	for range 2 {
		if wrote := second.pass(); slices.ContainsFunc(wrote, func(w string) bool { return w != "patch status TauDaemon" }) {
			t.Errorf("expected nothing made for the second resource, found %v", wrote)
		}
	}
	second.expectInUse("TauDaemon " + first.ns + "/" + agentName)
	if wrote := first.pass(); len(wrote) != 0 {
		t.Errorf("expected the first left alone, found %v", wrote)
	}
	first.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)

	second.restartOperator()
	second.pass()
	second.expectInUse("TauDaemon " + first.ns + "/" + agentName)

	first.must(first.c.Delete(first.ctx, first.resource()))
	second.later(takenRetry)
	second.pass()
	second.expectInUse("Pod " + first.ns + "/" + pod.Name)
	result, err := second.r.Reconcile(second.ctx, ctrlRequest(second))
	second.must(err)
	if result.RequeueAfter != takenRetry {
		t.Errorf("expected another look after %s, found %s", takenRetry, result.RequeueAfter)
	}
	first.endPod()
	second.later(takenRetry)
	second.settle()
	second.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
	if got := *second.set().Spec.Replicas; got != 1 {
		t.Errorf("expected the second to run, found %d replicas", got)
	}
}

func TestOtherAccountsAreNotInUse(t *testing.T) {
	account := "0x" + strings.Repeat("c0", 20)
	first := newWorld(t)
	first.running(onUniswap(account))
	for name, change := range map[string]func(*v1alpha1.TauDaemonSpec){
		"another account":                       onUniswap("0x" + strings.Repeat("c1", 20)),
		"the account's number on another chain": func(s *v1alpha1.TauDaemonSpec) { onUniswap(account)(s); s.Venue.UniswapV2.ChainID = 137 },
		"kraken":                                onKraken("kraken"),
		"paper":                                 nil,
	} {
		t.Run(name, func(t *testing.T) {
			other := first.neighbour()
			other.t = t
			other.create(change)
			other.settle()
			other.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
		})
	}
}

func TestTwoKrakenAgentsOfOneSecretAreOneAccount(t *testing.T) {
	w := newWorld(t)
	w.running(onKraken("kraken"))
	td := w.manifest()
	td.Name = "second"
	onKraken("kraken")(&td.Spec)
	td.Spec.Venue.Kraken.Pair = "XXBTZUSD" // another market of the same account is still the same account
	w.must(w.c.Create(w.ctx, td))
	user, err := w.r.accountUser(w.ctx, td)
	w.must(err)
	if want := "TauDaemon " + w.ns + "/" + agentName; user != want {
		t.Errorf("expected %q, found %q", want, user)
	}
	other := w.neighbour() // in another namespace it is another Secret
	other.create(onKraken("kraken"))
	user, err = w.r.accountUser(w.ctx, other.resource())
	w.must(err)
	if user != "" {
		t.Errorf("expected a free account, found it used by %q", user)
	}
}

func TestTheVenueOfALedgerCannotBecomeAnother(t *testing.T) {
	w := newWorld(t)
	w.create(onKraken("kraken"))
	for name, test := range map[string]struct {
		patch, want string // "" where the change is allowed
	}{
		"another secret":       {`{"venue":{"kraken":{"secretRef":{"name":"other"}}}}`, "spec.venue.kraken: Invalid value: url, pair, baseAsset, quoteAsset and secretRef.name are immutable"},
		"another pair":         {`{"venue":{"kraken":{"pair":"XXBTZUSD"}}}`, "spec.venue.kraken: Invalid value: url, pair, baseAsset, quoteAsset and secretRef.name are immutable"},
		"another venue":        {`{"mode":"Paper","venue":{"kraken":null,"paper":{}}}`, "spec.venue: Invalid value: the kind of venue is immutable"},
		"another mode":         {`{"mode":"Paper"}`, "spec.mode: Invalid value: is immutable"},
		"another key of it":    {`{"venue":{"kraken":{"secretRef":{"apiKey":"key-2"}}}}`, ""},
		"a dead man's time":    {`{"venue":{"kraken":{"deadMan":"30s"}}}`, ""},
		"a coarser price":      {`{"venue":{"kraken":{"priceDecimals":1}}}`, ""},
		"another fee, by hand": {`{"economics":{"feeBpsBuy":26}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.c.Patch(w.ctx, w.resource(), client.RawPatch(types.MergePatchType, []byte(`{"spec":`+test.patch+`}`)))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("expected %q, found %v", test.want, err)
			}
		})
	}
}

func TestOfOneSecondWhoeverWasGivenTheAccountKeepsIt(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	made := func(name string, uid types.UID, ran bool) *v1alpha1.TauDaemon {
		td := &v1alpha1.TauDaemon{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid, CreationTimestamp: at}}
		if ran {
			td.Status.ConfigMapName = "c"
		}
		return td
	}
	a, b, ranB := made("a", "1", false), made("b", "2", false), made("b", "2", true)
	if older(a, b) >= 0 || older(b, a) <= 0 || older(ranB, a) >= 0 {
		t.Error("expected a before b by name, and b before a when it has run")
	}
	later := made("0", "3", true)
	later.CreationTimestamp = metav1.NewTime(at.Add(time.Second))
	if older(a, later) >= 0 {
		t.Error("expected the older before one that has run")
	}
	var known accounts
	if got := known.give("x", []types.UID{"2"}); got != "2" {
		t.Errorf("alone: expected 2, found %s", got)
	}
	if got := known.give("x", []types.UID{"1", "2"}); got != "2" {
		t.Errorf("it already has it: expected 2, found %s", got)
	}
	if got := known.give("y", []types.UID{"1", "2"}); got != "1" {
		t.Errorf("another account: expected 1, found %s", got)
	}
	if got := known.give("x", []types.UID{"1"}); got != "1" {
		t.Errorf("2 is gone: expected 1, found %s", got)
	}
}
