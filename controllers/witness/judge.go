package witness

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// MaxPending is how many reports in a row may lack the proof that they were asked for.
const MaxPending = 3

// The reasons of a Verdict that is not Accepted, as in the condition LedgerConsistent.
const (
	// ReasonProofPending: the head is not proven yet.
	ReasonProofPending = "ProofPending"
	// ReasonRollback: the ledger is shorter than it was, within one origin.
	ReasonRollback = "LedgerRollback"
	// ReasonForked: the ledger has another head than the witnessed one, at the same size.
	ReasonForked = "LedgerForked"
	// ReasonProofInvalid: the proof does not show that the ledger begins with what was witnessed.
	ReasonProofInvalid = "LedgerProofInvalid"
	// ReasonProofMissing: the proof did not come.
	ReasonProofMissing = "LedgerProofMissing"
	// ReasonSignatureInvalid: the head is not signed by the key that it names.
	ReasonSignatureInvalid = "LedgerSignatureInvalid"
	// ReasonKeyChanged: the head is signed by another key than the pinned one, which did not sign a rotation to it.
	ReasonKeyChanged = "LedgerKeyChanged"
	// ReasonNewOrigin: the head is of another ledger, which nobody has accepted.
	ReasonNewOrigin = "LedgerNewOrigin"
	// ReasonMalformed: the head is none.
	ReasonMalformed = "LedgerMalformed"
	// ReasonAnchorUnreadable: what was witnessed before cannot be read.
	ReasonAnchorUnreadable = "LedgerAnchorUnreadable"
)

// Outcome of a judgement.
type Outcome int

// The outcomes.
const (
	// Pending: not believed yet; the head before stands.
	Pending Outcome = iota
	// Accepted: from now on this is the head that was witnessed last.
	Accepted
	// Refused: it contradicts what was witnessed, or cannot be believed.
	Refused
)

// Verdict on a reported head. Reason, Expected and Found are of one that is not Accepted.
type Verdict struct {
	Outcome                 Outcome
	Reason, Expected, Found string
}

// Message is expected and found as one sentence.
func (v Verdict) Message() string {
	return fmt.Sprintf("expected %s, found %s", v.Expected, v.Found)
}

// Case is what is judged.
type Case struct {
	// Known is the head witnessed last; nil if there is none.
	Known *v1alpha1.LedgerReport
	// AcceptOrigin is the origin that a person has accepted beside Known's; "" if none.
	AcceptOrigin string
	// Head and Proof as reported. Head is required.
	Head  *v1alpha1.LedgerReport
	Proof *v1alpha1.ConsistencyProof
	// Waited is how many reports in a row before this one were Pending although the daemon knew what to prove from.
	Waited int
}

// Judge says what the head is worth.
func Judge(c Case) Verdict {
	head, err := parse(c.Head)
	if err != nil {
		return Verdict{Refused, ReasonMalformed, err.Expected, err.Found}
	}
	if c.Head.Key == "" || c.Head.Signature == "" {
		return c.wait("a head with key and signature", "none")
	}
	if err := head.signed(); err != nil {
		return Verdict{Refused, ReasonSignatureInvalid, err.Expected, err.Found}
	}
	if c.Known == nil {
		return Verdict{Outcome: Accepted}
	}
	known, err := parse(c.Known)
	if err != nil {
		return Verdict{Refused, ReasonAnchorUnreadable, err.Expected + " as the head witnessed last", err.Found}
	}
	if c.Head.Origin != c.Known.Origin {
		if c.Head.Origin == c.AcceptOrigin {
			return Verdict{Outcome: Accepted}
		}
		return Verdict{Refused, ReasonNewOrigin,
			fmt.Sprintf("ledger %s (%d records), or spec.ledger.acceptOrigin to name the other", c.Known.Origin, c.Known.Size),
			fmt.Sprintf("ledger %s (%d records), %s", c.Head.Origin, c.Head.Size, c.has(known, head))}
	}
	if c.Known.Key != "" && c.Head.Key != c.Known.Key {
		if err := rotated(c.Known.Key, c.Head); err != nil {
			return Verdict{Refused, ReasonKeyChanged, err.Expected, err.Found}
		}
	}
	return c.continues(known, head)
}

