// Package envtest gives tests a real kube-apiserver and etcd with the project's CRDs, and nothing else of a cluster: no controller-manager,
// scheduler or kubelet, so nothing but the test acts on what it creates.
//
// The binaries come from the folder that KUBEBUILDER_ASSETS names; `make test` builds them and sets it. Without it a test that asks for the
// control plane fails: a suite that skips what it could not check would be green for the wrong reason. `go test -short` skips such tests, and says so.
//
//	func TestMain(m *testing.M) { os.Exit(envtest.Run(m)) }
//
//	func TestSomething(t *testing.T) {
//		c := envtest.Client(t)       // the control plane starts at the first call, once a test binary
//		ns := envtest.Namespace(t)   // a namespace of its own
//		...
//	}
//
// A test binary that is killed (a panic, the -timeout of go test) cannot stop its apiserver and etcd; they then stay behind.
package envtest
