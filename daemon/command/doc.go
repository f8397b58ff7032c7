// Package command carries the orders of a person to the daemon on the same machine, or in the same pod by way of kubectl exec: halt and release.
//
// An order is a file in the folder "commands" of the daemon's data folder, which only the daemon's own user may enter. It is there at once and
// whole, by a rename, and waits there for a daemon that is not running. The daemon takes orders up in the order of their names, which begin with
// the time: it makes a record of each before it acts, and only then puts the answer in the order's place. So a crash in between gives the same
// order again, and none is lost.
//
// What is no file, and what has another ending, is not looked at: a pipe by the right name must not keep a tick waiting.
package command
