package specs_test

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/specs"
)

// stepper runs a spec on changing inputs that are made before the clock starts.
type stepper struct {
	m   *lang.Machine
	in  [][]uint64
	out []uint64
}

const inputRows = 1024

func newStepper(b *testing.B, name string) *stepper {
	p := load(b, name)
	s := &stepper{m: p.NewMachine(), out: make([]uint64, len(p.Info().Outputs))}
	n := uint64(1)
	for range inputRows {
		in := make([]uint64, len(p.Info().Inputs))
		for i := range in {
			n = n*6364136223846793005 + 1442695040888963407
			in[i] = n >> 32 & p.Info().Inputs[i].Max()
		}
		s.in = append(s.in, in)
	}
	return s
}

func (s *stepper) step(b *testing.B, n int) {
	if err := s.m.Step(s.in[n%inputRows], s.out); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkKernelStep is one tick of the V35 kernel. Goal: below 200 ns, no allocation.
func BenchmarkKernelStep(b *testing.B) {
	s := newStepper(b, specs.KernelV35)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s.step(b, n)
		n++
	}
}

// BenchmarkAllNineSpecs is one tick of the kernel and the eight supporting specs. Goal: below 1 us, no allocation.
func BenchmarkAllNineSpecs(b *testing.B) {
	list := []*stepper{newStepper(b, specs.KernelV35)}
	for _, name := range specs.Supporting {
		list = append(list, newStepper(b, name))
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, s := range list {
			s.step(b, n)
		}
		n++
	}
}
