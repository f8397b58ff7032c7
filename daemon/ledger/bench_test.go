package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// benchBody is 1 KB of the shape of a tick's: short members, decimal strings, a nested list.
var benchBody = func() []byte {
	var b strings.Builder
	b.WriteString(`{"tick":123456,"fresh":true,"median":"3141.592653589","sources":[`)
	for i := 0; b.Len() < 980; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"source-%d","price":"3141.59%04d","ageMs":%d,"ok":true}`, i, i*37, 100+i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}()

func benchCommit(b *testing.B, dir string, durability Durability) {
	l, _ := open(b, dir, Options{Durability: durability})
	commit(b, l, KindBoot, 1, ``)
	b.SetBytes(int64(len(benchBody)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Commit(KindTick, testMs, 1, benchBody); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommitInMemory is what Commit costs beside the disk.
func BenchmarkCommitInMemory(b *testing.B) { benchCommit(b, fastDir(b), AtSeal) }

// BenchmarkCommitDurable and BenchmarkRawAppend: the same bytes with and without the ledger.
func BenchmarkCommitDurable(b *testing.B) { benchCommit(b, b.TempDir(), Always) }

func BenchmarkRawAppend(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	line := make([]byte, len(benchBody)+150)
	b.SetBytes(int64(len(benchBody)))
	for b.Loop() {
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify and BenchmarkOpen read 64 MB of 1 KB records.
func BenchmarkVerify(b *testing.B) {
	dir, size := bigLedger(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(dir, VerifyOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir, size := bigLedger(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		l, _, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

func bigLedger(b *testing.B) (dir string, size int64) {
	dir = fastDir(b)
	l, _, err := Open(dir, Options{Durability: AtSeal})
	if err != nil {
		b.Fatal(err)
	}
	commit(b, l, KindBoot, 1, ``)
	for l.Head().Size < 55_000 {
		commit(b, l, KindTick, 1, string(benchBody))
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	result, err := Verify(dir, VerifyOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return dir, result.Bytes
}
