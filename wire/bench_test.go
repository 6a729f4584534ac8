package wire_test

import (
	"os"
	"testing"

	"github.com/postern-mam/postern/wire"
)

// What it costs the service to look at every member of a check-in.
func BenchmarkUndeclared(b *testing.B) {
	doc, err := os.ReadFile("testdata/check-in.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := wire.Undeclared("CheckIn", doc); err != nil {
			b.Fatal(err)
		}
	}
}
