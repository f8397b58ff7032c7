package core

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// The bodies of the ledger's records. Each is encoded as encoding/json does it, from structs alone, so the same values always give the same bytes.

// Boot is the body of a boot record: what the process runs and on whose word. With it, a ledger can be replayed by itself.
type Boot struct {
	// Version of the daemon.
	Version string `json:"version"`
	// Name of the agent, and the process: the pod's UID (empty outside Kubernetes) and a random boot ID.
	Name   string `json:"name"`
	PodUID string `json:"pod_uid,omitempty"`
	BootID string `json:"boot_id"`
	// Mode: paper or live.
	Mode string `json:"mode"`
	// Market that the ledger's position is held at, empty on paper. A ledger is of one market.
	Market string `json:"market,omitempty"`
	// Config is the digest of the configuration file's bytes, Params what of it decides.
	Config string `json:"config"`
	Params Params `json:"params"`
	// Engine of the kernel and its version, the digest of the Tau binary where it runs, and the specs: 01 to 08, then the kernel.
	Engine string                  `json:"engine"`
	Binary string                  `json:"binary,omitempty"`
	Specs  [monitor.Count + 1]Spec `json:"specs"`
	// Baseline is the venue's balance at this boot. Only the first boot's counts: the position is the net of the ledger's own fills.
	Baseline Account `json:"baseline"`
	// Torn is the size in bytes of the torn tail that was cut at this boot, and Kept the file that keeps it.
	Torn int64  `json:"torn,omitempty"`
	Kept string `json:"torn_kept,omitempty"`
}

// Spec is one spec that a boot runs: file name, digest of its bytes ("sha256:" and hex), and the bytes.
type Spec struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Text   string `json:"text"`
}

// ApplyBoot is the state after a boot. The first median has no move. Staleness becomes an anomaly only after this boot's first freshness, unless a position is held. Where any
// spec is another, all start from their initial states, and echo and cooldown with them; if a position is held, belief and fact then differ,
// and it is sold. Other settings start with empty windows.
func ApplyBoot(s State, b *Boot) State {
	if s.Config == "" {
		s.Cash, s.Peak = b.Baseline.Quote, b.Baseline.Quote
	}
	var specs [monitor.Count + 1]string
	for i := range specs {
		specs[i] = b.Specs[i].Digest
	}
	if s.Specs != specs {
		s.Kernel, s.Words = kernel.Outputs{}, Words{}
		s.Echo, s.Cooldown, s.LateAnomaly = guard.Echo{}, guard.Cooldown{}, false
	}
	if s.Config != b.Config {
		s.Signal = signal.State{}
	}
	s.Config, s.Specs = b.Config, specs
	s.EverFresh = s.Position.Qty > 0
	s.LastMedian = 0 // the market moved while nobody looked
	return s
}

// Tick is the body of a tick record.
type Tick struct {
	// Tick number, from 1.
	Tick uint64 `json:"tick"`
	// Obs and Facts are what was seen and found before the kernel ran.
	Obs   *Observation `json:"obs"`
	Facts *Facts       `json:"facts"`
	// Monitors are the outputs of 01 to 08, In and Out the kernel's, each as a string of 0 and 1; or NoVerdict says which is missing and why.
	Monitors  []string `json:"monitors,omitempty"`
	In        string   `json:"in,omitempty"`
	Out       string   `json:"out,omitempty"`
	NoVerdict string   `json:"no_verdict,omitempty"`
	// Disagreement: the verdict is missing because two engines gave different ones.
	Disagreement bool `json:"disagreement,omitempty"`
	// Health of the tick.
	Healthy    bool       `json:"healthy"`
	Anomalies  []Anomaly  `json:"anomalies,omitempty"`
	Quarantine Quarantine `json:"quarantine"`
	// Position held at the tick, and the reason of an exit that is owed.
	Position fixed.Value `json:"position"`
	Exit     string      `json:"exit,omitempty"`
	// Act is the intent: what leaves the process once this record is durable.
	Act     *Action `json:"act,omitempty"`
	Cancel  string  `json:"cancel,omitempty"`
	Refused string  `json:"refused,omitempty"`
}

