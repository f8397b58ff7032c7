package loop

import (
	"encoding/base64"
	"fmt"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// LedgerHead is the ledger's head as a report has it, not signed yet.
func LedgerHead(l Ledger) *v1alpha1.LedgerReport {
	head := l.Head()
	leaf := head.Leaf.String()
	return &v1alpha1.LedgerReport{Origin: l.Origin(), Size: int64(head.Size), Head: leaf, ShortHead: leaf[:12], Root: head.Root.String()}
}

// Attest signs the head in a report, and proves that it continues the first from records: what a lease.Options.Attest does. Where the ledger has not
// so many records, or from is 0, there is nothing to prove. A head that is not this ledger's is never signed.
func Attest(l *ledger.Ledger, r *v1alpha1.Report, from int64) error {
	if from < 0 || from > r.Ledger.Size {
		from = 0
	}
	a, err := l.Attest(uint64(max(r.Ledger.Size, 0)), uint64(from))
	if err != nil {
		return err
	}
	if a.Origin != r.Ledger.Origin || a.Leaf.String() != r.Ledger.Head || a.Root.String() != r.Ledger.Root {
		return fmt.Errorf("the reported head at %d records: expected %s, root %s, of %s, found %s, root %s, of %s",
			a.Size, a.Leaf, a.Root, a.Origin, r.Ledger.Head, r.Ledger.Root, r.Ledger.Origin)
	}
	r.Ledger.Key, r.Ledger.Signature, r.Ledger.Rotation = a.Key, a.Signature, a.Rotation
	if r.Proof = nil; from > 0 {
		r.Proof = &v1alpha1.ConsistencyProof{From: from}
		for _, h := range a.Proof {
			r.Proof.Hashes = append(r.Proof.Hashes, base64.StdEncoding.EncodeToString(h[:]))
		}
	}
	return nil
}
