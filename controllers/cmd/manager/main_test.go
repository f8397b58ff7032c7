package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/taudaemon/taudaemon/hack/envtest"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(envtest.Run(m))
}

func TestManagerAnswersItsProbesLeadsAndStopsInOrder(t *testing.T) {
	config := envtest.Config(t)
	o := options{
		leaderElect: true, leaderNamespace: envtest.Namespace(t), image: "registry.test/taud:1",
		metricsAddress: freeAddress(t), probeAddress: freeAddress(t),
	}
	mgr, err := newManager(config, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	for _, url := range []string{"http://" + o.probeAddress + "/healthz", "http://" + o.probeAddress + "/readyz", "http://" + o.metricsAddress + "/metrics"} {
		err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
			resp, err := http.Get(url)
			if resp == nil {
				t.Log("not yet:", err)
				return false, nil
			}
			return resp.StatusCode == http.StatusOK, resp.Body.Close()
		})
		if err != nil {
			t.Errorf("%s: expected 200: %v", url, err)
		}
	}
	select {
	case <-mgr.Elected():
	case <-time.After(time.Minute):
		t.Error("expected to be elected")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("expected an orderly end, found %v", err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestBadFlagsAreRefusedBeforeAnythingStarts(t *testing.T) {
	t.Setenv(imageVariable, "")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no image":          {nil, "--taud-image"},
		"unknown log level": {[]string{"--taud-image=x", "--log-level=loud"}, `found "loud"`},
		"unknown flag":      {[]string{"--taud-imag=x"}, "--taud-imag"},
		"an argument":       {[]string{"run"}, "run"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command()
			cmd.SetArgs(test.args)
			if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("expected an error about %s, found %v", test.want, err)
			}
		})
	}
}