// NewTick is the record of a tick: its observation and verdicts, the decision, and the state after it.
func NewTick(o *Observation, v *Verdicts, next *State, d *Decision) Tick {
	t := Tick{
		Tick: next.Tick, Obs: o, Facts: &d.Facts, NoVerdict: v.Err, Disagreement: v.Disagreement, Healthy: d.Healthy, Anomalies: d.Anomalies,
		Quarantine: next.Quarantine, Position: next.Position.Qty, Exit: next.Exit, Act: d.Action, Cancel: d.Cancel, Refused: d.Refused,
	}
	if v.Err == "" {
		t.In, t.Out = v.In.Bits(), v.Out.Bits()
		t.Monitors = make([]string, monitor.Count)
		for id, bits := range v.Monitors {
			t.Monitors[id] = monitor.ID(id).Text(bits)
		}
	}
	return t
}

// Outputs reads the kernel's outputs back out of the record; an error if there is no verdict.
func (t *Tick) Outputs() (kernel.Outputs, error) {
	if t.NoVerdict != "" {
		return kernel.Outputs{}, fmt.Errorf("tick %d has no verdict: %s", t.Tick, t.NoVerdict)
	}
	return kernel.ParseOutputs(t.Out)
}

// Command is the body of a command record: an order of the operator or of a person, as it was first seen.
type Command struct {
	// Acknowledge names the incident to release; empty if it did not change.
	Acknowledge string `json:"acknowledge,omitempty"`
	// Flatten as it now is.
	Flatten bool `json:"flatten"`
	// Halt is why the ticking is to end, in the words of who ordered it; empty if nobody did.
	Halt string `json:"halt,omitempty"`
	// Release ends a halt that a person ordered.
	Release bool `json:"release,omitempty"`
	// Local: it came from a person at the daemon's machine, not from the operator. Such a halt survives a restart.
	Local bool `json:"local,omitempty"`
}

// ApplyCommand is the state after a command. Acknowledgements and flattening take effect by way of the next tick's observation.
func ApplyCommand(s State, c *Command) State {
	if c.Local && c.Halt != "" {
		s.Halted = c.Halt
	}
	if c.Release {
		s.Halted = ""
	}
	return s
}

// Snapshot is the body of a snapshot record: the core's whole state, bound to the boot that it ran under.
type Snapshot struct {
	// Boot is the sequence number of the boot record in force.
	Boot  uint64 `json:"boot"`
	State State  `json:"state"`
}

// Shutdown is the body of a shutdown record.
type Shutdown struct {
	// Reason of the end, in a few words.
	Reason string `json:"reason"`
	// Position kept.
	Position fixed.Value `json:"position"`
	// Asking is what was not known then of orders of an earlier process, as in an Observation.
	Asking string `json:"asking,omitempty"`
}

// Encode is the body's bytes. Encoding what was decoded from them gives the same bytes again, which replay compares.
func Encode(body any) ([]byte, error) {
	if t, ok := body.(Tick); ok {
		return t.Append(nil), nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", body, err)
	}
	return plainReplacement(b), nil
}

// plainReplacement writes the replacement character plainly where encoding/json escapes it: for a byte that is no UTF-8, as a venue or a
// source may put into a reason. It is decoded as that character and would be encoded plainly the second time, so a replay would differ.
func plainReplacement(b []byte) []byte {
	escaped := []byte(`\ufffd`)
	if !bytes.Contains(b, escaped) {
		return b
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n := 1
		switch {
		case bytes.HasPrefix(b, escaped):
			out, b = append(out, "\uFFFD"...), b[len(escaped):]
			continue
		case b[0] == '\\':
			n = 2 // an escaped backslash before the letters is no escape of them
		}
		out, b = append(out, b[:n]...), b[n:]
	}
	return out
}
