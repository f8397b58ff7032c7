package paper

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// order is one that was sent, with its fate and what has become of it. Times are Unix milliseconds.
type order struct {
	venue.Order
	fate fate
	// comes is when the venue gets it, due when the next part of it is carried out, silent until when nobody is told.
	comes, due, silent int64

	result core.Result
	reason string
	fills  []core.Fill
	filled fixed.Value // the sum of fills
	gas    fixed.Value
}

// answer is what is to be said to one who has been told so much.
func (o *order) answer(told core.Told) venue.Answer {
	a := venue.Answer{Result: o.result, Reason: o.reason}
	if told.Qty == 0 {
		a.Gas = o.gas // it is told with the first of the fills
	}
	for _, f := range o.fills {
		switch {
		case told.Qty >= f.Qty:
			told.Qty -= f.Qty
		case told.Qty == 0:
			a.Fills = append(a.Fills, f)
		default:
			return venue.Answer{Result: core.Ambiguous, Reason: fmt.Sprintf("%s of a fill of %s is said to be told, which was told in whole", told.Qty, f.Qty)}
		}
	}
	return a
}
