package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Names of the files in a ledger's folder.
const (
	segmentSuffix = ".log"
	packedSuffix  = ".log.zst"
	treeSuffix    = ".tree"
	tempSuffix    = ".tmp"
	brokenSuffix  = ".broken"
	nameDigits    = 20

	lockName       = "LOCK"
	manifestName   = "manifest"
	checkpointName = "checkpoint"
	keyName        = "ledger.key"
	publicName     = "ledger.pub"
	reserveName    = "reserve"

	nextKeyName  = "ledger.key.next" // while RotateKey is at it
	rotationName = "ledger.rotation"
)

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }
func packedName(first uint64) string  { return fmt.Sprintf("%020d%s", first, packedSuffix) }
func treeName(first uint64) string    { return fmt.Sprintf("%020d%s", first, treeSuffix) }

// segment is one segment file of a folder.
type segment struct {
	name   string
	first  uint64 // sequence number of its first record, from the name
	size   int64  // bytes when it was listed
	packed bool   // compressed
}

// files are the segment files of a folder, by kind and in order.
type files struct {
	plain, packed, trees []segment
	temps                []string // left by a crash
}

// parseName splits a name into the 20 digits it begins with and the rest.
func parseName(name string) (first uint64, suffix string, ok bool) {
	if len(name) < nameDigits {
		return 0, "", false
	}
	for _, c := range name[:nameDigits] {
		if c < '0' || c > '9' {
			return 0, "", false
		}
	}
	first, err := strconv.ParseUint(name[:nameDigits], 10, 64)
	return first, name[nameDigits:], err == nil
}

// listFiles returns what lies in dir. A name that looks like a segment's and isn't one is refused: a copy or a renamed
// segment must not be passed over in silence.
func listFiles(dir string) (files, error) {
	entries, err := os.ReadDir(dir) // sorted by name, which 20 digits make the order of sequence
	if err != nil {
		return files{}, err
	}
	var found files
	for _, entry := range entries {
		name := entry.Name()
		first, suffix, numbered := parseName(name)
		if !numbered {
			switch base, isTemp := strings.CutSuffix(name, tempSuffix); {
			case isTemp && (base == manifestName || base == checkpointName || base == keyName || base == publicName || base == reserveName ||
				base == nextKeyName || base == rotationName):
				found.temps = append(found.temps, name)
			case strings.Contains(name, segmentSuffix), strings.Contains(name, treeSuffix):
				return files{}, misnamed(name, 0)
			}
			continue
		}
		var list *[]segment
		switch suffix {
		case segmentSuffix:
			list = &found.plain
		case packedSuffix:
			list = &found.packed
		case treeSuffix:
			list = &found.trees
		case segmentSuffix + tempSuffix, packedSuffix + tempSuffix, treeSuffix + tempSuffix:
			found.temps = append(found.temps, name)
			continue
		default:
			if !strings.HasSuffix(suffix, brokenSuffix) {
				return files{}, misnamed(name, first)
			}
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // sealed, pruned or cleared away since the names were read
		}
		if err != nil {
			return files{}, err
		}
		if !info.Mode().IsRegular() {
			return files{}, &CorruptionError{Segment: name, Seq: first, Problem: "not a file",
				Expected: "a regular file", Found: info.Mode().Type().String()}
		}
		*list = append(*list, segment{name, first, info.Size(), suffix == packedSuffix})
	}
	return found, nil
}

func misnamed(name string, first uint64) error {
	return &CorruptionError{Segment: name, Seq: first, Problem: "unknown file that looks like a segment",
		Expected: "20 digits and " + segmentSuffix + ", " + packedSuffix + " or " + treeSuffix, Found: strconv.Quote(name)}
}
