// Package e2e tests what a user does, on a real cluster: apply, watch, break, mend, suspend, change, delete. The tests have the build tag
// e2e and are run by `make e2e`, which starts the cluster, loads the images and installs the operator first.
//
// Agents run in a namespace that enforces Pod Security "restricted". Their prices come from three deployments of hack/feed, which play a
// recorded series over HTTP; a source fails by being scaled to nothing.
//
// What a test finds out about a ledger, it finds out with taud's own commands on the volume's files.
package e2e
