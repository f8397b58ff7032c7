// Package network is a network for tests that can be broken: servers of this process have names, certificates and a toxiproxy before them, and a
// test says what the network does. Setup makes the process use it.
package network
