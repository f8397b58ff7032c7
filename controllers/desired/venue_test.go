package desired_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// live is the sample on a real market, as the API server returns it.
func live(venue v1alpha1.VenueSpec) *v1alpha1.TauDaemon {
	td := sample()
	td.Spec.Mode, td.Spec.Venue = v1alpha1.ModeLive, venue
	td.Spec.Oracle.Sources, td.Spec.Oracle.MinQuorum = td.Spec.Oracle.Sources[:1], 1
	td.Spec.Tick.Interval.Duration, td.Spec.Tick.Deadline.Duration = 5*time.Second, 2500*time.Millisecond
	td.Spec.Economics.TradeQuantity, td.Spec.Economics.BurnShareBps = "0.02", ptr.To(int32(0))
	return td
}

func krakenVenue() v1alpha1.VenueSpec {
	return v1alpha1.VenueSpec{Kraken: &v1alpha1.KrakenVenue{
		URL: "https://api.kraken.com", Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
		DeadMan:   &metav1.Duration{Duration: time.Minute},
		SecretRef: v1alpha1.KrakenSecretReference{Name: "kraken-eth", APIKey: "key", PrivateKey: "secret"},
	}}
}

func uniswapVenue() v1alpha1.VenueSpec {
	address := func(digit string) string { return "0x" + strings.Repeat(digit, 40) }
	return v1alpha1.VenueSpec{UniswapV2: &v1alpha1.UniswapV2Venue{
		ChainID: 1, Router: address("1"), Base: address("2"), Quote: address("3"), Account: address("A"),
		Confirmations: 12, GasMarginBps: ptr.To(int32(15000)), MaxGasPriceGwei: 100, NativePrice: "2500.5", BurnAddress: address("d"),
		SecretRef: v1alpha1.UniswapV2SecretReference{Name: "wallet", Key: "keystore.json", Password: "password", RPCURL: "url"},
	}}
}

func TestALiveAgentReadsWhatItsResourceSays(t *testing.T) {
	dir := "/var/run/secrets/taudaemon.io/venue/"
	if c := render(t, live(krakenVenue())).Config; c.Mode != config.ModeLive || *c.Venue.Kraken != (config.KrakenVenue{
		URL: "https://api.kraken.com", Pair: "XETHZUSD", BaseAsset: "XETH", QuoteAsset: "ZUSD", QuantityDecimals: 8, PriceDecimals: 2,
		KeyFile: dir + "api-key", SecretFile: dir + "private-key", DeadMan: time.Minute,
	}) {
		t.Errorf("found %s and %+v", c.Mode, *c.Venue.Kraken)
	}
	address := func(digit string) string { return "0x" + strings.Repeat(digit, 40) }
	if c := render(t, live(uniswapVenue())).Config; *c.Venue.UniswapV2 != (config.UniswapV2Venue{
		RPCURLFile: dir + "rpc-url", ChainID: 1, Router: address("1"), Base: address("2"), Quote: address("3"), Account: address("A"),
		KeyFile: dir + "key", PasswordFile: dir + "password", Confirmations: 12, GasMarginBps: 15000, MaxGasPriceGwei: 100,
		NativePrice: fixed.MustParse("2500.5"), BurnAddress: address("d"),
	}) {
		t.Errorf("found %+v", *c.Venue.UniswapV2)
	}
	bare := uniswapVenue()
	bare.UniswapV2.RPCURL, bare.UniswapV2.SecretRef = "https://node.test", v1alpha1.UniswapV2SecretReference{Name: "wallet", Key: "key"}
	if u := render(t, live(bare)).Config.Venue.UniswapV2; u.RPCURL != "https://node.test" || u.RPCURLFile != "" || u.PasswordFile != "" {
		t.Errorf("expected no file that the Secret does not give, found %+v", *u)
	}
}

