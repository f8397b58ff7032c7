package lease

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	coordinationv1 "k8s.io/api/coordination/v1"
	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

func reportOf(t *testing.T, l *coordinationv1.Lease) *v1alpha1.Report {
	t.Helper()
	s, ok := l.Annotations[v1alpha1.AnnotationReport]
	if !ok {
		return nil
	}
	var r v1alpha1.Report
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		t.Fatalf("report %s: %v", s, err)
	}
	return &r
}

func TestEncodedReportFitsAndKeepsAllButItsMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := v1alpha1.Report{
			Version: 1, Phase: v1alpha1.PhaseHalted, Reason: "LedgerDamaged", Tick: 7,
			Message: strings.Repeat(rapid.StringN(0, 50, -1).Draw(t, "part"), rapid.IntRange(0, 400).Draw(t, "times")),
		}
		s, err := encode(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(s) > v1alpha1.MaxReportBytes {
			t.Fatalf("%d bytes", len(s))
		}
		var out v1alpha1.Report
		if err := json.Unmarshal([]byte(s), &out); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if !utf8.ValidString(out.Message) {
			t.Fatalf("message cut within a character: %q", out.Message)
		}
		full, _ := marshal(in)
		switch kept, cut := strings.CutSuffix(out.Message, "…"); {
		case len(full) <= v1alpha1.MaxReportBytes:
			if out.Message != strings.ToValidUTF8(in.Message, "\uFFFD") {
				t.Fatalf("message changed without need: %q", out.Message)
			}
		case !cut && out.Message != "", !strings.HasPrefix(in.Message, kept):
			t.Fatalf("expected a beginning of the message and …, found %q", out.Message)
		}
		out.Message, in.Message = "", ""
		if out != in {
			t.Fatalf("got %+v, want %+v", out, in)
		}
	})
}

func TestEncodeRefusesWhatCannotBeCut(t *testing.T) {
	_, err := encode(v1alpha1.Report{Reason: strings.Repeat("r", 5000), Message: "m"})
	if err == nil || !strings.Contains(err.Error(), "at most 4096 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestUrgent(t *testing.T) {
	base := v1alpha1.Report{Phase: v1alpha1.PhaseRunning, Tick: 5, Healthy: true, OracleFresh: true, Position: v1alpha1.PositionReport{Quantity: "10"}}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.Report)
		want   bool
	}{
		{"a next tick is not", func(r *v1alpha1.Report) { r.Tick++; r.UnixMilli++ }, false},
		{"a fill is not", func(r *v1alpha1.Report) { r.Position.Quantity = "0" }, false},
		{"an open intent is not", func(r *v1alpha1.Report) { r.OpenIntent = true }, false},
		{"a longer ledger is not", func(r *v1alpha1.Report) { r.Ledger = &v1alpha1.LedgerReport{Size: 9} }, false},
		{"one more clean tick is not", func(r *v1alpha1.Report) { r.Quarantine.CleanTicks = 3 }, false},
		{"health is", func(r *v1alpha1.Report) { r.Healthy = false }, true},
		{"phase is", func(r *v1alpha1.Report) { r.Phase = v1alpha1.PhaseHalted }, true},
		{"quarantine is", func(r *v1alpha1.Report) { r.Quarantine.Active = true }, true},
		{"another incident is", func(r *v1alpha1.Report) { r.Quarantine.Incident = "i2" }, true},
		{"a release that needs a person is", func(r *v1alpha1.Report) { r.Quarantine.Release = v1alpha1.ReleaseManual }, true},
		{"an acknowledgement that was taken is", func(r *v1alpha1.Report) { r.Acknowledged = "i1" }, true},
		{"draining is", func(r *v1alpha1.Report) { r.Draining = true }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := base
			c.change(&next)
			if got := urgent(&base, next); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	t.Run("a drained position that is flat is", func(t *testing.T) {
		a, b := base, base
		a.Draining, b.Draining, b.Position.Quantity = true, true, "0"
		if !urgent(&a, b) {
			t.Error("got false")
		}
	})
	t.Run("the first report is", func(t *testing.T) {
		if !urgent(nil, base) {
			t.Error("got false")
		}
	})
}

func FuzzCommands(f *testing.F) {
	f.Add(`{"acknowledge":"i-7","flatten":true}`)
	f.Add(`{}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, s string) {
		c, err := commandsOf(map[string]string{v1alpha1.AnnotationCommands: s})
		if err != nil && c != (v1alpha1.Commands{}) {
			t.Errorf("commands %+v came with an error", c)
		}
		if err == nil && !json.Valid([]byte(s)) {
			t.Errorf("%q was understood", s)
		}
	})
}
