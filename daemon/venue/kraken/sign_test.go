package kraken

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestARequestIsSignedAsTheExchangesOwnExample: key, nonce, form and signature are those of the exchange's guide to authentication.
func TestARequestIsSignedAsTheExchangesOwnExample(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/key", "public")
	put(t, dir+"/secret", "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==\n")
	c, err := readCredentials(dir+"/key", dir+"/secret")
	if err != nil {
		t.Fatal(err)
	}
	const nonce = "1616492376594"
	found := c.sign("/0/private/AddOrder", nonce, "nonce="+nonce+"&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25")
	if want := "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="; found != want {
		t.Errorf("expected %s, found %s", want, found)
	}
}

func TestBadCredentialsAreRefusedWithTheirFileAndWithoutTheirContent(t *testing.T) {
	dir := t.TempDir()
	good := func(name, text string) string {
		put(t, filepath.Join(dir, name), text)
		return filepath.Join(dir, name)
	}
	key, secret := good("key", "KEY"), good("secret", "c2VjcmV0")
	for name, test := range map[string]struct{ key, secret, want string }{
		"no key file":           {dir + "/none", secret, dir + "/none: expected a readable file: no such file or directory"},
		"no secret file":        {key, dir + "/none", dir + "/none: expected a readable file: no such file or directory"},
		"a folder":              {dir, secret, dir + ": expected a readable file: is a directory"},
		"an empty key":          {good("empty", " \n"), secret, dir + "/empty: expected one line of at most 4096 printable characters, found 0 bytes"},
		"two lines":             {good("two", "SECRET-1\nSECRET-2"), secret, dir + "/two: expected one line of at most 4096 printable characters, found 17 bytes"},
		"a key too long":        {good("long", strings.Repeat("SECRET", 1000)), secret, dir + "/long: expected one line of at most 4096 printable characters, found 4097 bytes"},
		"a secret of no base64": {key, good("plain", "SECRET!"), dir + "/plain: expected a private key in base64, found something else"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readCredentials(test.key, test.secret)
			if err == nil || err.Error() != test.want || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("expected %q, found %v", test.want, err)
			}
			if c.key != "" || c.private != nil {
				t.Error("expected no credentials beside an error")
			}
		})
	}
	c, err := readCredentials(key, secret)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c); strings.Contains(shown, "KEY") || strings.Contains(shown, "secret") || strings.Contains(shown, "115") {
		t.Errorf("credentials print as %s", shown)
	}
	if got := c.redact("EAPI:Invalid key:KEY of KEY"); got != "EAPI:Invalid key:(key) of (key)" {
		t.Errorf("found %q", got)
	}
}

func TestNoncesOnlyRise(t *testing.T) {
	var n nonces
	at := time.UnixMilli(1_700_000_000_000)
	for i, test := range []struct {
		now  time.Time
		want int64
	}{
		{at, 1_700_000_000_000}, {at, 1_700_000_000_001}, {at.Add(-time.Hour), 1_700_000_000_002}, {at.Add(time.Second), 1_700_000_001_000},
	} {
		if got := n.next(test.now); got != test.want {
			t.Errorf("nonce %d: expected %d, found %d", i, test.want, got)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
