// Command manager is the TauDaemon operator: it runs package controllers under a controller-runtime manager, with leader election, metrics and
// probes.
package main
