// Package tessera holds our exports against a program that is not ours: the fsck of Tessera, a client of C2SP tlog-tiles. It is a module of its
// own, so that the product does not depend on it.
package tessera
