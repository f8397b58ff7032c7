package specs_test

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/specs"
)

func BenchmarkKernelStep(b *testing.B) {
	src, _ := specs.FS.ReadFile(specs.KernelV35)
	p, err := lang.Load(specs.KernelV35, src)
	if err != nil {
		b.Fatal(err)
	}
	m := p.NewMachine()
	in, out := make([]uint64, len(p.Info().Inputs)), make([]uint64, len(p.Info().Outputs))
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		n = n*6364136223846793005 + 1442695040888963407
		for i := range in {
			in[i] = n >> (40 + i) & 1
		}
		if err := m.Step(in, out); err != nil {
			b.Fatal(err)
		}
	}
}
