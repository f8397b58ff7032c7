package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, flag, env, config string
		want                    slog.Level
		err                     string
	}{
		{"nothing set is info", "", "", "", slog.LevelInfo, ""},
		{"the configuration", "", "", "warn", slog.LevelWarn, ""},
		{"the environment before the configuration", "", "error", "warn", slog.LevelError, ""},
		{"the flag before both", "debug", "error", "warn", slog.LevelDebug, ""},
		{"in any case", "DEBUG", "", "", slog.LevelDebug, ""},
		{"a wrong flag", "loud", "", "", 0, `--log-level: expected debug, info, warn or error, found "loud"`},
		{"a wrong environment", "", "5", "", 0, `TAUD_LOG: expected debug, info, warn or error, found "5"`},
		{"a wrong configuration", "", "", "trace", 0, `log.level: expected debug, info, warn or error, found "trace"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Choose(c.flag, c.env, c.config)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("got %v, want %s", err, c.err)
				}
			} else if err != nil || got != c.want {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// lines decodes what was logged, which must be one JSON object a line.
func lines(t *testing.T, b *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

func TestLinesSayWhatHappened(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, slog.LevelInfo).WithName("loop")
	l.Info("tick\nend", "tick", 5, "took", 1500*time.Millisecond)
	l.Error(errors.New("no quorum"), "refused", "sources", []string{"a"})
	l.V(1).Info("facts")
	got := lines(t, &b)
	if len(got) != 2 {
		t.Fatalf("%d lines: %s", len(got), b.String())
	}
	if m := got[0]; m["msg"] != "tick\nend" || m["level"] != "INFO" || m["tick"] != 5.0 || m["took"] != "1.5s" || m["logger"] != "loop" {
		t.Errorf("got %v", m)
	}
	if m := got[1]; m["level"] != "ERROR" || m["err"] != "no quorum" {
		t.Errorf("got %v", m)
	}
	if ts := got[0]["time"].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(ts) {
		t.Errorf("time %q", ts)
	}
}

func TestTheLevelCanChangeWhileItRuns(t *testing.T) {
	var b bytes.Buffer
	var level slog.LevelVar
	l := New(&b, &level)
	for _, c := range []struct {
		level slog.Level
		v     int
		want  bool
	}{{slog.LevelInfo, 0, true}, {slog.LevelInfo, 1, false}, {slog.LevelDebug, 1, true}, {slog.LevelDebug, 4, true}, {slog.LevelDebug, 5, false}, {slog.LevelWarn, 0, false}} {
		b.Reset()
		level.Set(c.level)
		l.V(c.v).Info("x")
		if got := b.Len() > 0; got != c.want {
			t.Errorf("V(%d) at %v: written %v, want %v", c.v, c.level, got, c.want)
		}
	}
}

func TestLibrariesLogTheSameWay(t *testing.T) {
	var b bytes.Buffer
	SetDefault(New(&b, slog.LevelInfo))
	defer SetDefault(logr.Discard())
	klog.InfoS("from client-go", "n", 1)
	slog.Warn("from a library")
	got := lines(t, &b)
	if len(got) != 2 || got[0]["logger"] != "kubernetes" || got[0]["msg"] != "from client-go" || got[1]["level"] != "WARN" {
		t.Errorf("got %v", got)
	}
}
