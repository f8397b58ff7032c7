package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// A user's ConfigMap is no child: it does not carry our label, and a watch on every ConfigMap of a cluster would fill the cache with what is not
// ours. So it is read live: at once when the resource changed, and else once in a while; sooner while something is wrong with it, because then a
// person, or a GitOps tool that applies one file after the other, is at it.
const (
	specsRefresh = time.Minute
	specsRetry   = 10 * time.Second
)

// userSpecs is what the ConfigMap of spec.engine.specs held when it was read last.
type userSpecs struct {
	generation int64 // of the resource, then
	read       time.Time

	uid             types.UID
	resourceVersion string
	// set is the bundled specs with the user's in their place, or nil with err.
	set map[string]string
	err error
}

// expires is when it has to be read again.
func (u *userSpecs) expires() time.Time {
	if u.err != nil {
		return u.read.Add(specsRetry)
	}
	return u.read.Add(specsRefresh)
}

// readSpecs returns the specs that the resource asks for; known is what the pass before returned. Its own error is one of the API server's, not
// of the specs.
func (r *Reconciler) readSpecs(ctx context.Context, td *v1alpha1.TauDaemon, known userSpecs, now time.Time) (userSpecs, error) {
	if td.Spec.Engine.Specs == nil {
		return userSpecs{set: r.Specs}, nil
	}
	if !known.read.IsZero() && known.generation == td.Generation && now.Before(known.expires()) {
		return known, nil
	}
	cm := &corev1.ConfigMap{}
	name := td.Spec.Engine.Specs.ConfigMapRef.Name
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: td.Namespace, Name: name}, cm)
	u := userSpecs{generation: td.Generation, read: now, uid: cm.UID, resourceVersion: cm.ResourceVersion, set: known.set, err: known.err}
	switch {
	case apierrors.IsNotFound(err):
		u.set, u.err = nil, fmt.Errorf("spec.engine.specs.configMapRef: expected ConfigMap %s in namespace %s, found none", name, td.Namespace)
	case err != nil:
		return userSpecs{}, fmt.Errorf("read ConfigMap %s of spec.engine.specs: %w", name, err)
	case cm.UID != known.uid || cm.ResourceVersion != known.resourceVersion:
		u.set, u.err = desired.ReplaceSpecs(r.Specs, cm)
	}
	return u, nil
}
