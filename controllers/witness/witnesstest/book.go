// Package witnesstest is a ledger for tests of who judges one: it signs and proves as package daemon/ledger does, over records that are made up.
package witnesstest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Book is a ledger in memory, under one origin and one key.
type Book struct {
	Origin string

	signer note.Signer
	key    string
	stored []tlog.Hash
	leaves []tlog.Hash
}

// New makes a Book of the origin and the key that name gives: the same name is the same ledger. It has no record.
func New(name string) *Book {
	b := &Book{Origin: fmt.Sprintf("taudaemon.io/ledger/%x", sha256.Sum256([]byte(name)))}
	b.SetKey(name)
	return b
}

// SetKey has the Book sign with the key that name gives.
func (b *Book) SetKey(name string) {
	seed := sha256.Sum256([]byte("key of " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	key, err := note.NewEd25519VerifierKey(b.Origin, public)
	if err != nil {
		panic(err) // the name is a valid one
	}
	hash := sha256.Sum256(append([]byte(b.Origin+"\n\x01"), public...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", b.Origin, hash[:4], base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		panic(err)
	}
	b.signer, b.key = signer, key
}

// Rotate has the Book sign with the key that name gives, and returns the old key's signature for it.
func (b *Book) Rotate(name string) (rotation string) {
	before := b.signer
	b.SetKey(name)
	return sign(before, b.Origin+"\nledger key rotation v1\n"+b.key+"\n")
}

// Size in records.
func (b *Book) Size() int64 { return int64(len(b.leaves)) }

// Clone is a copy that goes its own way.
func (b *Book) Clone() *Book {
	c := *b
	c.stored, c.leaves = c.stored[:len(c.stored):len(c.stored)], c.leaves[:len(c.leaves):len(c.leaves)]
	return &c
}

// Cut is a copy of the first size records.
func (b *Book) Cut(size int64) *Book {
	c := b.Clone()
	c.leaves = c.leaves[:size:size]
	n := tlog.StoredHashCount(size)
	c.stored = c.stored[:n:n]
	return c
}

// Append adds records.
func (b *Book) Append(records ...string) {
	for _, r := range records {
		more, err := tlog.StoredHashes(b.Size(), []byte(r), b)
		if err != nil {
			panic(err)
		}
		b.stored, b.leaves = append(b.stored, more...), append(b.leaves, tlog.RecordHash([]byte(r)))
	}
}

// Grow adds records until there are size.
func (b *Book) Grow(size int64) *Book {
	for b.Size() < size {
		b.Append(fmt.Sprintf("record %d", b.Size()))
	}
	return b
}

// ReadHashes implements tlog.HashReader.
func (b *Book) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = b.stored[index]
	}
	return out, nil
}

// Head is the signed head at size, which is at least 1.
func (b *Book) Head(size int64) *v1alpha1.LedgerReport {
	root, err := tlog.TreeHash(size, b)
	if err != nil {
		panic(err)
	}
	leaf := b.leaves[size-1]
	return &v1alpha1.LedgerReport{
		Origin: b.Origin, Size: size, Head: fmt.Sprintf("%x", leaf[:]), ShortHead: fmt.Sprintf("%x", leaf[:6]), Root: fmt.Sprintf("%x", root[:]),
		Key: b.key, Signature: sign(b.signer, fmt.Sprintf("%s\n%d\n%s\nleaf %x\n", b.Origin, size, root, leaf[:])),
	}
}

// Prove is the proof that size continues from; nil where there is none to give.
func (b *Book) Prove(from, size int64) *v1alpha1.ConsistencyProof {
	if from < 1 || from > size {
		return nil
	}
	p := &v1alpha1.ConsistencyProof{From: from}
	if from == size {
		return p
	}
	proof, err := tlog.ProveTree(size, from, b)
	if err != nil {
		panic(err)
	}
	for _, h := range proof {
		p.Hashes = append(p.Hashes, h.String())
	}
	return p
}

func sign(s note.Signer, text string) string {
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		panic(err)
	}
	line := strings.TrimSuffix(string(signed[len(text)+1:]), "\n")
	return line[strings.LastIndexByte(line, ' ')+1:]
}
