package oracle

import (
	"regexp"
	"testing"
)

// accepted is the pattern of the TauDaemon resource, and of daemon/config.
var accepted = regexp.MustCompile(`^\$([.][A-Za-z0-9_-]+|\[[0-9]{1,9}\]|\['[^']+'\])+$`)

// FuzzParsePath: the paths that the resource and the configuration accept are those that are understood here.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"$.result.XETHZUSD.c[0]", "$['a b'][1].c-d", "$[0]", "$", "$.", "$..a", "$.a[", "$['']", "$['a'b']", "$[ü]", "$['a']x", "$.a\n", "$[99999999999]", "a.b", "", "$[+1]", "$['a]']"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePath(text)
		if understood := err == nil; understood != accepted.MatchString(text) {
			t.Fatalf("%q: understood: %v, accepted by the pattern: %v", text, understood, !understood)
		}
		if err == nil && len(p.steps) == 0 {
			t.Fatalf("%q has no steps", text)
		}
	})
}
