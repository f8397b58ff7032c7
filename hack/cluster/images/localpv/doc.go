// Command localpv is the local cluster's dynamic volume provisioner. A claim becomes a folder of this machine, offered as a
// `local` volume (a hostPath one would ignore fsGroup) that is bound to the node which the scheduler chose. Sizes are stored,
// not enforced.
package main
