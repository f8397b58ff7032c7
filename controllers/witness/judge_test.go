package witness

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
)

func TestAHeadIsBelievedOnlyWithSignatureAndProof(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Case)
		want   Outcome
		reason string
	}{
		"the next head, proven":                      {func(*Case) {}, Accepted, ""},
		"the same head again, without a proof":       {func(c *Case) { c.Head, c.Proof = c.Known, nil }, Accepted, ""},
		"the first head of all, without a proof":     {func(c *Case) { c.Known, c.Proof = nil, nil }, Accepted, ""},
		"the first head where no key was pinned yet": {func(c *Case) { c.Known.Key, c.Known.Signature = "", "" }, Accepted, ""},

		"a proof from another size": {func(c *Case) { c.Proof = ours().Prove(8, 20) }, Pending, ReasonProofPending},
		"no proof":                  {func(c *Case) { c.Proof = nil }, Pending, ReasonProofPending},
		"no signature":              {func(c *Case) { c.Head.Signature = "" }, Pending, ReasonProofPending},
		"no key":                    {func(c *Case) { c.Head.Key = "" }, Pending, ReasonProofPending},
		"no proof in the third report that was asked for one":  {func(c *Case) { c.Proof, c.Waited = nil, 2 }, Pending, ReasonProofPending},
		"no proof in the fourth":                               {func(c *Case) { c.Proof, c.Waited = nil, 3 }, Refused, ReasonProofMissing},
		"no signature in the fourth":                           {func(c *Case) { c.Head.Signature, c.Waited = "", 3 }, Refused, ReasonProofMissing},
		"a first head without a signature, again and again":    {func(c *Case) { c.Known, c.Head.Signature, c.Waited = nil, "", 3 }, Refused, ReasonProofMissing},
		"a proof that comes late":                              {func(c *Case) { c.Waited = 9 }, Accepted, ""},
		"a shorter ledger":                                     {func(c *Case) { c.Head, c.Proof = ours().Head(9), ours().Prove(9, 9) }, Refused, ReasonRollback},
		"a shorter ledger without a proof":                     {func(c *Case) { c.Head, c.Proof = ours().Head(9), nil }, Refused, ReasonRollback},
		"an older head, unsigned":                              {func(c *Case) { c.Head, c.Proof = ours().Head(9), nil; c.Head.Signature = "" }, Pending, ReasonProofPending},
		"another head at the same size":                        {func(c *Case) { c.Head = fork(7, 10).Head(10) }, Refused, ReasonForked},
		"a fork before what was witnessed, with its own proof": {func(c *Case) { f := fork(7, 20); c.Head, c.Proof = f.Head(20), f.Prove(10, 20) }, Refused, ReasonProofInvalid},
		"a fork after it":                                      {func(c *Case) { f := fork(12, 20); c.Head, c.Proof = f.Head(20), f.Prove(10, 20) }, Accepted, ""},
		"a fork with the proof of the true ledger":             {func(c *Case) { c.Head = fork(7, 20).Head(20) }, Refused, ReasonProofInvalid},
		"a hash of the proof changed":                          {func(c *Case) { c.Proof.Hashes[1] = ours().Prove(1, 2).Hashes[0] }, Refused, ReasonProofInvalid},
		"a hash of the proof left out":                         {func(c *Case) { c.Proof.Hashes = c.Proof.Hashes[1:] }, Refused, ReasonProofInvalid},
		"a hash too many":                                      {func(c *Case) { c.Proof.Hashes = append(c.Proof.Hashes, c.Proof.Hashes[0]) }, Refused, ReasonProofInvalid},
		"an endless proof":                                     {func(c *Case) { c.Proof.Hashes = make([]string, 1<<16) }, Refused, ReasonProofInvalid},
		"a proof that is no base64":                            {func(c *Case) { c.Proof.Hashes[0] = "!" }, Refused, ReasonProofInvalid},

		"a signature of another head":         {func(c *Case) { c.Head.Signature = ours().Head(19).Signature }, Refused, ReasonSignatureInvalid},
		"a head that the signature is not of": {func(c *Case) { c.Head.Head = ours().Head(19).Head }, Refused, ReasonSignatureInvalid},
		"a root that the signature is not of": {func(c *Case) { c.Head.Root = ours().Head(19).Root }, Refused, ReasonSignatureInvalid},
		"a size that the signature is not of": {func(c *Case) { c.Head.Size = 21 }, Refused, ReasonSignatureInvalid},
		"another key's signature":             {func(c *Case) { c.Head.Signature = keyed("thief").Head(20).Signature }, Refused, ReasonSignatureInvalid},
		"two signatures in one":               {func(c *Case) { c.Head.Signature += "\n— " + c.Head.Origin + " " + c.Head.Signature }, Refused, ReasonSignatureInvalid},
		"a signature that is none":            {func(c *Case) { c.Head.Signature = "x" }, Refused, ReasonSignatureInvalid},
		"a key that is none":                  {func(c *Case) { c.Head.Key = "x" }, Refused, ReasonSignatureInvalid},
		"a key of another origin":             {func(c *Case) { c.Head.Key = witnesstest.New("b").Grow(1).Head(1).Key }, Refused, ReasonSignatureInvalid},
		"another key, signed by itself":       {func(c *Case) { c.Head = keyed("thief").Head(20) }, Refused, ReasonKeyChanged},
		"another key, signed for by itself":   {func(c *Case) { b := keyed("thief"); r := b.Rotate("thief"); c.Head = b.Head(20); c.Head.Rotation = r }, Refused, ReasonKeyChanged},
		"another key, signed for by the old":  {func(c *Case) { b := ours(); r := b.Rotate("next"); c.Head = b.Head(20); c.Head.Rotation = r }, Accepted, ""},
		"a rotation to yet another": {func(c *Case) {
			b := ours()
			r := b.Rotate("next")
			b.SetKey("thief")
			c.Head = b.Head(20)
			c.Head.Rotation = r
		}, Refused, ReasonKeyChanged},
		"a rotation, but rolled back": {func(c *Case) { b := ours(); r := b.Rotate("next"); c.Head = b.Head(9); c.Head.Rotation = r }, Refused, ReasonRollback},
		"a rotation over two keys": {func(c *Case) {
			b := ours()
			b.Rotate("next")
			r := b.Rotate("third")
			c.Head = b.Head(20)
			c.Head.Rotation = r
		}, Refused, ReasonKeyChanged},
		"the same key, with a rotation of old": {func(c *Case) { c.Head.Rotation = "AAAA" }, Accepted, ""},

		"another ledger":                     {func(c *Case) { c.Head = other().Head(20) }, Refused, ReasonNewOrigin},
		"another ledger, accepted":           {func(c *Case) { c.Head = other().Head(3); c.Proof, c.AcceptOrigin = nil, c.Head.Origin }, Accepted, ""},
		"another ledger than the accepted":   {func(c *Case) { c.Head = other().Head(20); c.AcceptOrigin = witnesstest.New("third").Origin }, Refused, ReasonNewOrigin},
		"an accepted one, unsigned":          {func(c *Case) { c.Head = other().Head(20); c.AcceptOrigin, c.Head.Signature = c.Head.Origin, "AAAAAAAA" }, Refused, ReasonSignatureInvalid},
		"what was accepted, now rolled back": {func(c *Case) { c.Head = ours().Head(9); c.AcceptOrigin = c.Head.Origin }, Refused, ReasonRollback},
		"a restored copy that has all":       {func(c *Case) { c.Head = restored(15).Head(16) }, Refused, ReasonNewOrigin},

		"no record":                 {func(c *Case) { c.Head.Size = 0 }, Refused, ReasonMalformed},
		"a size below nothing":      {func(c *Case) { c.Head.Size = -1 }, Refused, ReasonMalformed},
		"a size beyond all ledgers": {func(c *Case) { c.Head.Size = 1 << 53 }, Refused, ReasonMalformed},
		"a root in capitals":        {func(c *Case) { c.Head.Root = strings.ToUpper(c.Head.Root) }, Refused, ReasonMalformed},
		"a head cut short":          {func(c *Case) { c.Head.Head = c.Head.Head[:62] }, Refused, ReasonMalformed},
		"an anchor that is none":    {func(c *Case) { c.Known.Root = "" }, Refused, ReasonAnchorUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			c := Case{Known: ours().Head(10), Head: ours().Head(20), Proof: ours().Prove(10, 20)}
			test.change(&c)
			got := Judge(c)
			if got.Outcome != test.want || got.Reason != test.reason {
				t.Fatalf("expected outcome %d %s, found %d %s: %s", test.want, test.reason, got.Outcome, got.Reason, got.Message())
			}
			if got.Outcome != Accepted && (got.Expected == "" || got.Found == "" || len(got.Message()) > 1024) {
				t.Errorf("expected what was expected and found, in at most 1,024 bytes, found %q", got.Message())
			}
		})
	}
}

