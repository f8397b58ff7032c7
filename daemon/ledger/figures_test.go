package ledger

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCommitAgainstRaw alternates a Commit and a write with fdatasync of as many bytes, on the same disk and in the same run, so that the disk's
// moods meet both. times-raw is the ratio of the medians.
func BenchmarkCommitAgainstRaw(b *testing.B) {
	dir := onDisk(b)
	b.Logf("on %s", device(b, dir))
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

// BenchmarkVerifyAgainstSHA256 takes turns, in the same run: a bare SHA-256 on one core, Verify with one worker and with two, each over as many bytes.
// of-sha256 is the share of one core's raw rate that one worker reaches on the wall, of-sha256-cpu by processor time, which other work on the machine
// disturbs less; two-over-one is how much faster two workers are, on the wall. Of each the best of all turns counts: other work only takes away.
func BenchmarkVerifyAgainstSHA256(b *testing.B) {
	for _, shape := range []struct {
		name    string
		sealing sealMode
	}{{"unsealed", sealNever}, {"sealed", sealBeside}} {
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
			var one, two, hashing best
			var bytes int64
			for b.Loop() {
				begun := spending(b)
				result, err := Verify(dir, VerifyOptions{Workers: 1})
				if err != nil {
					b.Fatal(err)
				}
				one.add(b, begun)
				begun = spending(b)
				for done := int64(0); done < result.Bytes; done += int64(len(block)) {
					sha256.Sum256(block)
				}
				hashing.add(b, begun)
				begun = spending(b)
				if _, err := Verify(dir, VerifyOptions{Workers: 2}); err != nil {
					b.Fatal(err)
				}
				two.add(b, begun)
				bytes = result.Bytes
			}
			b.ReportMetric(float64(hashing.wall)/float64(one.wall), "of-sha256")
			b.ReportMetric(float64(hashing.cpu)/float64(one.cpu), "of-sha256-cpu")
			b.ReportMetric(float64(one.wall)/float64(two.wall), "two-over-one")
			b.ReportMetric(float64(bytes)/1e6/one.wall.Seconds(), "MB/s-one")
			b.ReportMetric(float64(bytes)/1e6/hashing.cpu.Seconds(), "MB/s-sha256")
		})
	}
}

// spent is time on the wall and of the process on all processors; best the least of several, each for itself.
type (
	spent struct{ wall, cpu time.Duration }
	best  spent
)

func (s *best) add(b *testing.B, begun spent) {
	now := spending(b)
	now.wall, now.cpu = now.wall-begun.wall, now.cpu-begun.cpu
	if s.wall == 0 || now.wall < s.wall {
		s.wall = now.wall
	}
	if s.cpu == 0 || now.cpu < s.cpu {
		s.cpu = now.cpu
	}
}

var processBegun = time.Now()

func spending(b *testing.B) spent {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return spent{time.Since(processBegun), time.Duration(used.Utime.Nano() + used.Stime.Nano())}
}

// onDisk is a folder on a file system that has a disk: where the tests' own is in memory, one in the working directory.
func onDisk(b *testing.B) string {
	dir := b.TempDir()
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil {
		b.Fatal(err)
	}
	if at.Type != unix.TMPFS_MAGIC {
		return dir
	}
	dir, err := os.MkdirTemp(".", "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// device is what the folder is mounted from, as the kernel says.
func device(b *testing.B, dir string) string {
	var at unix.Stat_t
	if err := unix.Stat(dir, &at); err != nil {
		b.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "a device that nobody names"
	}
	for line := range strings.SplitSeq(string(mounts), "\n") {
		mount, source, found := strings.Cut(line, " - ")
		if fields := strings.Fields(mount); found && len(fields) > 2 && fields[2] == fmt.Sprintf("%d:%d", unix.Major(at.Dev), unix.Minor(at.Dev)) {
			return source
		}
	}
	return fmt.Sprintf("device %d:%d", unix.Major(at.Dev), unix.Minor(at.Dev))
}
