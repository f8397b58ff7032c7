// Package crash runs the ledger on a disk that loses power at every moment: a FUSE file system that keeps nothing which was not synced, and tears
// what was written last. It is a module of its own, so that the product does not depend on what the test needs.
package crash