func TestTheRefusalOfAnotherLedgerSaysWhatWouldBeLost(t *testing.T) {
	for name, test := range map[string]struct {
		book *witnesstest.Book
		size int64
		ask  int64
		want string
	}{
		"restored from a backup after the witnessed head":  {restored(15), 16, 10, "which has all that was witnessed"},
		"restored from a backup at the witnessed head":     {restored(10), 11, 10, "which has all that was witnessed"},
		"restored from a backup before the witnessed head": {restored(8).Grow(30), 30, 10, "which has not all"},
		"restored from a backup that is shorter":           {restored(8), 9, 10, "too short"},
		"without a proof":                                  {restored(15), 16, 0, "does not say"},
		"something else":                                   {other(), 20, 10, "which has not all"},
		"something else of the same size":                  {other(), 10, 10, "which has not all"},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(Case{Known: ours().Head(10), Head: test.book.Head(test.size), Proof: test.book.Prove(test.ask, test.size)})
			if v.Reason != ReasonNewOrigin || !strings.Contains(v.Found, test.want) {
				t.Errorf("expected a refusal of the origin that says %q, found %s: %s", test.want, v.Reason, v.Message())
			}
		})
	}
}

func TestTwoCopiesNeverBothPassAsTheOriginal(t *testing.T) {
	// The original was witnessed. Two copies were restored from one backup of it, and one was accepted.
	first, second, original := restored(15), restored(15), ours()
	second.Origin = witnesstest.New("second copy").Origin
	second.SetKey("second copy")
	c := Case{Known: ours().Head(10), AcceptOrigin: first.Origin, Head: first.Head(16), Proof: first.Prove(10, 16)}
	if v := Judge(c); v.Outcome != Accepted {
		t.Fatal(v.Message())
	}
	// From here on neither the other copy nor the original comes back.
	c.Known = c.Head
	for name, b := range map[string]*witnesstest.Book{"the other copy": second.Grow(20), "the original": original} {
		c.Head, c.Proof = b.Head(20), b.Prove(16, 20)
		if v := Judge(c); v.Outcome != Refused || v.Reason != ReasonNewOrigin {
			t.Errorf("%s: expected %s, found %s", name, ReasonNewOrigin, v.Reason)
		}
	}
}

