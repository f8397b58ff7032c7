// Package process runs specs in the user's own Tau binary. It implements tau.Engine twice: [Session] keeps one process
// a spec and speaks to it over named pipes, a line a stream a tick; [File] starts one process a tick on ordinary files.
//
// # What the binary is fed
//
// Not the user's text but one rendered from it (see render.go): paths within a folder of our own, the whole formula on
// one line, a mirror output for every input, and the saved state as initial values. The mirrors matter twice: the
// binary reads an input only when its value can matter, so that without one a stream would shift silently; and what a
// mirror shows is compared with what was written. Specs with bit-vectors go through the interactive form, because a
// spec file with them may hang. The rendered text must pass the checker of package lang before it is used.
//
// # What is promised
//
// A Step that returns nil read, from every output, exactly one well-formed value in its range that this process wrote
// after it had this tick's inputs. A process starts in a fresh folder with pipes of its own, so that the output of an
// earlier one can never be taken for this tick's. Everything else is an error, and no verdict: a process that died,
// says "Error", answers too late, too much, too little or something else, or whose mirrors differ. Exit codes are never
// believed, because the binary's is 0 for most errors. After an error the state is what it was, the process is killed,
// and a new one is started from that state.
//
// Every wait has a deadline: of a start, of a tick, of the caller's context. Close leaves no process, pipe, folder or
// goroutine behind. If this process is killed the binary is killed with it; its folder in RunDir stays.
//
// # Where it ends
//
// That the binary's answer is right is not checked here: package shadow compares it with the embedded engine. Linux
// only: named pipes that can be opened for both ends, process groups, the parent-death signal.
package process
