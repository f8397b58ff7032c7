package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/config"
)

func recordedSource(t *testing.T, text string, c config.ReplaySource) (Source, error) {
	t.Helper()
	c.File, c.Recorded = filepath.Join(t.TempDir(), "recording"), true
	if err := os.WriteFile(c.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sources, err := New([]config.Source{{Name: "a", Replay: &c}})
	if err != nil {
		return nil, err
	}
	return sources[0], nil
}

// TestARecordingIsPlayedByTheClock polls at each of the times and lists price, volume and publish time, or the reason.
func TestARecordingIsPlayedByTheClock(t *testing.T) {
	const text = "ts_ms,price,quantity\n10000,1,5\n12000,2,6\n12000,3,7\n20000,4,8\n"
	for _, c := range []struct {
		name  string
		begin int64
		at    []int64
		want  string
	}{
		{"each row from its own time on, and after the last one nothing new", 0, []int64{10000, 11999, 12000, 20000, 90000},
			"1 5 10000, 1 0 10000, 3 13 12000, 4 8 20000, 4 0 20000"},
		{"before the first row there is none", 0, []int64{9999, 10000}, "time: the recording begins at 1970-01-01T00:00:10Z, 1 5 10000"},
		{"rows that became due between two polls give their volume together", 0, []int64{10000, 25000}, "1 5 10000, 4 21 20000"},
		{"a recording that is joined late gives that of its row", 0, []int64{25000, 25001}, "4 8 20000, 4 0 20000"},
		{"all of a recording that began between two polls", 0, []int64{1, 12000}, "time: the recording begins at 1970-01-01T00:00:10Z, 3 18 12000"},
		{"moved to begin later", 1_000_000, []int64{999_999, 1_000_000, 1_002_500}, "time: the recording begins at 1970-01-01T00:16:40Z, 1 5 1000000, 3 13 1002000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			jsonl := strings.NewReplacer("ts_ms,price,quantity\n", "").Replace(text)
			var lines strings.Builder
			for row := range strings.Lines(jsonl) {
				f := strings.Split(strings.TrimSpace(row), ",")
				fmt.Fprintf(&lines, `{"ts_ms":%s,"price":"%s","volume":%s}`+"\n", f[0], f[1], f[2])
			}
			for _, recording := range []string{text, lines.String()} {
				s, err := recordedSource(t, recording, config.ReplaySource{BeginMS: c.begin})
				if err != nil {
					t.Fatal(err)
				}
				var found []string
				for _, at := range c.at {
					q := s.Poll(t.Context(), 0, at)
					if q.Received != at || q.Source != "a" {
						t.Fatalf("%+v", q)
					}
					if q.Err == "" {
						q.Err = fmt.Sprintf("%s %s %d", q.Price, q.Volume, q.Published)
					}
					found = append(found, q.Err)
				}
				if got := strings.Join(found, ", "); got != c.want {
					t.Fatalf("expected %s\nfound    %s", c.want, got)
				}
			}
		})
	}
}

func TestARecordingWithoutTimesIsNotPlayedByThem(t *testing.T) {
	_, err := recordedSource(t, "price\n1\n", config.ReplaySource{})
	if err == nil || !strings.HasPrefix(err.Error(), "oracle source a: ") || !strings.Contains(err.Error(), "recording:2: expected a time in a column ts_ms, time or date") {
		t.Fatalf("%v", err)
	}
}

func TestTheVolumeOfManyRowsOverflowsAsAReason(t *testing.T) {
	s, err := recordedSource(t, "ts_ms,price,volume\n1000,1,9000000000\n2000,1,9000000000\n", config.ReplaySource{})
	if err != nil {
		t.Fatal(err)
	}
	s.Poll(t.Context(), 0, 1)
	if q := s.Poll(t.Context(), 0, 3000); !strings.HasPrefix(q.Err, "volume: of rows 1 to 2: ") || q.Price != 0 {
		t.Fatalf("%+v", q)
	}
}
