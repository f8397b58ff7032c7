package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// observed is all that one pass knows. decide and computeStatus are functions of it.
type observed struct {
	TauDaemon *v1alpha1.TauDaemon
	Now       time.Time

	// Wanted is what the spec asks for, or nil with WantedErr.
	Wanted    *desired.Agent
	WantedErr error

	// The children that are ours; nil where there is none.
	ServiceAccount *corev1.ServiceAccount
	Role           *rbacv1.Role
	RoleBinding    *rbacv1.RoleBinding
	Service        *corev1.Service
	Lease          *coordinationv1.Lease
	Claim          *corev1.PersistentVolumeClaim
	StatefulSet    *appsv1.StatefulSet
	ConfigMaps     []corev1.ConfigMap
	Pod            *corev1.Pod

	// Taken names the objects of a child's name that are not ours, and Leaving those of an earlier resource of our name, which the garbage
	// collector has not deleted yet.
	Taken, Leaving []string

	// AccountUser names what else uses the venue account of a Live resource; "" if nothing does.
	AccountUser string

	Heard      heard
	Witnessing witnessing
	// memory as it was before this pass, with this pass's report noted.
	memory memory
}

// observe reads the children and the report. It writes nothing.
func (r *Reconciler) observe(ctx context.Context, td *v1alpha1.TauDaemon) (*observed, error) {
	o := &observed{TauDaemon: td, Now: r.Clock.Now()}
	o.memory = r.memories.get(client.ObjectKeyFromObject(td), td.UID)
	specs, err := r.readSpecs(ctx, td, o.memory.specs, o.Now)
	if err != nil {
		return nil, fmt.Errorf("observe TauDaemon %s/%s: %w", td.Namespace, td.Name, err)
	}
	o.memory.specs = specs
	if o.WantedErr = specs.err; o.WantedErr == nil {
		o.Wanted, o.WantedErr = desired.Render(td, r.Image, specs.set)
	}

	if o.AccountUser, err = r.accountUser(ctx, td); err != nil {
		return nil, fmt.Errorf("observe TauDaemon %s/%s: %w", td.Namespace, td.Name, err)
	}

	o.ServiceAccount = &corev1.ServiceAccount{}
	o.Role = &rbacv1.Role{}
	o.RoleBinding = &rbacv1.RoleBinding{}
	o.Service = &corev1.Service{}
	o.Lease = &coordinationv1.Lease{}
	o.Claim = &corev1.PersistentVolumeClaim{}
	o.StatefulSet = &appsv1.StatefulSet{}
	name := desired.ChildName(td.Name)
	err = firstError(
		find(ctx, r, o, name, &o.ServiceAccount),
		find(ctx, r, o, name, &o.Role),
		find(ctx, r, o, name, &o.RoleBinding),
		find(ctx, r, o, name, &o.Service),
		find(ctx, r, o, name, &o.Lease),
		find(ctx, r, o, name, &o.Claim),
		find(ctx, r, o, name, &o.StatefulSet),
		r.findConfigMaps(ctx, o),
		r.findPod(ctx, o),
	)
	if err != nil {
		return nil, fmt.Errorf("observe children of TauDaemon %s/%s: %w", td.Namespace, td.Name, err)
	}

	o.listen()
	return o, nil
}

// listen judges the report, after noting in memory when it changed, and then the ledger head in it.
func (o *observed) listen() {
	var encoded string
	var reported time.Time
	if o.Lease != nil {
		encoded = o.Lease.Annotations[v1alpha1.AnnotationReport]
		if report, err := decodeReport(encoded); err == nil {
			reported = report.Time().Time
		}
	}
	newReport := o.memory.sees(encoded, reported, o.Now)
	o.Heard = hear(o.TauDaemon, o.Lease, o.Pod, o.memory.reportSeen, o.Now)
	o.witness(newReport)
}

// find reads one child into *slot, which is set to nil if there is none that is ours. What is not in the cache may still exist without our
// label, so absence is asked of the API server.
func find[T client.Object](ctx context.Context, r *Reconciler, o *observed, name string, slot *T) error {
	obj := *slot
	var none T
	*slot = none
	key := client.ObjectKey{Namespace: o.TauDaemon.Namespace, Name: name}
	err := r.Client.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, key, obj)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s %s: %w", kindOf(obj), name, err)
	}
	switch ownership(o.TauDaemon, obj) {
	case ours:
		*slot = obj
	case leaving:
		o.Leaving = append(o.Leaving, kindOf(obj)+" "+name)
	case foreign:
		o.Taken = append(o.Taken, kindOf(obj)+" "+name)
	}
	return nil
}

func (r *Reconciler) findConfigMaps(ctx context.Context, o *observed) error {
	list := &corev1.ConfigMapList{}
	err := r.Client.List(ctx, list, client.InNamespace(o.TauDaemon.Namespace), client.MatchingLabels{desired.LabelName: o.TauDaemon.Name})
	if err != nil {
		return fmt.Errorf("list ConfigMaps: %w", err)
	}
	for _, cm := range list.Items {
		if ownership(o.TauDaemon, &cm) == ours {
			o.ConfigMaps = append(o.ConfigMaps, cm)
		}
	}
	if o.Wanted == nil || o.configMap(o.Wanted.Template.ConfigMap) != nil {
		return nil
	}
	cm := &corev1.ConfigMap{}
	if err := find(ctx, r, o, o.Wanted.Template.ConfigMap, &cm); err != nil {
		return err
	}
	if cm != nil {
		o.ConfigMaps = append(o.ConfigMaps, *cm)
	}
	return nil
}

func (o *observed) configMap(name string) *corev1.ConfigMap {
	for i := range o.ConfigMaps {
		if o.ConfigMaps[i].Name == name {
			return &o.ConfigMaps[i]
		}
	}
	return nil
}

// findPod reads the one pod, if it is our StatefulSet's.
func (r *Reconciler) findPod(ctx context.Context, o *observed) error {
	pod := &corev1.Pod{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: o.TauDaemon.Namespace, Name: desired.PodName(o.TauDaemon.Name)}, pod)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get Pod: %w", err)
	}
	if o.StatefulSet != nil && metav1.IsControlledBy(pod, o.StatefulSet) {
		o.Pod = pod
	}
	return nil
}

type owned int

const (
	foreign owned = iota
	ours
	leaving
)

// ownership tells whose an object of a child's name is. A volume claim is ours by its label, unless another object controls it: it may have
// outlived the resource that made it.
func ownership(td *v1alpha1.TauDaemon, obj client.Object) owned {
	controller := metav1.GetControllerOf(obj)
	if _, isClaim := obj.(*corev1.PersistentVolumeClaim); isClaim && controller == nil {
		if obj.GetLabels()[desired.LabelName] != td.Name {
			return foreign
		}
		if obj.GetDeletionTimestamp() != nil {
			return leaving
		}
		return ours
	}
	switch {
	case controller == nil:
		return foreign
	case controller.UID == td.UID:
		return ours
	case controller.Kind == "TauDaemon" && controller.Name == td.Name && strings.HasPrefix(controller.APIVersion, v1alpha1.GroupVersion.Group+"/"):
		return leaving
	}
	return foreign
}

func kindOf(obj client.Object) string {
	name := fmt.Sprintf("%T", obj)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
