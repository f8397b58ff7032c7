package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Release implements Tenure. It tries until ctx ends.
func (h *Held) Release(ctx context.Context, last v1alpha1.Report) error {
	h.end(ErrReleased)
	h.done.Wait()
	if err := h.Err(); errors.Is(err, ErrLost) {
		return err
	}
	last = h.stamp(last)
	for {
		err := h.giveBack(ctx, &last)
		if err == nil || errors.Is(err, ErrLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lease not released, the next holder waits %v: %w", h.o.Duration+h.o.Duration/10, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// giveBack reads the Lease anew: the last renewal may have timed out here and still have arrived there.
func (h *Held) giveBack(ctx context.Context, last *v1alpha1.Report) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout(h.o.Duration))
	defer cancel()
	l, err := h.o.API.Get(ctx)
	if err != nil {
		if apierrors.IsNotFound(err) {
			return nil // deleted with its resource: nobody waits for it
		}
		return err
	}
	if deref(l.Spec.HolderIdentity) == "" && int64(deref(l.Spec.LeaseTransitions)) == h.me.epoch {
		return nil // an earlier try arrived though its answer did not
	}
	if ok, why := mine(l, h.me); !ok {
		return fmt.Errorf("%w: %s", ErrLost, why)
	}
	h.latest = l
	l = h.renewal(last, provenFrom(l))
	l.Spec.HolderIdentity = new("")
	_, err = h.o.API.Update(ctx, l)
	return err
}
