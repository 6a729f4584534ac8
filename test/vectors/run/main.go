// Command run holds an engine of Conditional Access against the published
// vectors:
//
//	go run ./test/vectors/run -engine './my-engine'
package main

import (
	"os"

	"github.com/postern-mam/postern/test/vectors"
)

func main() { os.Exit(vectors.Main(os.Args[1:], os.Stdout, os.Stderr)) }
