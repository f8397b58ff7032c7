//go:build race

package loop

import "flag"

// Under the race detector what is drawn is drawn less often; hack/test/run draws it as often as usual without it.
func init() {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}
