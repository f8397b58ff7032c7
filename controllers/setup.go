package controllers

import (
	"context"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// The operator's rights. It holds those that it gives to a daemon (its Lease), as it may give no others. None on Secrets or Nodes.
//
// +kubebuilder:rbac:groups=taudaemon.io,resources=taudaemons,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=taudaemon.io,resources=taudaemons/status,verbs=patch
// +kubebuilder:rbac:groups=taudaemon.io,resources=taudaemons/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts;services;persistentvolumeclaims,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;create;patch;update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// workers is how many resources are reconciled at a time.
const workers = 4

// CacheOptions keep the cache small: of the children's kinds only what carries our label, and nobody's managed fields.
func CacheOptions() cache.Options {
	labelled, err := labels.NewRequirement(desired.LabelName, selection.Exists, nil)
	if err != nil {
		panic(err) // the label's name is a constant
	}
	ours := cache.ByObject{Label: labels.NewSelector().Add(*labelled)}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.ServiceAccount{}:        ours,
			&corev1.Service{}:               ours,
			&corev1.ConfigMap{}:             ours,
			&corev1.PersistentVolumeClaim{}: ours,
			&corev1.Pod{}:                   ours,
			&rbacv1.Role{}:                  ours,
			&rbacv1.RoleBinding{}:           ours,
			&appsv1.StatefulSet{}:           ours,
			&coordinationv1.Lease{}:         ours,
		},
	}
}

// ClientOptions make a pass see what the pass before it wrote: otherwise a cache that lags makes it write, and announce, the same again.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}}
}

// SetupWithManager has the manager run r.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	byLabel := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetLabels()[desired.LabelName]}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("taudaemon").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		// The operator's own writes of status change no generation. Deletion does.
		For(&v1alpha1.TauDaemon{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&corev1.ServiceAccount{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&rbacv1.Role{}).
		Owns(&rbacv1.RoleBinding{}).
		Owns(&appsv1.StatefulSet{}).
		Owns(&coordinationv1.Lease{}, builder.WithPredicates(leaseSaysMore)).
		// A claim may have no owner, and a pod is owned by the StatefulSet.
		Watches(&corev1.PersistentVolumeClaim{}, byLabel).
		Watches(&corev1.Pod{}, byLabel).
		Complete(r)
}

// leaseSaysMore drops plain renewals: the daemon renews every few seconds, and only its report, its commands, its holder and its epoch matter here.
var leaseSaysMore = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*coordinationv1.Lease)
		after, ok2 := e.ObjectNew.(*coordinationv1.Lease)
		return !ok || !ok2 ||
			!maps.Equal(before.Annotations, after.Annotations) ||
			!maps.Equal(before.Labels, after.Labels) ||
			!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
			!equality.Semantic.DeepEqual(before.DeletionTimestamp, after.DeletionTimestamp) ||
			!ptr.Equal(before.Spec.HolderIdentity, after.Spec.HolderIdentity) ||
			!ptr.Equal(before.Spec.LeaseTransitions, after.Spec.LeaseTransitions)
	},
}
