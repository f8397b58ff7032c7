package remote

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

// script answers each question with its next line: after a delay, a price, or a failure.
type script struct {
	lines []line
	asked []time.Duration // since the script's start
	began time.Time
}

type line struct {
	takes   time.Duration
	failure *Failure
}

func (s *script) Name() string { return "kraken" }

func (s *script) Ask(ctx context.Context, nowMS int64) (guard.Quote, *Failure) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.asked = append(s.asked, time.Since(s.began))
	l := line{failure: &Failure{Code: Internal, Detail: "asked more often than the script has lines"}}
	if len(s.lines) > 0 {
		l, s.lines = s.lines[0], s.lines[1:]
	}
	select {
	case <-time.After(l.takes):
	case <-ctx.Done():
		return guard.Quote{Received: nowMS}, &Failure{Code: Deadline}
	}
	if l.failure != nil {
		return guard.Quote{Received: nowMS, Server: 77}, l.failure
	}
	return guard.Quote{Price: 5, Published: nowMS, Received: nowMS}, nil
}

var (
	broken  = &Failure{Code: Connect, Detail: "connection reset by peer", Passing: true}
	down    = &Failure{Code: Status, Detail: "expected 200, found 404"}
	unsure  = &Failure{Code: Confidence, Detail: "too wide", Answered: true}
	later   = &Failure{Code: RateLimit, Detail: "expected 200, found 429", After: 7 * time.Second}
	forever = line{takes: time.Hour}
)

// exact is a source whose pauses are not random.
func exact(a Asker) *Source {
	s := New(a)
	s.jitter = 0
	return s
}

// poll asks with a deadline so far away, and says what came and how long it took.
func poll(s *Source, deadline time.Duration) (guard.Quote, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	began := time.Now()
	q := s.Poll(ctx, 1, 1000)
	return q, time.Since(began)
}

func TestAFailureThatMayPassIsTriedAgainWithinTheTick(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		lines    []line
		want     string // the reason; empty for a price
		asked    string
		took     time.Duration
	}{
		{"a price at once", time.Second, []line{{}}, "", "[0s]", 0},
		{"a broken connection, and then a price", time.Second, []line{{failure: broken}, {}}, "", "[0s 50ms]", 50 * time.Millisecond},
		{"pauses grow", time.Second, []line{{failure: broken}, {failure: broken}, {}}, "", "[0s 50ms 200ms]", 200 * time.Millisecond},
		{"no more than three tries", time.Second, []line{{failure: broken}, {failure: broken}, {failure: broken}, {}}, broken.Error(), "[0s 50ms 200ms]", 200 * time.Millisecond},
		{"what will not pass is not tried again", time.Second, []line{{failure: down}, {}}, down.Error(), "[0s]", 0},
		{"a pause that ends after the deadline is not begun", 40 * time.Millisecond, []line{{failure: broken}, {}}, broken.Error(), "[0s]", 0},
		{"a try that the deadline cuts says so", 100 * time.Millisecond, []line{{failure: broken}, forever}, "deadline", "[0s 50ms]", 100 * time.Millisecond},
		{"one that hangs takes what the caller gives and no more", 300 * time.Millisecond, []line{forever}, "deadline", "[0s]", 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &script{lines: c.lines}
				q, took := poll(exact(a), c.deadline)
				if q.Err != c.want || (q.Price == 5) != (c.want == "") || took != c.took || fmt.Sprint(a.asked) != c.asked {
					t.Fatalf("expected %q, asked at %s, after %v\nfound    %+v, asked at %v, after %v", c.want, c.asked, c.took, q, a.asked, took)
				}
			})
		})
	}
}

func TestTheTimesOfATryAreItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := poll(exact(&script{lines: []line{{failure: broken}, {}}}), time.Second)
		if q.Received != 1050 { // the tick's time, and the pause
			t.Fatalf("expected to be received 50 ms later, found %+v", q)
		}
	})
}

func TestWhatAFailedAnswerSaidOfTheServersClockIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if q, _ := poll(exact(&script{lines: []line{{failure: down}}}), time.Second); q.Server != 77 || q.Source != "kraken" || q.Err != down.Error() {
			t.Fatalf("%+v", q)
		}
	})
}

