package desired

import (
	corev1 "k8s.io/api/core/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// HTTPPort is the port of /livez, /readyz, /statusz and /metrics.
const HTTPPort = 8080

const portName = "http"

// BuildService is the headless Service that names the pod for people and for scrapers. A quarantined or starting daemon answers there too:
// its status page is wanted most when it is not ready.
func BuildService(td *v1alpha1.TauDaemon) *applycore.ServiceApplyConfiguration {
	return applycore.Service(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithOwnerReferences(owner(td)).
		WithSpec(applycore.ServiceSpec().
			WithClusterIP(corev1.ClusterIPNone).
			WithPublishNotReadyAddresses(true).
			WithSelector(map[string]string{LabelName: td.Name}).
			WithPorts(applycore.ServicePort().
				WithName(portName).
				WithProtocol(corev1.ProtocolTCP).
				WithPort(HTTPPort)))
}
