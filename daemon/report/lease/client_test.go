package lease

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/trading/leases/eth-usd-taud"

// serve speaks the Kubernetes API for the one Lease of a cluster, over TLS and with a token.
func serve(t *testing.T, c *cluster, token func() string) *rest.Config {
	t.Helper()
	l := &link{cluster: c}
	reply := func(w http.ResponseWriter, v *coordinationv1.Lease, err error) {
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			s := err.(apierrors.APIStatus).Status()
			s.Kind, s.APIVersion = "Status", "v1"
			w.WriteHeader(int(s.Code))
			_ = json.NewEncoder(w).Encode(s)
			return
		}
		_ = json.NewEncoder(w).Encode(typed(v))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+leasePath, func(w http.ResponseWriter, r *http.Request) {
		v, err := l.Get(r.Context())
		reply(w, v, err)
	})
	mux.HandleFunc("PUT "+leasePath, func(w http.ResponseWriter, r *http.Request) {
		var in coordinationv1.Lease
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("PUT: %v", err)
		}
		v, err := l.Update(r.Context(), &in)
		reply(w, v, err)
	})
	mux.HandleFunc("GET "+strings.TrimSuffix(leasePath, "/eth-usd-taud"), func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("watch") != "true" || q.Get("fieldSelector") != "metadata.name=eth-usd-taud" {
			t.Errorf("asked for %v, which the Role does not grant", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		watcher, _ := l.Watch(r.Context())
		defer watcher.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case e := <-watcher.ResultChan():
				_ = json.NewEncoder(w).Encode(map[string]any{"type": e.Type, "object": typed(e.Object.(*coordinationv1.Lease))})
				w.(http.Flusher).Flush()
			}
		}
	})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("spoke %s: a dead connection would be shared by every try", r.Proto)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+token() {
			reply(w, nil, apierrors.NewUnauthorized("token "+got))
			return
		}
		mux.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	return &rest.Config{Host: srv.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func typed(l *coordinationv1.Lease) *coordinationv1.Lease {
	l.TypeMeta = metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}
	return l
}

func TestClientOverTheWire(t *testing.T) {
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cl := newCluster()
	cfg := serve(t, cl, func() string { return "secret" })
	cfg.BearerTokenFile = tokenFile
	api, err := NewClient(cfg, "trading", "eth-usd-taud")
	if err != nil {
		t.Fatal(err)
	}

	o := options(api, "pod")
	o.Log = testr.NewWithOptions(t, testr.Options{Verbosity: 1})
	h, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if h.Epoch() != 1 || h.Margin() <= 0 {
		t.Errorf("epoch %d, margin %v", h.Epoch(), h.Margin())
	}
	cl.edit(func(l *coordinationv1.Lease) {
		l.Annotations = map[string]string{v1alpha1.AnnotationCommands: `{"acknowledge":"i-7"}`}
	})
	select {
	case <-h.Changed():
	case <-time.After(30 * time.Second):
		t.Fatal("the watch did not bring the commands")
	}
	if got := h.Commands().Acknowledge; got != "i-7" {
		t.Errorf("commands: %q", got)
	}
	if err := h.Release(t.Context(), v1alpha1.Report{Phase: v1alpha1.PhaseStopped}); err != nil {
		t.Fatal(err)
	}
	if l := cl.current(); *l.Spec.HolderIdentity != "" || l.Annotations[v1alpha1.AnnotationCommands] == "" || cl.report(t).Phase != v1alpha1.PhaseStopped {
		t.Errorf("left behind %+v", l)
	}
}

func TestClientTellsErrorsApart(t *testing.T) {
	var token atomic.Value
	token.Store("good")
	cl := newCluster()
	cfg := serve(t, cl, func() string { return token.Load().(string) })
	cfg.BearerToken = "good"
	api, err := NewClient(cfg, "trading", "eth-usd-taud")
	if err != nil {
		t.Fatal(err)
	}
	stale, err := api.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cl.edit(func(*coordinationv1.Lease) {})
	if _, err := api.Update(t.Context(), stale); !apierrors.IsConflict(err) {
		t.Errorf("a stale write: %v", err)
	}
	cl.delete()
	if _, err := api.Get(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("no Lease: %v", err)
	}
	token.Store("rotated")
	if _, err := api.Get(t.Context()); !apierrors.IsUnauthorized(err) {
		t.Errorf("an old token: %v", err)
	}
}

func TestClientGivesUpOnADeadConnection(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	api, err := NewClient(&rest.Config{Host: srv.URL}, "trading", "eth-usd-taud")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := api.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestFromEnvFailsClosed(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, c := range []struct {
		name string
		env  map[string]string
		err  string // "": no Lease to hold
	}{
		{"nothing set is no daemon's pod", nil, ""},
		{"a namespace alone is no daemon's pod", map[string]string{EnvNamespace: "trading"}, ""},
		{"a pod without its Lease's name", map[string]string{EnvNamespace: "trading", EnvPodUID: "u"}, "LEASE_NAME: expected to be set"},
		{"a Lease without the pod's UID", map[string]string{EnvNamespace: "trading", EnvLease: "l"}, "POD_UID: expected to be set"},
		{"a Lease without a namespace", map[string]string{EnvLease: "l", EnvPodUID: "u"}, "POD_NAMESPACE: expected to be set"},
		{"all set, but no way to the API", map[string]string{EnvLease: "l", EnvPodUID: "u", EnvNamespace: "trading"}, "lease trading/l: unable to load in-cluster configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api, uid, err := FromEnv(func(k string) string { return c.env[k] })
			if api != nil || uid != "" {
				t.Errorf("got %v, %q", api, uid)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}