// continues judges a head of the same origin, signed by the right key.
func (c *Case) continues(known, head *parsed) Verdict {
	switch {
	case head.size < known.size:
		return Verdict{Refused, ReasonRollback, fmt.Sprintf("at least %d records", known.size), fmt.Sprint(head.size)}
	case head.size == known.size && (head.root != known.root || head.leaf != known.leaf):
		return Verdict{Refused, ReasonForked, fmt.Sprintf("head %s, root %s at %d records", c.Known.Head, c.Known.Root, known.size),
			fmt.Sprintf("head %s, root %s", c.Head.Head, c.Head.Root)}
	case head.size == known.size:
		return Verdict{Outcome: Accepted}
	case c.Proof == nil:
		return c.wait(fmt.Sprintf("a proof from size %d", known.size), "none")
	case c.Proof.From != known.size:
		return c.wait(fmt.Sprintf("a proof from size %d", known.size), fmt.Sprintf("one from %d", c.Proof.From))
	}
	if err := prove(known, head, c.Proof); err != nil {
		return Verdict{Refused, ReasonProofInvalid, err.Expected, err.Found}
	}
	return Verdict{Outcome: Accepted}
}

// wait is Pending until it was for too long.
func (c *Case) wait(expected, found string) Verdict {
	if c.Waited < MaxPending {
		return Verdict{Pending, ReasonProofPending, expected, found}
	}
	return Verdict{Refused, ReasonProofMissing, expected, fmt.Sprintf("%s, %d reports in a row", found, c.Waited+1)}
}

// has says whether a ledger of another origin begins with what was witnessed.
func (c *Case) has(known, head *parsed) string {
	switch {
	case head.size < known.size:
		return "too short to have all that was witnessed"
	case head.size == known.size && head.root == known.root:
		return "which has all that was witnessed"
	case head.size == known.size:
		return "which has not all that was witnessed"
	case c.Proof == nil || c.Proof.From != known.size:
		return "which does not say whether it has all that was witnessed"
	case prove(known, head, c.Proof) != nil:
		return "which has not all that was witnessed"
	}
	return "which has all that was witnessed"
}

// prove checks the consistency proof between two sizes of which the first is the smaller.
func prove(known, head *parsed, p *v1alpha1.ConsistencyProof) *mismatch {
	proof := make(tlog.TreeProof, 0, min(len(p.Hashes), maxProof))
	for i, text := range p.Hashes {
		h, ok := parseBase64(text)
		if !ok || i >= maxProof {
			return &mismatch{fmt.Sprintf("at most %d hashes of 32 bytes in base64", maxProof), fmt.Sprintf("%d, of which number %d is %s", len(p.Hashes), i+1, clip(text))}
		}
		proof = append(proof, h)
	}
	if tlog.CheckTree(proof, head.size, head.root, known.size, known.root) != nil {
		return &mismatch{fmt.Sprintf("a ledger of %d records that begins with the %d witnessed ones (root %x)", head.size, known.size, known.root[:]),
			fmt.Sprintf("a proof of %d hashes that does not show it for root %x", len(proof), head.root[:])}
	}
	return nil
}

// maxProof bounds a proof: a tree of 2^53 records needs no more.
const maxProof = 64

// Stands says whether a refusal is still in force for a report of that epoch. A later boot may clear it, for somebody has then looked; the same
// process may not, whatever else it shows. Only an origin that a person has accepted since is judged anew at once.
func Stands(refused *v1alpha1.RefusedHead, epoch int64, acceptOrigin string) bool {
	if refused == nil || epoch > refused.Epoch {
		return false
	}
	return refused.Reason != ReasonNewOrigin || refused.Origin != acceptOrigin
}

// mismatch is what was expected, and what was found.
type mismatch struct{ Expected, Found string }

// clip shortens what is quoted in an error.
func clip(s string) string {
	const longest = 80
	if len(s) > longest {
		return fmt.Sprintf("%q… (%d bytes)", strings.ToValidUTF8(s[:longest], ""), len(s))
	}
	return fmt.Sprintf("%q", s)
}
