package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// accounts remembers to which resource each venue account was given. Two resources of one account may be made in one second, and be reconciled
// by two workers: whoever was first given it keeps it.
type accounts struct {
	mu sync.Mutex
	of map[string]types.UID
}

// give returns who has the account: who already has it, if it still asks, and else the first of asking, which is not empty.
func (a *accounts) give(account string, asking []types.UID) types.UID {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string]types.UID{}
	}
	if !slices.Contains(asking, a.of[account]) {
		a.of[account] = asking[0]
	}
	return a.of[account]
}

// accountUser names what else uses the resource's venue account, in any namespace; "" if nothing does. The older resource keeps an account, and
// so does a pod that still runs on it after its resource is gone.
func (r *Reconciler) accountUser(ctx context.Context, td *v1alpha1.TauDaemon) (string, error) {
	account := desired.Account(td)
	if account == "" {
		return "", nil
	}
	all := &v1alpha1.TauDaemonList{}
	if err := r.Client.List(ctx, all, client.UnsafeDisableDeepCopy); err != nil {
		return "", fmt.Errorf("list TauDaemons of one venue account: %w", err)
	}
	asking := []*v1alpha1.TauDaemon{td}
	for i := range all.Items {
		if other := &all.Items[i]; other.UID != td.UID && desired.Account(other) == account {
			asking = append(asking, other)
		}
	}
	slices.SortFunc(asking, older)
	uids := make([]types.UID, len(asking))
	for i, each := range asking {
		uids[i] = each.UID
	}
	if holder := asking[slices.Index(uids, r.accounts.give(account, uids))]; holder.UID != td.UID {
		return fmt.Sprintf("TauDaemon %s/%s", holder.Namespace, holder.Name), nil
	}
	pods := &corev1.PodList{}
	if err := r.Client.List(ctx, pods, client.MatchingLabels{desired.LabelAccount: desired.AccountDigest(td)}, client.UnsafeDisableDeepCopy); err != nil {
		return "", fmt.Errorf("list Pods of one venue account: %w", err)
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; pod.Namespace != td.Namespace || pod.Name != desired.PodName(td.Name) {
			return fmt.Sprintf("Pod %s/%s", pod.Namespace, pod.Name), nil
		}
	}
	return "", nil
}

// older orders resources by their right to an account: the older first, and of those of one second, which a creation time cannot tell apart, the
// one that has a configuration in the cluster.
func older(a, b *v1alpha1.TauDaemon) int {
	fresh := func(td *v1alpha1.TauDaemon) int {
		if td.Status.ConfigMapName == "" {
			return 1
		}
		return 0
	}
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(fresh(a), fresh(b)),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name))
}