func TestARefusalStandsUntilALaterBootOrAnAcceptedOrigin(t *testing.T) {
	rollback := &v1alpha1.RefusedHead{Origin: "o", Epoch: 4, Reason: ReasonRollback}
	origin := &v1alpha1.RefusedHead{Origin: "p", Epoch: 4, Reason: ReasonNewOrigin}
	for name, test := range map[string]struct {
		refused *v1alpha1.RefusedHead
		epoch   int64
		accept  string
		want    bool
	}{
		"none":            {nil, 4, "", false},
		"the same boot":   {rollback, 4, "", true},
		"an earlier boot": {rollback, 3, "", true},
		"a later boot":    {rollback, 5, "", false},
		"a rollback is not accepted by its origin": {rollback, 4, "o", true},
		"an origin that is accepted":               {origin, 4, "p", false},
		"another origin is accepted":               {origin, 4, "q", true},
	} {
		if got := Stands(test.refused, test.epoch, test.accept); got != test.want {
			t.Errorf("%s: expected %t, found %t", name, test.want, got)
		}
	}
}

// TestOnlyTrueExtensionsAreAccepted draws two ledgers that part somewhere, the head that is known of the one, and a report of either, with the
// proof of either from anywhere: accepted is exactly what continues the known head and proves it.
func TestOnlyTrueExtensionsAreAccepted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const most = 70
		a := witnesstest.New("a").Grow(most)
		parts := rapid.Int64Range(0, most).Draw(rt, "they part after")
		b := a.Cut(parts)
		for b.Size() < most {
			b.Append(fmt.Sprintf("other %d", b.Size()))
		}
		known := rapid.Int64Range(1, most).Draw(rt, "known")
		size := rapid.Int64Range(1, most).Draw(rt, "size")
		from := rapid.Int64Range(1, most).Draw(rt, "from")
		shown, proves := a, a
		if rapid.Bool().Draw(rt, "the other's head") {
			shown = b
		}
		if rapid.Bool().Draw(rt, "the other's proof") {
			proves = b
		}
		c := Case{Known: a.Head(known), Head: shown.Head(size), Waited: rapid.IntRange(0, 4).Draw(rt, "waited")}
		if rapid.IntRange(0, 9).Draw(rt, "with a proof") > 0 {
			c.Proof = proves.Prove(from, size)
		}

		continues := size >= known && (shown == a || known <= parts)
		asked := c.Proof != nil && from == known
		// A proof of either ledger between two sizes before they part is the same.
		proven := size == known || asked && (proves == shown || size <= parts)
		got := Judge(c)
		switch {
		case continues && proven:
			if got.Outcome != Accepted {
				rt.Fatalf("a true extension: found %s: %s", got.Reason, got.Message())
			}
		case got.Outcome == Accepted:
			rt.Fatalf("accepted: known %d, size %d, from %d, they part after %d", known, size, from, parts)
		case size > known && !asked && c.Waited < MaxPending:
			if got.Outcome != Pending {
				rt.Fatalf("without the proof that was asked for: expected Pending, found %s: %s", got.Reason, got.Message())
			}
		case got.Outcome != Refused:
			rt.Fatalf("expected a refusal, found %d", got.Outcome)
		}
	})
}

