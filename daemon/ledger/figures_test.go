package ledger

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCommitAgainstRaw alternates a Commit and a write with fdatasync of as many bytes, on the same disk and in the same run, so that the disk's
// moods meet both. times-raw is the ratio of the medians.
func BenchmarkCommitAgainstRaw(b *testing.B) {
	dir := b.TempDir()
	l, _ := open(b, dir, Options{})
	commit(b, l, KindBoot, 1, ``)
	raw, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	line := make([]byte, len(benchBody)+150)
	var ours, theirs []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := raw.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(raw.Fd())); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := l.Commit(KindTick, testMs, 1, benchBody); err != nil {
			b.Fatal(err)
		}
		theirs, ours = append(theirs, middle.Sub(begun)), append(ours, time.Since(middle))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(float64(ours[len(ours)/2])/float64(theirs[len(theirs)/2]), "times-raw")
	b.ReportMetric(float64(theirs[len(theirs)/2].Nanoseconds()), "raw-ns/op")
}

// BenchmarkVerifyAgainstSHA256 alternates Verify and a bare SHA-256 of as many bytes. of-sha256 is the share of one core's raw rate.
func BenchmarkVerifyAgainstSHA256(b *testing.B) {
	for _, shape := range []struct {
		name    string
		sealing sealMode
		workers int
	}{{"unsealed", sealNever, 1}, {"sealed", sealBeside, 1}, {"unsealed, two workers", sealNever, 2}, {"sealed, two workers", sealBeside, 2}} {
		b.Run(shape.name, func(b *testing.B) {
			dir := fastDir(b)
			l, _, err := Open(dir, Options{Durability: AtSeal, sealing: shape.sealing})
			if err != nil {
				b.Fatal(err)
			}
			commit(b, l, KindBoot, 1, ``)
			for l.Head().Size < 60_000 {
				commit(b, l, KindTick, 1, string(benchBody))
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			block := make([]byte, 1<<20)
			var verifying, hashing time.Duration
			var bytes int64
			for b.Loop() {
				begun := time.Now()
				result, err := Verify(dir, VerifyOptions{Workers: shape.workers})
				if err != nil {
					b.Fatal(err)
				}
				verifying += time.Since(begun)
				begun = time.Now()
				for done := int64(0); done < result.Bytes; done += int64(len(block)) {
					sha256.Sum256(block)
				}
				hashing += time.Since(begun)
				bytes += result.Bytes
			}
			b.ReportMetric(float64(hashing)/float64(verifying), "of-sha256")
			b.ReportMetric(float64(bytes)/1e6/verifying.Seconds(), "MB/s-verified")
		})
	}
}
