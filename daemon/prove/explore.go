package prove

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// explorer walks breadth-first over the reachable states.
type explorer struct {
	coordinator Coordinator
	bank        *bank
	// explored is the setting whose states are explored, meant the one that they stand for; see cut.go.
	explored, meant setting
	cuts            cuts
	digests         [SpecCount]string
	boot            core.Boot
	failures        [3]error // by outside.verdict

	books   table[book]
	counts  table[counts]
	replies []replies // by counts
	ageless []uint32  // by counts: the same of a position that was just filled or is gone
	memo    memo

	// nodes are pairs of a book and counts, in the order in which they were reached.
	nodes   pages
	keys    []uint64
	parents []uint32
	moves   []move

	transitions, ran, audited uint64
	rng                       *rand.Rand
	draws                     float64
	only                      Discipline // ends at the first violation of it
	refuted                   [disciplines]*refutation

	t ticked // of the last tick: kept here so that a tick allocates little
}

// setting is limits and what follows from them.
type setting struct {
	limits Limits
	world  *world
	// asks are the limits that 03, 05 and 06 are asked with, in the places of their rows.
	asks [monitor.Count]uint32
}

// refutation is where a discipline was first found broken: by a move out of a node.
type refutation struct {
	node uint32
	move move
}

const bootDigest = "sha256:c"

func newExplorer(set [SpecCount]core.Spec, l Limits, c Coordinator, whole bool) (*explorer, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	b, err := newBank(set, whole)
	if err != nil {
		return nil, err
	}
	x := &explorer{
		coordinator: c, bank: b, explored: setting{limits: l, world: newWorld(l)},
		failures: [3]error{missing: errors.New("the engine was cut off"), disagreeing: core.ErrDisagreement},
		books:    newTable[book](), counts: newTable[counts](), memo: newMemo(), rng: rand.New(rand.NewPCG(35, 8)), only: disciplines, draws: 1,
	}
	for i := range set {
		x.digests[i] = set[i].Digest
	}
	x.meant = x.explored
	x.boot = core.Boot{Config: bootDigest, Specs: set, Params: x.explored.world.params, Baseline: core.Account{Quote: cash}}
	return x, nil
}

// shorten makes x explore shorter limits in place of its own, if they can stand for them.
func (x *explorer) shorten() error {
	l := x.meant.limits.cut()
	if l == x.meant.limits {
		return nil
	}
	x.explored = setting{limits: l, world: newWorld(l)}
	if _, err := x.start(&x.meant); err != nil {
		return err
	}
	if _, err := x.start(&x.explored); err != nil {
		return err
	}
	ok, err := x.relate()
	if !ok {
		x.explored = x.meant
	}
	return err
}

// start is the state after the first boot. A first tick out of it shows which limits the specs are asked with.
func (x *explorer) start(in *setting) (n node, err error) {
	s := x.coordinator.ApplyBoot(core.State{}, &x.boot)
	if err = x.abstract(in, &n, &s, atStart, memory{}); err != nil {
		return n, err
	}
	first := n
	t, err := x.tick(in, x.books.place(n.book), &first, outside{}, market{fresh: fresh})
	if err != nil {
		return n, err
	}
	if t.verdicts.Err != "" {
		return n, fmt.Errorf("the first tick has no verdict: %s", t.verdicts.Err)
	}
	for id, mask := range rowBits {
		if mask != 0 {
			in.asks[id] = x.bank.asked[id] &^ mask
		}
	}
	return n, nil
}

// run explores all that can be reached from the first boot.
func (x *explorer) run(ctx context.Context) error {
	first, err := x.start(&x.explored)
	if err != nil {
		return err
	}
	if !x.cuts.on {
		x.meant = x.explored
	}
	c, err := x.countsAt(first.counts)
	if err != nil {
		return err
	}
	x.reach(x.books.place(first.book), c, 0, moveCrash)
	if x.only == Watch { // it looks at two monitors alone
		return nil
	}
	for at := 0; at < len(x.keys); at++ {
		if len(x.keys) > maxNodes {
			return fmt.Errorf("%w: the composition has more than %d", ErrTooLarge, maxNodes)
		}
		if at&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.expand(uint32(at)); err != nil {
			return err
		}
		if x.only < disciplines && x.refuted[x.only] != nil {
			return nil
		}
	}
	return nil
}

// maxNodes bounds the states of the composition: about 2 GiB of memory.
const maxNodes = 50_000_000

