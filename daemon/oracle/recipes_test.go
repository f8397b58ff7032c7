package oracle

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// recipes are the sources of docs/oracles.md, as taud.toml and as the resource have them.
func recipes(t *testing.T) (file []config.Source, resource []v1alpha1.OracleSource) {
	t.Helper()
	page, err := os.ReadFile("../../docs/oracles.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(language string) (all string) {
		for _, after := range strings.Split(string(page), "```"+language+"\n")[1:] {
			block, _, ended := strings.Cut(after, "```")
			if !ended {
				t.Fatalf("a block of %s has no end", language)
			}
			all += block
		}
		return all
	}
	c, err := config.Parse("/etc/taud/taud.toml", []byte("economics.trade_qty = 1\n"+blocks("toml")))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(blocks("yaml")), &resource); err != nil {
		t.Fatal(err)
	}
	return c.Oracle.Sources, resource
}

// TestTheRecipesAreTheSameInBothForms: what a reader copies for a cluster does what it does outside.
func TestTheRecipesAreTheSameInBothForms(t *testing.T) {
	file, resource := recipes(t)
	if len(file) != len(resource) || len(file) < 5 {
		t.Fatalf("expected the same recipes, at least 5, found %d and %d", len(file), len(resource))
	}
	for i, f := range file {
		r := resource[i]
		age := config.Source{Name: r.Name, MaxAge: 1500e6} // the default
		if r.MaxAge != nil {
			age.MaxAge = r.MaxAge.Duration
		}
		if f.Name != r.Name || f.MaxAge != age.MaxAge {
			t.Errorf("recipe %d: expected %s, %v, found %s, %v", i, f.Name, f.MaxAge, r.Name, age.MaxAge)
		}
		switch {
		case f.HTTP != nil && r.HTTP != nil:
			if want := (config.HTTPSource{URL: r.HTTP.URL, Price: r.HTTP.Price, Time: r.HTTP.Time, Volume: r.HTTP.Volume}); *f.HTTP != want {
				t.Errorf("%s: expected %+v, found %+v", f.Name, *f.HTTP, want)
			}
		case f.Pyth != nil && r.Pyth != nil:
			want := config.PythSource{
				URL: r.Pyth.URL, Feed: strings.TrimPrefix(r.Pyth.Feed, "0x"), MaxConfidenceBps: int64(*r.Pyth.MaxConfidenceBps),
				Stream: r.Pyth.Updates == v1alpha1.PythStream, TokenFile: f.Pyth.TokenFile,
			}
			if *f.Pyth != want || (f.Pyth.TokenFile == "") != (r.Pyth.SecretRef == nil) {
				t.Errorf("%s: expected %+v, found %+v", f.Name, *f.Pyth, want)
			}
		default:
			t.Errorf("%s: the two forms are of different kinds", f.Name)
		}
	}
}

// TestEachExchangesRecipe asks a local server in the exchange's place: it answers the recipe's path and query alone, with a document that was written
// by hand after the exchange's documentation, or with one of its documented refusals.
func TestEachExchangesRecipe(t *testing.T) {
	type refusal struct {
		status       int
		header, body string
		want         string
	}
	file, _ := recipes(t)
	exchanges := map[string]struct {
		price     string
		published int64 // 0 is the time of receipt
		refusals  []refusal
	}{
		"kraken": {"2466.82", 0, []refusal{
			{200, "", `{"error":["EQuery:Unknown asset pair"]}`, "price: expected a value at $.result, found nothing"},
			{200, "", `{"error":["EAPI:Rate limit exceeded"]}`, "price: expected a value at $.result, found nothing"},
		}},
		"coinbase": {"2466.85", 1_724_826_309_833, []refusal{
			{404, "", `{"message":"NotFound"}`, "status: expected 200, found 404"},
			{429, "", `{"message":"Public rate limit exceeded"}`, "ratelimit: expected 200, found 429"},
		}},
		"binance": {"2466.79", 1_724_826_309_590, []refusal{
			{400, "", `{"code":-1121,"msg":"Invalid symbol."}`, "status: expected 200, found 400"},
			{429, "10", `{"code":-1003,"msg":"Too many requests."}`, "ratelimit: expected 200, found 429"},
			{418, "120", `{"code":-1003,"msg":"Way too many requests; IP banned."}`, "ratelimit: expected 200, found 418"},
			{200, "", `[]`, "price: expected a value at $[0], found nothing"},
		}},
		"bitstamp": {"2466.9", 1_724_826_309_000, []refusal{
			{404, "", `{"status":"error","reason":"not found"}`, "status: expected 200, found 404"},
			{200, "", `{"timestamp":"1724826309","last":null}`, "price: expected a number or a string at $.last, found null"},
		}},
	}
	for _, source := range file {
		exchange, there := exchanges[source.Name]
		if !there {
			continue
		}
		delete(exchanges, source.Name)
		good, err := os.ReadFile(filepath.Join("testdata", "recipes", source.Name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := url.Parse(source.HTTP.URL)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(answer refusal) Quote {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != wanted.Path || !reflect.DeepEqual(r.URL.Query(), wanted.Query()) {
					t.Errorf("%s: expected to be asked for %s, found %s", source.Name, wanted.RequestURI(), r.URL)
				}
				if answer.header != "" {
					w.Header().Set("Retry-After", answer.header)
				}
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
			}))
			defer server.Close()
			here := source
			here.HTTP = &config.HTTPSource{URL: server.URL + wanted.RequestURI(), Price: source.HTTP.Price, Time: source.HTTP.Time}
			sources, err := New([]config.Source{here})
			if err != nil {
				t.Fatal(err)
			}
			return sources[0].Poll(t.Context(), 1, 1_724_826_310_000)
		}
		t.Run(source.Name, func(t *testing.T) {
			q := ask(refusal{status: http.StatusOK, body: string(good)})
			if exchange.published == 0 {
				exchange.published = q.Received
			}
			if q.Err != "" || q.Price != fixed.MustParse(exchange.price) || q.Published != exchange.published {
				t.Errorf("expected %s at %d, found %+v", exchange.price, exchange.published, q)
			}
			for _, r := range exchange.refusals {
				if q := ask(r); q.Err != r.want || q.Price != 0 {
					t.Errorf("%d %s: expected %q, found %+v", r.status, r.body, r.want, q)
				}
			}
		})
	}
	for name := range exchanges {
		t.Errorf("%s: expected a recipe in docs/oracles.md, found none", name)
	}
}
