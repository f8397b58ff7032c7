package prove

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/core"
)

// memo is what the coordinator answered. Each entry comes from a whole state that was given to it; that what is left out of an entry's key could
// not have changed it is checked by audit.
type memo struct {
	canon     [2][]uint32   // by a fresh tick or not, and by book: the one that stands for it in a tick; plus 1
	templates []*core.State // by book
	outcomes  map[uint64]outcome
	ticks     map[uint64][]edge // by the book that stands for others, what is pending, and replies
	lifted    map[uint64][]edge // by book and replies
	counts    [][]counted       // by counts and summary
	summaries table[summary]
	answers   [][]edge // by book
	spares    [][]edge // by book
	crashes   []edge   // by book
	restarts  []uint32 // by counts: those after a restart; plus 1
	options   map[situation][]options
	outsides  []outside
}

func newMemo() memo {
	return memo{
		outcomes: map[uint64]outcome{}, ticks: map[uint64][]edge{}, lifted: map[uint64][]edge{}, summaries: newTable[summary](), options: map[situation][]options{}, outsides: allOutside(),
	}
}

// edge leads from a node to another: to a book, and to counts by what the summary does to them.
type edge struct {
	book    uint32
	summary uint32
	move    move
	broken  [3]mask // by echoDue
	// live and calm: see outside.live and outside.calm, answer.live and answer.calm. tick: it takes a tick; dirty: one with an anomaly. young: an
	// answer that begins or ends a position. acted: a tick that opened an intent.
	live, calm, tick, dirty, young, acted bool
}

// counted is what a tick of some summary does to some counts: those after it, and what is broken by what it does to them.
type counted struct {
	to     []uint32
	broken mask
}

// outcome is how a tick goes, for a book, replies and a choice that stand for others.
type outcome struct {
	book    uint32
	summary summary
	broken  [3]mask
	acted   bool // else an open intent is what it was
	// asked are the rows of 07 and 08.
	entry, exit uint32
}

// summary is what the counts after a tick depend on, besides the counts before it.
type summary struct {
	class                                uint8
	risk, late, ack, spoke, sold, held   bool
	echoAsked, cooldownAsked, stallAsked uint8
}

// errAbstraction begins the error of an exploration whose results could not be trusted.
var errAbstraction = errors.New("the abstraction does not hold")

// countsAt gives counts their number.
func (x *explorer) countsAt(c counts) (uint32, error) {
	id := x.counts.place(c)
	if int(id) < len(x.replies) {
		return id, nil
	}
	r, err := x.repliesOf(&c)
	if err != nil {
		return 0, err
	}
	x.replies, x.ageless = append(x.replies, r), append(x.ageless, id)
	x.memo.counts, x.memo.restarts = append(x.memo.counts, nil), append(x.memo.restarts, 0)
	if c.age > 0 {
		c.age = 0
		young, err := x.countsAt(c)
		if err != nil {
			return 0, err
		}
		x.ageless[id] = young
	}
	return id, nil
}

// standsFor is the book that a tick makes no difference from b: what is pending counts among the tick's events, of an open intent only its side
// matters, and a fresh tick makes no difference between the first and a later one.
func (x *explorer) standsFor(b uint32, fresh bool) uint32 {
	list := &x.memo.canon[0]
	if fresh {
		list = &x.memo.canon[1]
	}
	for int(b) >= len(*list) {
		*list = append(*list, 0)
	}
	if (*list)[b] == 0 {
		k := x.books.all[b]
		k.phase, k.pending, k.ambiguous = atStart, nothing, false
		if k.openSide != 0 {
			k.phase, k.openQty = atSettled, 1
		}
		if fresh {
			k.everFresh, k.priced = true, true
		}
		(*list)[b] = x.books.place(k) + 1
	}
	return (*list)[b] - 1
}

func (x *explorer) templateOf(b uint32) *core.State {
	for int(b) >= len(x.memo.templates) {
		x.memo.templates = append(x.memo.templates, nil)
	}
	if x.memo.templates[b] == nil {
		s := x.template(&x.books.all[b])
		x.memo.templates[b] = &s
	}
	return x.memo.templates[b]
}

