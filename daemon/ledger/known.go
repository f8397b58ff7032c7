package ledger

import "strconv"

// tally builds a Head while records pass, and holds it against a head known outside.
type tally struct {
	tree  frontier
	leaf  Hash
	epoch uint64
	first Hash // leaf hash of record 0
	known Head
}

// push takes the leaf hash and the epoch of the next record.
func (t *tally) push(leaf Hash, epoch uint64) {
	if t.tree.size == 0 {
		t.first = leaf
	}
	t.tree.push(leaf)
	t.leaf, t.epoch = leaf, epoch
}

// matches fails when the records so far are as many as the known head's, and others.
func (t *tally) matches() error {
	if t.tree.size != t.known.Size {
		return nil
	}
	if !t.known.Leaf.IsZero() && t.known.Leaf != t.leaf {
		return t.differs("leaf hash", t.known.Leaf, t.leaf)
	}
	if root := t.tree.root(); !t.known.Root.IsZero() && t.known.Root != root {
		return t.differs("root", t.known.Root, root)
	}
	return nil
}

func (t *tally) differs(what string, want, got Hash) error {
	return &CorruptionError{Seq: t.known.Size - 1, Problem: "the ledger was rewritten: " + what + " at size " + strconv.FormatUint(t.known.Size, 10),
		Expected: want.String() + " (known outside)", Found: got.String()}
}

// complete fails when the ledger is shorter than it was known to be.
func (t *tally) complete() error {
	if t.tree.size >= t.known.Size {
		return nil
	}
	return &CorruptionError{Seq: t.tree.size, Problem: "the ledger was cut or rolled back",
		Expected: "at least " + strconv.FormatUint(t.known.Size, 10) + " records (known outside or asked for)",
		Found:    strconv.FormatUint(t.tree.size, 10)}
}

func (t *tally) head() Head {
	return Head{Size: t.tree.size, Leaf: t.leaf, Root: t.tree.root(), Epoch: t.epoch}
}
