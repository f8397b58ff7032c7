package ledger

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// bigRecords in the environment is the number of records of the ledger that BenchmarkBig is made on: 10000000 for the figures that are promised.
// It takes 400 bytes of disk a record.
const bigRecords = "LEDGER_BENCH_RECORDS"

// BenchmarkBig measures what must not grow with the ledger: opening it, and a proof.
func BenchmarkBig(b *testing.B) {
	n, err := strconv.ParseUint(os.Getenv(bigRecords), 10, 53)
	if err != nil {
		n = 200_000
	}
	dir := b.TempDir()
	l, _, err := Open(dir, Options{Durability: AtSeal})
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	for i := l.Head().Size; i < n; i++ {
		kind := KindTick
		switch {
		case i == 0:
			kind = KindBoot
		case i%1000 == 0:
			kind = KindSnapshot
		}
		if _, err := l.Commit(kind, testMs+int64(i)*250, 1, fmt.Appendf(nil, `{"tick":%d,"median":"3141.%06d","profit":"-%d.%03d","why":"profit"}`, i, i*7919%1_000_000, i%97, i%1000)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil || l.SealError() != nil {
		b.Fatal(err, l.SealError())
	}
	b.Logf("%d records written and sealed in %v", n, time.Since(begun).Round(time.Second))

	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			l, _, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			l.Close()
		}
	})
	l, _, err = Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.Run("prove inclusion", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.ProveInclusion(rand.Uint64N(n), n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("prove consistency", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.ProveConsistency(1+rand.Uint64N(n-1), n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			result, err := Verify(dir, VerifyOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(result.Bytes)
		}
	})
}
