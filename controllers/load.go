package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// load reads the resource; nil when it is gone: then the garbage collector has the rest.
func (r *Reconciler) load(ctx context.Context, key types.NamespacedName) (*v1alpha1.TauDaemon, error) {
	td := &v1alpha1.TauDaemon{}
	err := r.Client.Get(ctx, key, td)
	if apierrors.IsNotFound(err) {
		r.memories.forget(key)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load TauDaemon %s: %w", key, err)
	}
	return td, nil
}
