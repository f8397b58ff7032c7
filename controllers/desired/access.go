package desired

import (
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applyrbac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// BuildServiceAccount gives the pod an identity of its own. Its token reaches the pod only through the projected volume of the template,
// never through an automatic mount.
func BuildServiceAccount(td *v1alpha1.TauDaemon) *applycore.ServiceAccountApplyConfiguration {
	return applycore.ServiceAccount(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithOwnerReferences(owner(td)).
		WithAutomountServiceAccountToken(false)
}

// BuildRole allows what the daemon needs and nothing else: its one Lease. It may not create it, so that a recreated Lease always carries
// the epoch that the operator knows.
func BuildRole(td *v1alpha1.TauDaemon) *applyrbac.RoleApplyConfiguration {
	return applyrbac.Role(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithOwnerReferences(owner(td)).
		WithRules(applyrbac.PolicyRule().
			WithAPIGroups("coordination.k8s.io").
			WithResources("leases").
			WithResourceNames(ChildName(td.Name)).
			WithVerbs("get", "update", "watch"))
}

// BuildRoleBinding gives the Role to the ServiceAccount.
func BuildRoleBinding(td *v1alpha1.TauDaemon) *applyrbac.RoleBindingApplyConfiguration {
	return applyrbac.RoleBinding(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithOwnerReferences(owner(td)).
		WithRoleRef(applyrbac.RoleRef().
			WithAPIGroup("rbac.authorization.k8s.io").
			WithKind("Role").
			WithName(ChildName(td.Name))).
		WithSubjects(applyrbac.Subject().
			WithKind("ServiceAccount").
			WithNamespace(td.Namespace).
			WithName(ChildName(td.Name)))
}
