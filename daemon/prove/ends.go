package prove

import "context"

// passage is a part of the composition that every way must leave: states within it, and the edges that count.
type passage struct {
	within func(*node) bool
	along  func(*edge) bool
	// until: only the ticks up to the last edge of which it says yes are counted, and a ring without one is no loop; nil counts all.
	until func(*edge) bool
	// aging: an edge that leaves the age of a position where it is, far from its limit, is left out. No way takes it for ever.
	aging bool
}

// exits: a position, while the venue fills and the Lease holds.
var exits = passage{
	within: func(n *node) bool { return n.qty > 0 },
	along:  func(e *edge) bool { return e.live },
}

// releases: an Auto quarantine, while nothing new happens. Its clean ticks are counted by the judge; what is left are the ticks up to the last
// one that is not clean.
var releases = passage{
	within: func(n *node) bool { return n.quarantined && !n.manual },
	along:  func(e *edge) bool { return e.calm },
	until:  func(e *edge) bool { return e.dirty },
}

// ways is what was found of a passage.
type ways struct {
	// longest is for each node the number of ticks of the longest way, plus 1; 0 outside the passage.
	longest []uint32
	// rings is for each node the number of the ring that it lies on, alone or with others.
	rings []uint32
	// loop is the first node that lies on a way that never leaves, if there is one.
	loop  uint32
	loops bool
}

// most is the longest way of all.
func (w *ways) most() (ticks uint32) {
	for _, n := range w.longest {
		ticks = max(ticks, n)
	}
	return max(ticks, 1) - 1
}

// edgesOf are the edges out of a node but for those of a crash, all of which were made while exploring.
func (x *explorer) edgesOf(id uint32) []edge {
	b, c := x.split(id)
	if x.asksVenue(b) {
		return x.memo.answers[b]
	}
	list, _ := x.ticksOf(b, c) // it is there
	return list
}

// to appends where an edge of a node leads.
func (x *explorer) to(list []uint32, id uint32, e *edge, p *passage) []uint32 {
	from := uint32(x.keys[id])
	switch {
	case e.young:
		return append(list, *x.nodes.at(e.book, x.ageless[from])-1)
	case !e.tick:
		return append(list, *x.nodes.at(e.book, from)-1)
	}
	for _, c := range x.memo.counts[from][e.summary].to {
		if p.aging && x.counts.all[from].age == 0 && x.counts.all[c].age == 0 && x.books.all[e.book].qty > 0 {
			continue
		}
		list = append(list, *x.nodes.at(e.book, c)-1)
	}
	return list
}

// traversal finds rings and the longest ways: Tarjan's strongly connected components, without recursion.
type traversal struct {
	x          *explorer
	p          *passage
	ways       ways
	known      []uint8  // whether a node is within: 0 for not looked at
	order, low []uint32 // order is 0 for a node that was not visited
	frames     []frame
	stack      []uint32
	clock      uint32
	count      uint32 // of rings
}

// frame is a node whose edges are followed.
type frame struct {
	id    uint32
	edge  int
	edges []edge
	to    []uint32 // what is left of where the edge leads
	alone bool     // it leads to itself
}

