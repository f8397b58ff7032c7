package remote

import (
	"time"
)

// Code is the kind of a failure: the word with which a quote's reason begins.
type Code string

// The codes.
const (
	// Deadline: no answer by the tick's deadline.
	Deadline Code = "deadline"
	// Connect: no connection, or it broke.
	Connect Code = "connect"
	// Redirect: sent to another host, or too often.
	Redirect Code = "redirect"
	// Status: another HTTP status than 200.
	Status Code = "status"
	// RateLimit: the server asked to be asked later.
	RateLimit Code = "ratelimit"
	// Size: a longer answer than MaxDocumentBytes.
	Size Code = "size"
	// JSON: no JSON, or more after it.
	JSON Code = "json"
	// Price, Time, Volume, Confidence: the value is missing, out of bounds, or refused.
	Price      Code = "price"
	Time       Code = "time"
	Volume     Code = "volume"
	Confidence Code = "confidence"
	// Credentials: the file that holds them cannot be used.
	Credentials Code = "credentials"
	// Breaker: not asked, because it failed too often in a row.
	Breaker Code = "breaker"
	// Node: a blockchain's node answers with an error, or is another chain's.
	Node Code = "node"
	// Internal: the source itself failed, which is a bug.
	Internal Code = "internal"
)

// Failure is why a source has no price.
type Failure struct {
	Code Code
	// Detail for people, without a URL or credentials; it may be empty.
	Detail string
	// Passing: asking again at once may help.
	Passing bool
	// After is how long the server asked to wait before the next question; 0 where it asked for nothing.
	After time.Duration
	// Answered: the source is well, and what it says is of no use. The breaker does not count it.
	Answered bool
}

// Error is code and detail, and never the text of an error that may hold a URL.
func (f *Failure) Error() string {
	if f.Detail == "" {
		return string(f.Code)
	}
	return string(f.Code) + ": " + f.Detail
}

// Failed is a failure with a code and what err says; err must be of our own making.
func Failed(code Code, err error) *Failure { return &Failure{Code: code, Detail: err.Error()} }
