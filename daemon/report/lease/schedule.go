package lease

import "time"

// schedule says when the last PUTs were sent.
type schedule struct {
	tried    time.Duration // any, successful or not
	renewed  time.Duration // the last successful one
	reported time.Duration // the last successful one with a report
}

// wants is what waits to be sent.
type wants struct {
	renewal bool // the loop made progress since the last one
	report  bool
	urgent  bool
}

// next is when the next PUT is due: a renewal after a third of the duration, a report after its interval or, if urgent, at once; never within minGap
// of the last try, which is also the pace of tries that fail. false: nothing waits.
func (s schedule) next(w wants, duration, interval time.Duration) (time.Duration, bool) {
	var at time.Duration
	ok := w.renewal || w.report
	switch {
	case w.urgent:
		at = s.tried
	case w.renewal && w.report:
		at = min(s.renewed+duration/3, s.reported+interval)
	case w.renewal:
		at = s.renewed + duration/3
	case w.report:
		at = s.reported + interval
	}
	return max(at, s.tried+minGap), ok
}
