module github.com/taudaemon/taudaemon/hack/crash

go 1.26.0

require (
	github.com/hanwen/go-fuse/v2 v2.12.1
	github.com/taudaemon/taudaemon v0.0.0
)

require (
	github.com/klauspost/compress v1.20.1 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/taudaemon/taudaemon => ../..