func (x *explorer) traverse(ctx context.Context, p *passage) (*ways, error) {
	n := len(x.keys)
	t := traversal{
		x: x, p: p, ways: ways{longest: make([]uint32, n), rings: make([]uint32, n)}, known: make([]uint8, n), order: make([]uint32, n), low: make([]uint32, n),
	}
	for root := range uint32(n) {
		if t.order[root] != 0 || !t.inside(root) {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for t.enter(root); len(t.frames) > 0; {
			t.step()
		}
	}
	return &t.ways, nil
}

func (t *traversal) inside(id uint32) bool {
	if t.known[id] == 0 {
		t.known[id] = 1
		if n := t.x.node(id); t.p.within(&n) {
			t.known[id] = 2
		}
	}
	return t.known[id] == 2
}

func (t *traversal) enter(id uint32) {
	t.clock++
	t.order[id], t.low[id], t.ways.longest[id] = t.clock, t.clock, 1
	t.stack = append(t.stack, id)
	t.frames = append(t.frames, frame{id: id, edge: -1, edges: t.x.edgesOf(id)})
}

// step follows the next edge of the last frame, or ends it.
func (t *traversal) step() {
	f := &t.frames[len(t.frames)-1]
	for len(f.to) == 0 {
		if f.edge++; f.edge == len(f.edges) {
			t.leave(f)
			return
		}
		if e := &f.edges[f.edge]; t.p.along(e) {
			f.to = t.x.to(f.to[:0], f.id, e, t.p)
		}
	}
	to, e, rest := f.to[0], &f.edges[f.edge], uint32(1)
	if t.inside(to) {
		if t.order[to] == 0 {
			t.enter(to) // and this edge is looked at again when that is left
			return
		}
		if t.ways.rings[to] == 0 { // it is still on the stack
			t.low[f.id] = min(t.low[f.id], t.order[to])
			f.alone = f.alone || to == f.id
		}
		rest = t.ways.longest[to]
	}
	f.to = f.to[1:]
	if t.p.until == nil || t.p.until(e) || rest > 1 {
		if e.tick {
			rest++
		}
		t.ways.longest[f.id] = max(t.ways.longest[f.id], rest)
	}
}

// leave ends a frame, and a ring if it is its first node.
func (t *traversal) leave(f *frame) {
	id, ring := f.id, f.alone
	t.frames = t.frames[:len(t.frames)-1]
	if len(t.frames) > 0 {
		above := t.frames[len(t.frames)-1].id
		t.low[above] = min(t.low[above], t.low[id])
	}
	if t.low[id] != t.order[id] {
		return // it belongs to the ring of a node that is still to be left
	}
	t.count++
	from := len(t.stack)
	for done := false; !done; {
		from--
		done = t.stack[from] == id
	}
	members := t.stack[from:]
	ring = ring || len(members) > 1
	counts := t.p.until == nil
	for _, m := range members {
		t.ways.rings[m] = t.count
		counts = counts || t.ways.longest[m] > 1
	}
	if ring {
		for _, m := range members {
			t.ways.noteLoop(m, counts)
		}
	}
	t.stack = t.stack[:from]
}

func (w *ways) noteLoop(id uint32, counts bool) {
	if counts && (!w.loops || id < w.loop) {
		w.loop, w.loops = id, true
	}
}

// around is the shortest way from a node of a ring back to itself.
func (x *explorer) around(p *passage, w *ways) []move {
	type came struct {
		from uint32
		move move
	}
	start := w.loop
	reached := map[uint32]came{}
	for queue := []uint32{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		edges := x.edgesOf(at)
		for i := range edges {
			e := &edges[i]
			if !p.along(e) {
				continue
			}
			for _, to := range x.to(nil, at, e, p) {
				if _, ok := reached[to]; ok || w.rings[to] != w.rings[start] {
					continue
				}
				reached[to] = came{at, e.move}
				if to != start {
					queue = append(queue, to)
					continue
				}
				var back []move
				for at := start; ; {
					c := reached[at]
					back = append(back, c.move)
					if at = c.from; at == start {
						return reversed(back)
					}
				}
			}
		}
	}
	return nil
}

// along is the longest way out of a node.
func (x *explorer) along(p *passage, w *ways, id uint32) (moves []move) {
	for w.longest[id] > 1 {
		edges := x.edgesOf(id)
		best, bestTo := -1, uint32(0)
		for i := range edges {
			e := &edges[i]
			if !p.along(e) {
				continue
			}
			for _, to := range x.to(nil, id, e, p) {
				rest := max(w.longest[to], 1)
				if rest == 1 && p.until != nil && !p.until(e) {
					continue
				}
				if e.tick {
					rest++
				}
				if rest == w.longest[id] && (best < 0 || e.tick) {
					best, bestTo = i, to
				}
			}
		}
		moves = append(moves, edges[best].move)
		id = bestTo
	}
	return moves
}

func reversed(moves []move) []move {
	for i, j := 0, len(moves)-1; i < j; i, j = i+1, j-1 {
		moves[i], moves[j] = moves[j], moves[i]
	}
	return moves
}
