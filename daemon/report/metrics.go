package report

import (
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what happens in the loop. What merely is (tick, health, position) is read from the Snapshot at each scrape. All methods are safe
// for concurrent use.
type Metrics struct {
	registry    *prometheus.Registry
	ticks       prometheus.Counter
	tickSeconds prometheus.Histogram
	commit      prometheus.Histogram
	quarantines *prometheus.CounterVec
	orders      *prometheus.CounterVec
	sources     *prometheus.CounterVec
}

// Tick counts one tick and the time it took, the wait for its beat left out.
func (m *Metrics) Tick(took time.Duration) {
	m.ticks.Inc()
	m.tickSeconds.Observe(took.Seconds())
}

// LedgerCommit takes the time of one durable commit.
func (m *Metrics) LedgerCommit(took time.Duration) { m.commit.Observe(took.Seconds()) }

// Quarantine counts the begin of a quarantine by its reason code.
func (m *Metrics) Quarantine(reason string) { m.quarantines.WithLabelValues(reason).Inc() }

// Order counts an order by side, buy or sell, and result, such as filled, refused or ambiguous.
func (m *Metrics) Order(side, result string) { m.orders.WithLabelValues(side, result).Inc() }

// SourceFailed counts a tick at which a source of the price had none, by the code with which its reason begins.
func (m *Metrics) SourceFailed(source, reason string) {
	code, _, _ := strings.Cut(reason, ":")
	m.sources.WithLabelValues(source, code).Inc()
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		// Two scrapers and a person; a scrape costs memory.
		MaxRequestsInFlight: 3,
		Timeout:             5 * time.Second,
	})
}

func newMetrics(s *Server, version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		ticks:    prometheus.NewCounter(prometheus.CounterOpts{Name: "taud_ticks_total", Help: "Ticks since this process started."}),
		tickSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "taud_tick_seconds", Help: "Time a tick took, from gathering to commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15), // 0.5 ms to 8 s
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "taud_ledger_commit_seconds", Help: "Time until a record was durable.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 16), // 50 us to 1.6 s
		}),
		quarantines: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "taud_quarantines_total", Help: "Quarantines begun, by reason of the first anomaly."}, []string{"reason"}),
		orders:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "taud_orders_total", Help: "Orders, by side and result."}, []string{"side", "result"}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taud_oracle_source_failures_total", Help: "Ticks at which a source had no price, by the code of its reason.",
		}, []string{"source", "code"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "taud_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.ticks, m.tickSeconds, m.commit, m.quarantines, m.orders, m.sources, build, (*gauges)(s),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// gauges shows the Server's present state.
type gauges Server

var (
	tickDesc       = desc("taud_tick", "Number of the last tick in this ledger.")
	healthDesc     = desc("taud_health", "1 if the last tick had all invariants, no stall and no anomaly.")
	quarantineDesc = desc("taud_quarantine", "1 while no risk is taken on.")
	freshDesc      = desc("taud_oracle_fresh", "1 if the last tick had a quorum of fresh sources.")
	sourceDesc     = desc("taud_oracle_source_ok", "1 if the source's price was fresh and usable at the last tick.", "source")
	priceDesc      = desc("taud_oracle_source_price", "Price that the source gave at the last tick, in quote units.", "source")
	confidenceDesc = desc("taud_oracle_source_confidence", "How far the source itself says that its price may be off, in quote units.", "source")
	ageDesc        = desc("taud_oracle_source_age_seconds", "Age of the source's price at the last tick, by its publish time.", "source")
	skewDesc       = desc("taud_oracle_source_clock_ahead_seconds", "By how much the clock of the source's server is ahead of ours, as far as is certain.", "source")
	positionDesc   = desc("taud_position_base", "Position in base units.")
	realisedDesc   = desc("taud_realised_quote", "Profit realised since the ledger's start, net of all costs, in quote units.")
	equityDesc     = desc("taud_equity_quote", "Cash and position at the median, in quote units.")
	recordsDesc    = desc("taud_ledger_records", "Records in the ledger.")
	marginDesc     = desc("taud_lease_margin_seconds", "Time until nothing may leave the process; +Inf where there is no Lease.")
	epochDesc      = desc("taud_epoch", "Epoch that this process took.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		tickDesc, healthDesc, quarantineDesc, freshDesc, sourceDesc, priceDesc, confidenceDesc, ageDesc, skewDesc, positionDesc, realisedDesc, equityDesc, recordsDesc, marginDesc, epochDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What is not known is left out: a zero would say something.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	s := (*Server)(g)
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	decimal := func(d *prometheus.Desc, text string, labels ...string) {
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			set(d, v, labels...)
		}
	}
	seconds := func(d *prometheus.Desc, ms *int64, labels ...string) {
		if ms != nil {
			set(d, float64(*ms)/1000, labels...)
		}
	}
	if f := s.loadFence(); f != nil {
		margin := f.Margin().Seconds()
		if f.Margin() == math.MaxInt64 {
			margin = math.Inf(1)
		}
		set(marginDesc, margin)
		set(epochDesc, float64(f.Epoch()))
	}
	st := s.state.Load()
	if st == nil {
		return
	}
	r := st.Report
	set(tickDesc, float64(r.Tick))
	set(healthDesc, bit(r.Healthy))
	set(quarantineDesc, bit(r.Quarantine.Active))
	set(freshDesc, bit(r.OracleFresh))
	for _, src := range st.Sources {
		set(sourceDesc, bit(src.OK), src.Name)
		decimal(priceDesc, src.Price, src.Name)
		decimal(confidenceDesc, src.Confidence, src.Name)
		seconds(ageDesc, src.AgeMillis, src.Name)
		seconds(skewDesc, src.ClockAheadMillis, src.Name)
	}
	decimal(positionDesc, r.Position.Quantity)
	decimal(realisedDesc, r.Position.Realised)
	decimal(equityDesc, st.Equity)
	if r.Ledger != nil {
		set(recordsDesc, float64(r.Ledger.Size))
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
