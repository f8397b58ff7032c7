// Package desired says what a TauDaemon's children look like: the spec in, apply configurations out.
//
// Every builder is a pure function: no client, no context, no clock. The same spec gives the same bytes, so a digest over them says whether
// anything is left to apply. nil means "not wanted". What must not roll a running pod (suspend, acknowledge, updatePolicy, onStop, the
// volume's size and retention) reaches neither the ConfigMap nor the pod template; a test holds that.
//
// When a template may be applied, and what happens to an object that exists already, is not decided here but in package controllers.
package desired
