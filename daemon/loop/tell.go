package loop

import (
	"fmt"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/report"
)

// lastTick is what reports say beside the state.
type lastTick struct {
	healthy, fresh bool
	sources        []report.Source
	solved         *solved
	equity         string
	record         core.Tick
}

// tell shows the tick: log, metrics, /statusz, and the report to the operator. Nothing of it decides anything. A tick that nobody could ask
// about is only told to who runs the loop.
func (l *Loop) tell(obs *core.Observation, d *core.Decision, v *core.Verdicts, took time.Duration) {
	if took > l.Config.Tick.Deadline {
		l.events = append(l.events, core.Anomaly{Code: core.TickOverrun, Detail: fmt.Sprintf("tick %d took %v, at most %v expected",
			l.state.Tick, took.Round(time.Millisecond), l.Config.Tick.Deadline)})
	}
	if l.Told != nil {
		l.Told(obs, d, &l.state)
	}
	if l.Server == nil {
		return
	}
	wasQuarantined := l.last.record.Quarantine.Active
	l.last = lastTick{
		healthy: d.Healthy, fresh: d.Facts.Fresh.OK, equity: d.Facts.Equity.String(),
		sources: l.sources(obs), solved: newSolved(&l.boot.Params, &l.state, obs, &d.Facts), record: core.NewTick(obs, v, &l.state, d),
	}
	q := l.state.Quarantine
	switch {
	case q.Active && !wasQuarantined:
		l.Log.Info("quarantined", "tick", l.state.Tick, "incident", q.Incident, "reason", string(q.Reason), "manual", q.Manual, "anomalies", d.Anomalies)
		l.Server.Metrics().Quarantine(string(q.Reason))
	case !q.Active && wasQuarantined:
		l.Log.Info("released from quarantine", "tick", l.state.Tick)
	}
	l.Log.V(1).Info("tick", "tick", l.state.Tick, "in", l.last.record.In, "out", l.last.record.Out, "price", d.Facts.Price.String(),
		"fresh", d.Facts.Fresh.OK, "quorum", d.Facts.Fresh.Quorum, "profit", d.Facts.Profit.Profit.String(), "breakEven", l.last.solved, "echo", d.Facts.Echo,
		"healthy", d.Healthy, "refused", d.Refused, "took", took.String())
	l.Server.Metrics().Tick(took)
	l.publish()
}

// sources shows what each source said, and why it does not count where it does not.
func (l *Loop) sources(obs *core.Observation) []report.Source {
	out := make([]report.Source, len(obs.Quotes))
	for i := range obs.Quotes {
		q := &obs.Quotes[i]
		why := l.boot.Params.Freshness.Why(i, q, obs.MS)
		out[i] = report.Source{Name: q.Source, OK: why == "", Why: why, ReceivedMillis: q.Received}
		if q.Server != 0 {
			out[i].ClockAheadMillis = new(q.Clock().AheadMS())
		}
		if q.Err != "" {
			l.Server.Metrics().SourceFailed(q.Source, q.Err)
			continue
		}
		out[i].Price, out[i].PublishedMillis, out[i].AgeMillis = q.Price.String(), q.Published, new(obs.MS-q.Published)
		if q.Confidence != 0 {
			out[i].Confidence = q.Confidence.String()
		}
	}
	return out
}

// publish hands the state to the server and to the tenure, which sends it when it is due.
func (l *Loop) publish() {
	r := l.Report(v1alpha1.PhaseRunning)
	l.Server.Set(report.Snapshot{Report: r, Equity: l.last.equity, Sources: l.last.sources, Solver: l.last.solved, Detail: &l.last.record})
	l.Tenure.Publish(r)
}

// Report is what the daemon says of itself now.
func (l *Loop) Report(phase v1alpha1.Phase) v1alpha1.Report {
	s := &l.state
	return v1alpha1.Report{
		UnixMilli: l.Clock.Wall().UnixMilli(), Phase: phase, Epoch: l.Tenure.Epoch(),
		ConfigDigest: l.boot.Config, SpecDigest: l.boot.Specs[kernelAt].Digest, Engine: l.boot.Engine,
		Tick: int64(s.Tick), Healthy: l.last.healthy, OracleFresh: l.last.fresh,
		Quarantine: quarantineReport(s.Quarantine), Position: positionReport(s),
		Ledger:     LedgerHead(l.Ledger),
		OpenIntent: s.Open != nil, Draining: l.flatten, Acknowledged: s.Acknowledged,
	}
}

func quarantineReport(q core.Quarantine) v1alpha1.QuarantineReport {
	if !q.Active {
		return v1alpha1.QuarantineReport{}
	}
	release := v1alpha1.ReleaseAuto
	if q.Manual {
		release = v1alpha1.ReleaseManual
	}
	return v1alpha1.QuarantineReport{
		Active: true, Incident: q.Incident, Reason: string(q.Reason), SinceTick: int64(q.Since), Release: release, CleanTicks: int64(q.Clean),
	}
}

func positionReport(s *core.State) v1alpha1.PositionReport {
	p := v1alpha1.PositionReport{
		Quantity: s.Position.Qty.String(), Realised: s.Realised.String(), Burned: s.Burned.String(), ExitOwed: s.Exit != "",
	}
	if s.Position.Qty > 0 {
		p.Cost, p.EntryTick = s.Position.Cost.String(), int64(s.Position.EntryTick)
	}
	return p
}
