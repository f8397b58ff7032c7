package v1alpha1_test

import (
	"os"
	"testing"

	"github.com/taudaemon/taudaemon/hack/envtest"
)

func TestMain(m *testing.M) { os.Exit(envtest.Run(m)) }
