// Package specs holds the Tau specs that the daemon runs unless it is told otherwise: the V35 kernel and eight
// supporting specs, each with its purpose and streams in a head comment. They are plain files: read them, copy them,
// replace them; the embedded copies are the same bytes.
//
// Each spec is checked in the tests against a model written in Go from its description, not from its equations, and
// the recorded vectors beside this package are made from that model.
package specs
