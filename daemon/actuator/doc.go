// Package actuator holds the last check before anything leaves: the shield, and the plan of an exit.
//
// A buy needs every verdict and is checked again here, independently of the bits that the kernel saw. A sell needs only the Lease, a
// position, and no other live order of ours; nothing else ever blocks it. The package is pure: it says what may be done, package loop does
// it.
package actuator
