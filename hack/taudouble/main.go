package main

import (
	"os"

	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
)

func main() { os.Exit(double.Main(os.Args[1:])) }
