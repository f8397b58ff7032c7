package ledger

import (
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// tally builds a Head while records pass.
type tally struct {
	tree    frontier
	leaf    Hash
	epoch   uint64
	founder Hash // leaf hash of the newest founding record
}

// push takes the next record.
func (t *tally) push(r *Record, joined func(n node, start uint64)) {
	t.tree.add(node{0, tlog.Hash(r.Leaf)}, joined)
	t.leaf, t.epoch = r.Leaf, r.Epoch
	if r.founds() {
		t.founder = r.Leaf
	}
}

// mark is a state that the ledger must pass through. A zero leaf or root is not compared, a zero size says nothing.
type mark struct {
	size       uint64
	leaf, root Hash
	origin     string // what the ledger must be called at its end; "" is not compared
	by         string // who says so
}

func (h Head) mark() mark {
	return mark{size: h.Size, leaf: h.Leaf, root: h.Root, by: "known outside or asked for"}
}

func (c *Checkpoint) mark(by string) mark {
	return mark{size: c.Size, root: c.Root, origin: c.Origin, by: by}
}

// compare fails when the first size records are not those of the mark.
func (m *mark) compare(leaf, root Hash) error {
	if !m.leaf.IsZero() && m.leaf != leaf {
		return m.differs("leaf hash", m.leaf, leaf)
	}
	if !m.root.IsZero() && m.root != root {
		return m.differs("root", m.root, root)
	}
	return nil
}

func (m *mark) differs(what string, want, got Hash) error {
	return &CorruptionError{Seq: m.size - 1, Problem: "the ledger was rewritten: " + what + " at size " + strconv.FormatUint(m.size, 10),
		Expected: want.String() + " (" + m.by + ")", Found: got.String()}
}

// compareSealed checks a mark that lies at or before the end of tree, from stored hashes alone: they must make the mark's
// root, and the mark's tree must be the beginning of tree.
func (m *mark) compareSealed(h *hashes, tree *frontier) error {
	leaf, err := h.leaf(m.size - 1)
	if err != nil {
		return err
	}
	root, err := h.root(m.size)
	if err != nil {
		return err
	}
	if err := m.compare(leaf, root); err != nil {
		return err
	}
	if m.root.IsZero() {
		return nil
	}
	proof, err := tlog.ProveTree(int64(tree.size), int64(m.size), h)
	if err != nil {
		return err
	}
	if tlog.CheckTree(proof, int64(tree.size), tlog.Hash(tree.root()), int64(m.size), tlog.Hash(m.root)) != nil {
		return &CorruptionError{Seq: m.size - 1, Problem: "stored hashes do not lead from size " + strconv.FormatUint(m.size, 10) + " to " + strconv.FormatUint(tree.size, 10),
			Expected: "a tree that begins with " + m.root.String() + " (" + m.by + ")", Found: tree.root().String()}
	}
	return nil
}

// complete fails when the ledger ends before the mark, or is another by name.
func (m *mark) complete(size uint64, founder Hash) error {
	if size < m.size {
		return &CorruptionError{Seq: size, Problem: "the ledger was cut or rolled back",
			Expected: "at least " + strconv.FormatUint(m.size, 10) + " records (" + m.by + ")", Found: strconv.FormatUint(size, 10)}
	}
	if m.origin != "" && m.origin != Origin(founder) {
		return &CorruptionError{Problem: "another ledger's origin", Expected: m.origin + " (" + m.by + ")", Found: Origin(founder)}
	}
	return nil
}

func (t *tally) head() Head {
	return Head{Size: t.tree.size, Leaf: t.leaf, Root: t.tree.root(), Epoch: t.epoch}
}
