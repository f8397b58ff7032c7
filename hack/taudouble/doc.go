// Command taudouble is the double of the Tau binary as a program of its own, for demos and for tests of whole daemons.
// Package daemon/tau/process/double says how it behaves and what the environment can order.
package main