// TestNothingThatWasWitnessedCanBeUnsaid lets a daemon show whatever it draws, and keeps what is accepted as an operator does.
func TestNothingThatWasWitnessedCanBeUnsaid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := []*witnesstest.Book{witnesstest.New("a").Grow(1)}
		var known *v1alpha1.LedgerReport
		var line *witnesstest.Book // that known is a head of
		rt.Repeat(map[string]func(*rapid.T){
			"grow": func(rt *rapid.T) {
				b := rapid.SampledFrom(lines).Draw(rt, "ledger")
				b.Append(fmt.Sprintf("%p %d", b, b.Size()))
			},
			"fork": func(rt *rapid.T) {
				b := rapid.SampledFrom(lines).Draw(rt, "ledger")
				if len(lines) < 4 {
					lines = append(lines, b.Cut(rapid.Int64Range(1, b.Size()).Draw(rt, "at")))
				}
			},
			"report": func(rt *rapid.T) {
				b := rapid.SampledFrom(lines).Draw(rt, "ledger")
				size := rapid.Int64Range(1, b.Size()).Draw(rt, "size")
				from := size
				if known != nil {
					from = known.Size
				}
				v := Judge(Case{Known: known, Head: b.Head(size), Proof: b.Prove(from, size)})
				if v.Outcome != Accepted {
					return
				}
				if known != nil && (size < known.Size || b.Head(known.Size).Root != known.Root) {
					rt.Fatalf("%d records of another past were accepted after %d", size, known.Size)
				}
				known, line = b.Head(size), b
			},
			"": func(rt *rapid.T) {
				if known == nil {
					return
				}
				// The true ledger is believed at any time.
				if v := Judge(Case{Known: known, Head: line.Head(line.Size()), Proof: line.Prove(known.Size, line.Size())}); v.Outcome != Accepted {
					rt.Fatalf("the true ledger was not believed: %s", v.Message())
				}
			},
		})
	})
}

func FuzzJudge(f *testing.F) {
	h, p := ours().Head(20), ours().Prove(10, 20)
	f.Add(h.Origin, h.Size, h.Head, h.Root, h.Key, h.Signature, "", p.From, strings.Join(p.Hashes, " "))
	f.Add("a", int64(3), "", "", "a+00000000+AA==", "\n", "x", int64(0), "")
	f.Fuzz(func(t *testing.T, origin string, size int64, head, root, key, signature, rotation string, from int64, hashes string) {
		c := Case{
			Known: ours().Head(10), Proof: &v1alpha1.ConsistencyProof{From: from, Hashes: strings.Fields(hashes)},
			Head: &v1alpha1.LedgerReport{Origin: origin, Size: size, Head: head, Root: root, Key: key, Signature: signature, Rotation: rotation},
		}
		if v := Judge(c); v.Outcome == Accepted && (*c.Head != signedAs(c.Head)) {
			t.Errorf("accepted: %+v", c.Head)
		}
	})
}

// signedAs is the one head of that size that the key of ours has signed.
func signedAs(r *v1alpha1.LedgerReport) v1alpha1.LedgerReport {
	if r.Size < 1 || r.Size > 20 {
		return v1alpha1.LedgerReport{}
	}
	h := *ours().Head(r.Size)
	h.ShortHead, h.Rotation = "", r.Rotation
	return h
}

func ours() *witnesstest.Book { return witnesstest.New("a").Grow(20) }

// other is another ledger altogether.
func other() *witnesstest.Book {
	b := witnesstest.New("b")
	for b.Size() < 20 {
		b.Append(fmt.Sprintf("other %d", b.Size()))
	}
	return b
}

// fork has the first at records of ours, and others after them.
func fork(at, size int64) *witnesstest.Book {
	b := ours().Cut(at)
	for b.Size() < size {
		b.Append(fmt.Sprintf("forged %d", b.Size()))
	}
	return b
}

// keyed is ours, signed by another key.
func keyed(name string) *witnesstest.Book {
	b := ours()
	b.SetKey(name)
	return b
}

// restored is what taud ledger restore makes of a backup of the first at records: those, and the record that founds a new lineage.
func restored(at int64) *witnesstest.Book {
	b := ours().Cut(at)
	b.Append(fmt.Sprintf("restored at %d", at))
	b.Origin = witnesstest.New("a copy").Origin
	b.SetKey("a copy")
	return b
}