// crashOf ends the process: what is durable is a snapshot of the state, which a new process boots from. What becomes of the book does not depend
// on the counts, and what becomes of the counts not on the book.
func (x *explorer) crashOf(b, c uint32) (e *edge, to uint32, err error) {
	for int(b) >= len(x.memo.crashes) {
		x.memo.crashes = append(x.memo.crashes, edge{})
	}
	e = &x.memo.crashes[b]
	if e.move == 0 || x.memo.restarts[c] == 0 {
		if err := x.crash(b, c); err != nil {
			return nil, 0, err
		}
	}
	return e, x.memo.restarts[c] - 1, nil
}

// crash makes the entries of the memo, or finds that they are what they were.
func (x *explorer) crash(b, c uint32) error {
	n := node{x.books.all[b], x.counts.all[c]}
	next, err := x.restart(b, &n)
	if err != nil {
		return err
	}
	to, err := x.countsAt(next.counts)
	if err != nil {
		return err
	}
	e, known := &x.memo.crashes[b], &x.memo.restarts[c]
	if e.move != 0 && x.books.all[e.book] != next.book || *known != 0 && *known != to+1 {
		return fmt.Errorf("%w: a restart of %+v leads to %+v: expected what one of the same book, and one of the same counts, led to", errAbstraction, n, next)
	}
	*e, *known = edge{book: x.books.place(next.book), move: moveCrash}, to+1
	return nil
}

func (x *explorer) restart(b uint32, n *node) (next node, err error) {
	var s core.State
	x.concrete(&s, n, x.templateOf(b))
	encoded, err := core.Encode(core.Snapshot{State: s})
	if err != nil {
		return node{}, err
	}
	var back core.Snapshot
	if err := json.Unmarshal(encoded, &back); err != nil {
		return node{}, fmt.Errorf("a snapshot is not understood: %w", err)
	}
	after := x.coordinator.ApplyBoot(back.State, &x.boot)
	x.bank.next = n.states()
	x.bank.at = x.bank.next
	err = x.abstract(&x.explored, &next, &after, atStart, n.memory())
	return next, err
}

func (n *node) memory() memory { return memory{n.trade, n.echoDue} }

// answersOf lets the venue say anything of the open intent. The counts stay, but for the age of a position that begins or ends.
func (x *explorer) answersOf(b, c uint32) ([]edge, error) {
	for int(b) >= len(x.memo.answers) {
		x.memo.answers = append(x.memo.answers, nil)
	}
	if x.memo.answers[b] != nil {
		return x.memo.answers[b], nil
	}
	n := node{x.books.all[b], x.counts.all[c]}
	if n.openSide == 0 {
		return nil, fmt.Errorf("%w: in %+v something leaves that is no intent", errAbstraction, n)
	}
	list := []edge{}
	seen := map[edge]bool{}
	for i := range answers {
		a := &answers[i]
		if !a.fits(&n.book) {
			continue
		}
		next, err := x.answer(b, &n, a)
		if err != nil {
			return nil, err
		}
		e := edge{book: x.books.place(next.book), live: a.live(&n.book), calm: a.calm(&n.book)}
		e.young = n.qty == 0 || next.qty == 0
		if err := x.keepsCounts(&n, &next, e.young); err != nil {
			return nil, err
		}
		if seen[e] {
			continue
		}
		seen[e] = true
		e.move = moveAnswer | move(i)<<2
		list = append(list, e)
	}
	x.memo.answers[b] = list
	return list, nil
}

// keepsCounts holds an answer to what its edge says of the counts.
func (x *explorer) keepsCounts(n, next *node, young bool) error {
	want := n.counts
	if young {
		want.age = 0
	}
	if next.counts != want {
		return fmt.Errorf("%w: an answer to %+v leads to %+v, whose counts were expected to be kept", errAbstraction, *n, *next)
	}
	return nil
}

func (x *explorer) answer(b uint32, n *node, a *answer) (next node, err error) {
	var s core.State
	x.concrete(&s, n, x.templateOf(b))
	phase := uint8(atStart)
	if n.phase == atStart {
		phase = atSettled
	}
	return x.settled(&s, n, a.outcome(&s, false), phase)
}

