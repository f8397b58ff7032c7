package ledger

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

// storedIndex is the place of record seq's leaf hash in tlog's order of stored hashes, and so the number of hashes
// stored with the records before it.
func storedIndex(seq uint64) int64 { return tlog.StoredHashCount(int64(seq)) }

// treeFileSize is the length in bytes of a tree file of the records from first to next-1.
func treeFileSize(first, next uint64) int64 {
	return (storedIndex(next) - storedIndex(first)) * tlog.HashSize
}

// hashes reads the tree's stored hashes: of sealed segments from their tree files, of the records after these from memory.
// It reads what a proof asks for, so a proof takes O(log n) reads.
type hashes struct {
	dir    string
	sealed []entry
	tail   []tlog.Hash // from the end of the sealed segments on
}

// ReadHashes implements tlog.HashReader.
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	sealedEnd := int64(0)
	if n := len(h.sealed); n > 0 {
		sealedEnd = storedIndex(h.sealed[n-1].next())
	}
	out := make([]tlog.Hash, len(indexes))
	var open *os.File // neighbours are often in one file
	openFirst := uint64(0)
	defer func() {
		if open != nil {
			open.Close()
		}
	}()
	for i, index := range indexes {
		if index >= sealedEnd {
			if index-sealedEnd >= int64(len(h.tail)) {
				return nil, fmt.Errorf("tree: expected a stored hash below %d, found a wish for %d", sealedEnd+int64(len(h.tail)), index)
			}
			out[i] = h.tail[index-sealedEnd]
			continue
		}
		at := sort.Search(len(h.sealed), func(k int) bool { return storedIndex(h.sealed[k].next()) > index })
		e := &h.sealed[at]
		if open == nil || openFirst != e.First {
			if open != nil {
				open.Close()
			}
			var err error
			if open, err = os.Open(filepath.Join(h.dir, treeName(e.First))); err != nil {
				return nil, err
			}
			openFirst = e.First
		}
		if _, err := open.ReadAt(out[i][:], (index-storedIndex(e.First))*tlog.HashSize); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("read %s: %w", treeName(e.First), err)
		}
	}
	return out, nil
}

// leaf reads the leaf hash of one record.
func (h *hashes) leaf(seq uint64) (Hash, error) {
	got, err := h.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(seq))})
	if err != nil {
		return Hash{}, err
	}
	return Hash(got[0]), nil
}

// root computes the root of the first size records.
func (h *hashes) root(size uint64) (Hash, error) {
	root, err := tlog.TreeHash(int64(size), h)
	return Hash(root), err
}
