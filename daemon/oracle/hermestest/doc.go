// Package hermestest is a server for tests that speaks Hermes' interface, of the two paths that the pyth source uses: it checks what it is asked as
// Hermes does, answers with one price update, or streams updates as server-sent events.
//
// It was written from Hermes' documentation. It is not Hermes.
package hermestest