// settled is the node after an outcome.
func (x *explorer) settled(s *core.State, n *node, out *core.Outcome, phase uint8) (next node, err error) {
	after, err := settle(x.coordinator, &x.explored.world.params, *s, out, 1)
	if err != nil {
		return node{}, fmt.Errorf("an answer of the venue is refused: %w", err)
	}
	x.bank.next = n.states()
	x.bank.at = x.bank.next
	err = x.abstract(&x.explored, &next, &after, phase, n.memory())
	return next, err
}

// sparesOf ends the process, and lets the venue say to the next one what became of the exit that was authorised in advance. b is the book after
// the restart.
func (x *explorer) sparesOf(b, c uint32) ([]edge, error) {
	for int(b) >= len(x.memo.spares) {
		x.memo.spares = append(x.memo.spares, nil)
	}
	if x.memo.spares[b] != nil {
		return x.memo.spares[b], nil
	}
	n := node{x.books.all[b], x.counts.all[c]}
	list := []edge{}
	seen := map[edge]bool{}
	for i := range answers {
		a := &answers[i]
		if n.qty == 0 || !a.ofSpare(n.qty) {
			continue
		}
		var s core.State
		x.concrete(&s, &n, x.templateOf(b))
		next, err := x.settled(&s, &n, a.outcome(&s, true), atStart)
		if err != nil {
			return nil, err
		}
		e := edge{book: x.books.place(next.book), young: next.qty == 0}
		if err := x.keepsCounts(&n, &next, e.young); err != nil {
			return nil, err
		}
		if seen[e] {
			continue
		}
		seen[e] = true
		e.move = moveSpare | move(i)<<2
		list = append(list, e)
	}
	x.memo.spares[b] = list
	return list, nil
}

// ticksOf lets a tick meet everything: one edge for each way that it can go. Books that differ only in what of an intent is open share them, but
// for that.
func (x *explorer) ticksOf(b, c uint32) ([]edge, error) {
	k, stand := &x.books.all[b], x.standsFor(b, false)
	shared := uint64(stand)<<34 | uint64(k.pending)<<32 | uint64(x.replies[c])
	list, ok := x.memo.ticks[shared]
	if !ok {
		var err error
		if list, err = x.ways(stand, c, k.pending); err != nil {
			return nil, err
		}
		x.memo.ticks[shared] = list
	}
	if k.openSide == 0 {
		return list, nil
	}
	own := uint64(b)<<32 | uint64(x.replies[c])
	lifted, ok := x.memo.lifted[own]
	if !ok {
		k := *k // the table of books may grow
		lifted = slices.Clone(list)
		for i := range lifted {
			x.lift(&k, &lifted[i])
		}
		x.memo.lifted[own] = lifted
	}
	return lifted, nil
}

// ways are the edges of a book that stands for others, with what is pending for one of them.
func (x *explorer) ways(b, c uint32, pending uint8) (list []edge, err error) {
	n := node{x.books.all[b], x.counts.all[c]}
	n.pending = pending
	situation := n.situation(x.explored.limits.HoldOnLeaseRisk)
	choices, ok := x.memo.options[situation]
	if !ok {
		choices = optionsIn(situation, x.memo.outsides)
		x.memo.options[situation] = choices
	}
	type way struct {
		book, summary uint32
		broken        [3]mask
		acted         bool
	}
	seen := map[way]bool{}
	for i := range choices {
		o := &choices[i]
		err := x.ticksIn(b, c, o, func(out *outcome, m market) {
			s := out.summary
			s.ack = o.outside.ack
			w := way{out.book, x.memo.summaries.place(s), out.broken, out.acted}
			if seen[w] { // with no less live and calm: the options come in that order
				return
			}
			seen[w] = true
			list = append(list, edge{
				book: w.book, summary: w.summary, broken: w.broken, acted: w.acted, live: o.live, calm: o.calm, tick: true, dirty: s.class != nothing,
				move: tickMove(o.raw, m),
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// lift makes an edge of the book that stands for b one of b: an intent that stays open is b's.
func (x *explorer) lift(b *book, e *edge) {
	if e.acted {
		return
	}
	k := x.books.all[e.book]
	if k.openSide != 0 {
		k.openQty, k.ambiguous = b.openQty, b.ambiguous
		e.book = x.books.place(k)
	}
}
