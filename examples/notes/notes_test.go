package main_test

import (
	"os"
	"strings"
	"testing"
)

// What makes an app a protected one is short enough to be read at once.
func TestAProtectedAppTakesUnderFortyLines(t *testing.T) {
	doc, err := os.ReadFile("protected.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(doc), "\n"); n >= 40 {
		t.Errorf("protected.go has %d lines", n)
	}
	rest, err := os.ReadFile("main.go")
	if err != nil || strings.Contains(string(rest), "postern/sdk") {
		t.Errorf("the rest uses the SDK as well, %v", err)
	}
}