// split is the book and the counts of a node.
func (x *explorer) split(id uint32) (b, c uint32) {
	k := x.keys[id]
	return uint32(k >> 32), uint32(k)
}

func (x *explorer) node(id uint32) node {
	b, c := x.split(id)
	return node{x.books.all[b], x.counts.all[c]}
}

// reach notes that a node leads to another.
func (x *explorer) reach(b, c, from uint32, m move) {
	x.transitions++
	place := x.nodes.at(b, c)
	if *place != 0 {
		return
	}
	x.keys, x.parents, x.moves = append(x.keys, uint64(b)<<32|uint64(c)), append(x.parents, from), append(x.moves, m)
	*place = uint32(len(x.keys))
}

func (x *explorer) note(broken mask, from uint32, m move) {
	for d := range disciplines {
		if broken.has(d) && x.refuted[d] == nil {
			x.refuted[d] = &refutation{from, m}
		}
	}
}

// expand takes every move out of a node.
func (x *explorer) expand(id uint32) error {
	due := x.counts.all[uint32(x.keys[id])].echoDue
	err := x.successors(id, func(b, c uint32, e *edge, counted mask) {
		x.reach(b, c, id, e.move)
		if broken := e.broken[due] | counted; broken != 0 {
			x.note(broken, id, e.move)
		}
	})
	if err != nil {
		return err
	}
	return x.audit(id)
}

// taker takes an edge and where it leads, with what is broken by what it does to the counts.
type taker func(b, c uint32, e *edge, counted mask)

// successors gives every edge out of a node, the crash last: of ways of one length one without is found first. Each entry of the memo is made when it
// is first needed.
func (x *explorer) successors(id uint32, take taker) error {
	b, c := x.split(id)
	var err error
	if x.asksVenue(b) {
		err = x.answered(b, c, take)
	} else {
		err = x.ticked(b, c, take)
	}
	if err != nil {
		return err
	}
	crash, restarted, err := x.crashOf(b, c)
	if err != nil {
		return err
	}
	take(crash.book, restarted, crash, 0)
	spares, err := x.sparesOf(crash.book, restarted)
	x.untimed(spares, restarted, take)
	return err
}

func (x *explorer) answered(b, c uint32, take taker) error {
	list, err := x.answersOf(b, c)
	x.untimed(list, c, take)
	return err
}

// untimed gives edges that are no ticks: the counts stay as they are, but for the age of a position that is new or gone.
func (x *explorer) untimed(list []edge, c uint32, take taker) {
	for i := range list {
		e := &list[i]
		to := c
		if e.young {
			to = x.ageless[c]
		}
		take(e.book, to, e, 0)
	}
}

func (x *explorer) ticked(b, c uint32, take taker) error {
	list, err := x.ticksOf(b, c)
	if err != nil {
		return err
	}
	known := x.memo.counts[c]
	for i := range list {
		e := &list[i]
		if int(e.summary) >= len(known) || known[e.summary].to == nil {
			if err := x.count(b, c, e); err != nil {
				return err
			}
			known = x.memo.counts[c]
		}
		to := &known[e.summary]
		for _, c := range to.to {
			take(e.book, c, e, to.broken)
		}
	}
	return nil
}

// asksVenue: in this book's phase the venue speaks next, not the tick.
func (x *explorer) asksVenue(b uint32) bool {
	k := &x.books.all[b]
	return k.phase == atAct || k.phase == atStart && k.openSide != 0
}

// table numbers the different values that it is given.
type table[T comparable] struct {
	ids map[T]uint32
	all []T
}

func newTable[T comparable]() table[T] { return table[T]{ids: map[T]uint32{}} }

func (t *table[T]) place(v T) uint32 {
	id, ok := t.ids[v]
	if !ok {
		id = uint32(len(t.all))
		t.ids[v], t.all = id, append(t.all, v)
	}
	return id
}

// pages is a table over pairs of a book and counts, most of which are never reached.
type pages struct{ books [][]*page }

const pageBits = 6

type page [1 << pageBits]uint32

// at is the place of a pair: 0 until it is set.
func (p *pages) at(b, c uint32) *uint32 {
	for int(b) >= len(p.books) {
		p.books = append(p.books, nil)
	}
	row := &p.books[b]
	i := int(c >> pageBits)
	for i >= len(*row) {
		*row = append(*row, nil)
	}
	if (*row)[i] == nil {
		(*row)[i] = new(page)
	}
	return &(*row)[i][c&(1<<pageBits-1)]
}
