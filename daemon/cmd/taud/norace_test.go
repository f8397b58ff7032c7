//go:build !race

package main

// raceDetector: this test binary has it.
const raceDetector = false