func TestTheSecretReachesThePodAsFilesOfItsGroupAndNothingElse(t *testing.T) {
	for name, test := range map[string]struct {
		venue v1alpha1.VenueSpec
		want  string
	}{
		"kraken":  {krakenVenue(), "kraken-eth: key=api-key secret=private-key"},
		"uniswap": {uniswapVenue(), "wallet: keystore.json=key password=password url=rpc-url"},
	} {
		t.Run(name, func(t *testing.T) {
			agent := render(t, live(test.venue))
			spec := agent.Template.Apply.Spec
			found := ""
			for _, v := range spec.Volumes {
				if *v.Name != "credentials" {
					continue
				}
				if len(v.Projected.Sources) != 1 || *v.Projected.DefaultMode != 0o440 || v.Projected.Sources[0].Secret.Optional != nil {
					t.Errorf("expected one Secret, not optional, mode 0440; found %+v", v.Projected)
				}
				secret := v.Projected.Sources[0].Secret
				found = *secret.Name + ":"
				for _, item := range secret.Items {
					found += fmt.Sprintf(" %s=%s", *item.Key, *item.Path)
				}
			}
			if found != test.want {
				t.Errorf("expected %q, found %q", test.want, found)
			}
			mounted := false
			for _, m := range spec.Containers[0].VolumeMounts {
				if *m.Name == "credentials" {
					mounted = *m.ReadOnly && m.SubPath == nil && *m.MountPath == "/var/run/secrets/taudaemon.io/venue"
				}
			}
			if !mounted {
				t.Errorf("expected a read-only mount without a subPath, which would never be updated; found %+v", spec.Containers[0].VolumeMounts)
			}
			if *spec.SecurityContext.FSGroup != 65532 {
				t.Errorf("expected the daemon's group on the files, found %d", *spec.SecurityContext.FSGroup)
			}
			role, err := yaml.Marshal(desired.BuildRole(sample()))
			if err != nil || strings.Contains(string(role), "secrets") {
				t.Errorf("expected no verb on Secrets, found %s, %v", role, err)
			}
		})
	}
	for _, v := range render(t, sample()).Template.Apply.Spec.Volumes {
		if *v.Name == "credentials" {
			t.Error("on paper: expected no credentials, found a volume of them")
		}
	}
}

func TestAnAccountIsToldByWhatTheVenueKnowsItBy(t *testing.T) {
	account := func(change func(*v1alpha1.TauDaemon), venue v1alpha1.VenueSpec) string {
		td := live(venue)
		if change != nil {
			change(td)
		}
		return desired.Account(td)
	}
	kraken, uniswap := account(nil, krakenVenue()), account(nil, uniswapVenue())
	if kraken != "kraken https://api.kraken.com, Secret trading/kraken-eth" || uniswap != "uniswapV2 chain 1, account 0x"+strings.Repeat("a", 40) {
		t.Errorf("found %q and %q", kraken, uniswap)
	}
	for name, test := range map[string]struct {
		got  string
		same bool
	}{
		"another market of one kraken account": {account(func(td *v1alpha1.TauDaemon) { td.Spec.Venue.Kraken.Pair = "XXBTZUSD" }, krakenVenue()), true},
		"another resource's name":              {account(func(td *v1alpha1.TauDaemon) { td.Name = "other" }, krakenVenue()), true},
		"another namespace's Secret":           {account(func(td *v1alpha1.TauDaemon) { td.Namespace = "other" }, krakenVenue()), false},
		"another Secret":                       {account(func(td *v1alpha1.TauDaemon) { td.Spec.Venue.Kraken.SecretRef.Name = "other" }, krakenVenue()), false},
	} {
		if (test.got == kraken) != test.same {
			t.Errorf("%s: expected the same account: %t, found %q", name, test.same, test.got)
		}
	}
	if got := desired.Account(sample()); got != "" || desired.AccountDigest(sample()) != "" {
		t.Errorf("paper: expected no account, found %q", got)
	}
	if label := render(t, live(krakenVenue())).Template.Apply.Labels[desired.LabelAccount]; len(label) != 32 || label != desired.AccountDigest(live(krakenVenue())) {
		t.Errorf("expected the account's digest on the pod, found %q", label)
	}
}
