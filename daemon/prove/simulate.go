package prove

import (
	"fmt"
	"math/rand/v2"
)

// stepOf steps a component: from a state, with an input, to the next state; sees is what is seen of it at that step.
type stepOf[S comparable] func(from S, input int) (to S, sees uint32, err error)

// relation is a simulation of a component by another one.
type relation[S comparable] struct {
	meant, explored machine[S]
	related         [][]bool // by the place of a state that is meant, and one that is explored
}

// machine is a component's states with all their steps.
type machine[S comparable] struct {
	states table[S]
	next   [][]uint32 // by state and input: where it leads; and where else it may
	sees   []uint32   // likewise
}

// maxComponent bounds the states of a component.
const maxComponent = 1 << 13

func (m *machine[S]) explore(inputs int, first S, step stepOf[S], stays func(from, to S) bool) error {
	m.states = newTable[S]()
	m.states.place(first)
	for at := 0; at < len(m.states.all); at++ {
		if at > maxComponent {
			return fmt.Errorf("%w: a count has more than %d", ErrTooLarge, maxComponent)
		}
		for input := range inputs {
			from := m.states.all[at]
			to, sees, err := step(from, input)
			if err != nil {
				return err
			}
			next := []uint32{m.states.place(to)}
			if stays != nil && stays(from, to) {
				next = append(next, uint32(at))
			}
			m.next, m.sees = append(m.next, next), append(m.sees, sees)
		}
	}
	return nil
}

// simulate computes the largest simulation of the component that is meant by the one that is explored, whose far states may stay: of each pair, every
// step of the first shows what a step of the second shows, and leads to a pair again. It is nil if the first states are no pair.
func simulate[S comparable](inputs int, first S, stays func(from, to S) bool, meant, explored stepOf[S]) (*relation[S], error) {
	r := &relation[S]{}
	if err := r.meant.explore(inputs, first, meant, nil); err != nil {
		return nil, err
	}
	if err := r.explored.explore(inputs, first, explored, stays); err != nil {
		return nil, err
	}
	for range r.meant.states.all {
		row := make([]bool, len(r.explored.states.all))
		for i := range row {
			row[i] = true
		}
		r.related = append(r.related, row)
	}
	for changed := true; changed; {
		changed = false
		for a, row := range r.related {
			for b, on := range row {
				if on && !r.follows(inputs, a, b) {
					row[b], changed = false, true
				}
			}
		}
	}
	if !r.related[0][0] {
		return nil, nil
	}
	return r, nil
}

func (r *relation[S]) follows(inputs, a, b int) bool {
	for input := range inputs {
		i, j := a*inputs+input, b*inputs+input
		if r.meant.sees[i] != r.explored.sees[j] {
			return false
		}
		found := false
		for _, to := range r.explored.next[j] {
			found = found || r.related[r.meant.next[i][0]][to]
		}
		if !found {
			return false
		}
	}
	return true
}

// has says that the explored state stands for the one that is meant.
func (r *relation[S]) has(meant, explored S) bool {
	a, ok := r.meant.states.ids[meant]
	b, known := r.explored.states.ids[explored]
	return ok && known && r.related[a][b]
}

// draw gives one of the states that the explored one stands for.
func (r *relation[S]) draw(explored S, rng *rand.Rand) S {
	b, ok := r.explored.states.ids[explored]
	if !ok {
		return explored
	}
	first := rng.IntN(len(r.related))
	for i := range r.related {
		if from := (first + i) % len(r.related); r.related[from][b] {
			return r.meant.states.all[from]
		}
	}
	return explored
}
