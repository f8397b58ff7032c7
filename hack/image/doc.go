// Command image writes a container image from scratch, without a container engine: one layer with the given files, as a
// docker-archive that `ctr images import`, `docker load` and `kind load image-archive` read.
//
//	image OUT.tar NAME FILE=/path/in/image [FILE=/path ...]
//
// The first file is the entrypoint; a pod's `command` chooses another. The image runs as user 65532. Equal files give an
// equal image, byte for byte: no times, no owners, no order but that of the command line.
package main
