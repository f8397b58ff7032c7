package lease

import (
	"context"
	"fmt"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// API is what is asked of Kubernetes: the three verbs that the daemon's Role grants, on one Lease.
type API interface {
	// Get reads the Lease; a NotFound error while there is none.
	Get(context.Context) (*coordinationv1.Lease, error)
	// Update replaces the Lease if its resourceVersion is still the given one, and returns it as stored; a Conflict error otherwise.
	Update(context.Context, *coordinationv1.Lease) (*coordinationv1.Lease, error)
	// Watch begins with the present state.
	Watch(context.Context) (watch.Interface, error)
}

// watchTimeout ends a watch that a dead connection keeps silent.
const watchTimeout = 5 * time.Minute

// Client is the API over the wire.
type Client struct {
	rest            rest.Interface
	namespace, name string
}

// NewClient makes a Client for one Lease. It knows no other type, which keeps the whole Kubernetes scheme out of the daemon's memory.
func NewClient(cfg *rest.Config, namespace, name string) (*Client, error) {
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(cfg)
	c.APIPath = "/apis"
	c.GroupVersion = &coordinationv1.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	// HTTP/1.1: a request that times out takes its connection with it, and the next try dials anew. Over HTTP/2 the tries would go on sharing one
	// dead connection for up to 45 s, longer than the default Lease lasts.
	c.NextProtos = []string{"http/1.1"}
	if c.UserAgent == "" {
		c.UserAgent = "taud"
	}
	r, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, err
	}
	return &Client{rest: r, namespace: namespace, name: name}, nil
}

// The environment that the operator gives to a daemon's pod.
const (
	// EnvLease names the Lease.
	EnvLease = "LEASE_NAME"
	// EnvNamespace and EnvPodUID are of the pod, by the downward API.
	EnvNamespace = "POD_NAMESPACE"
	EnvPodUID    = "POD_UID"
)

// FromEnv finds the Lease that this process must hold, and the pod it runs in. A nil API without an error means that there is none to hold: neither
// EnvLease nor EnvPodUID is set, so this is no daemon's pod and Unfenced will do. Anything in between is an error, never a reason to act unfenced.
func FromEnv(getenv func(string) string) (api API, podUID string, err error) {
	name, namespace, podUID := getenv(EnvLease), getenv(EnvNamespace), getenv(EnvPodUID)
	if name == "" && podUID == "" {
		return nil, "", nil
	}
	for _, v := range []struct{ env, value string }{{EnvLease, name}, {EnvNamespace, namespace}, {EnvPodUID, podUID}} {
		if v.value == "" {
			return nil, "", fmt.Errorf("environment: %s: expected to be set, since %s or %s is, found it empty", v.env, EnvLease, EnvPodUID)
		}
	}
	c, err := InCluster(namespace, name)
	if err != nil {
		return nil, "", err
	}
	return c, podUID, nil
}

// InCluster makes a Client from the pod's projected token, which is read again as the kubelet renews it.
func InCluster(namespace, name string) (*Client, error) {
	cfg, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("lease %s/%s: %w", namespace, name, err)
	}
	return NewClient(cfg, namespace, name)
}

// Get implements API.
func (c *Client) Get(ctx context.Context) (*coordinationv1.Lease, error) {
	l := &coordinationv1.Lease{}
	return l, c.rest.Get().Namespace(c.namespace).Resource("leases").Name(c.name).MaxRetries(0).Do(ctx).Into(l)
}

// Update implements API.
func (c *Client) Update(ctx context.Context, in *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	l := &coordinationv1.Lease{}
	return l, c.rest.Put().Namespace(c.namespace).Resource("leases").Name(c.name).MaxRetries(0).Body(in).Do(ctx).Into(l)
}

// Watch implements API.
func (c *Client) Watch(ctx context.Context) (watch.Interface, error) {
	return c.rest.Get().Namespace(c.namespace).Resource("leases").
		Param("watch", "true").
		// The Role names this one Lease: the server grants a watch of it, and only with this selector.
		Param("fieldSelector", fields.OneTermEqualSelector("metadata.name", c.name).String()).
		Param("timeoutSeconds", strconv.Itoa(int(watchTimeout.Seconds()))).
		Watch(ctx)
}