// TestAnOpenBreakerAnswersAtOnceWithTheReason polls every second a source that hangs, and then comes back.
func TestAnOpenBreakerAnswersAtOnceWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &script{lines: []line{forever, forever, forever, forever, {}, {}}}
		s := exact(a)
		const open = "breaker: open after 3 failures in a row, not asked for 5s at most; the last: deadline"
		for i, want := range []struct {
			err  string
			took time.Duration
		}{
			{"deadline", 500 * time.Millisecond}, {"deadline", 500 * time.Millisecond}, {"deadline", 500 * time.Millisecond},
			{open, 0}, {open, 0}, {open, 0}, {open, 0}, {open, 0}, // five seconds and a half since it opened, at the next one
			{"deadline", 500 * time.Millisecond}, // the trial: it still hangs
			{open, 0}, {open, 0}, {open, 0}, {open, 0}, {open, 0},
			{"", 0}, {"", 0}, // it is back
		} {
			q, took := poll(s, 500*time.Millisecond)
			if q.Err != want.err || took != want.took {
				t.Fatalf("second %d: expected %q after %v, found %q after %v", i, want.err, want.took, q.Err, took)
			}
			time.Sleep(time.Second - took)
		}
		if len(a.asked) != 6 {
			t.Fatalf("expected 6 questions, found %d", len(a.asked))
		}
	})
}

func TestWhatIsNoUseIsNoFailureOfTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &script{lines: []line{{failure: down}, {failure: down}, {failure: unsure}, {failure: down}, {failure: down}, {failure: unsure}, {failure: unsure}, {failure: unsure}, {}}}
		s := exact(a)
		for i := range len(a.lines) {
			if q, _ := poll(s, time.Second); strings.HasPrefix(q.Err, "breaker") {
				t.Fatalf("poll %d: a source that answers was cut off: %q", i, q.Err)
			}
		}
	})
}

func TestASecondQuestionDuringATrialIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := exact(&script{lines: []line{{failure: down}, {failure: down}, {failure: down}, {takes: time.Second}}})
		for range 3 {
			poll(s, time.Second)
		}
		time.Sleep(OpenFor + time.Millisecond)
		trial := make(chan guard.Quote)
		go func() { q, _ := poll(s, 2*time.Second); trial <- q }()
		synctest.Wait()
		if q, took := poll(s, time.Second); q.Err != "breaker: a trial is under way; the last failure: "+down.Error() || took != 0 {
			t.Fatalf("%+v after %v", q, took)
		}
		if q := <-trial; q.Err != "" {
			t.Fatalf("the trial: %+v", q)
		}
	})
}

func TestAServerIsNotAskedBeforeItWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &script{lines: []line{{failure: later}, {}}}
		s := exact(a)
		if q, took := poll(s, time.Second); q.Err != later.Error() || took != 0 {
			t.Fatalf("%+v after %v", q, took)
		}
		time.Sleep(2 * time.Second)
		if q, took := poll(s, time.Second); q.Err != "ratelimit: not asked for 5s more, as the source wished ("+later.Error()+")" || took != 0 {
			t.Fatalf("%+v after %v", q, took)
		}
		time.Sleep(5 * time.Second)
		if q, _ := poll(s, time.Second); q.Err != "" || fmt.Sprint(a.asked) != "[0s 7s]" {
			t.Fatalf("expected to be asked again after 7 s, found %+v, asked at %v", q, a.asked)
		}
	})
}

func TestABugInAnAskerIsCountedAndHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := exact(bug{})
		for i := range TripAfter {
			func() {
				defer func() {
					if recover() == nil {
						t.Fatalf("poll %d: expected the panic, which the gatherer keeps", i)
					}
				}()
				poll(s, time.Second)
			}()
		}
		if q, _ := poll(s, time.Second); !strings.HasPrefix(q.Err, "breaker: open") {
			t.Fatalf("%+v", q)
		}
	})
}

type bug struct{}

func (bug) Name() string                                       { return "bug" }
func (bug) Ask(context.Context, int64) (guard.Quote, *Failure) { panic("a bug") }
