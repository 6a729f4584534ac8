package main

import (
	"fmt"
	"time"
)

// output is how a verb prints facts.
type output struct {
	Output string `help:"text or json." default:"text" enum:"text,json" short:"o"`
}

// json reports whether a program reads it.
func (o output) json() bool { return o.Output == "json" }

// inputError is a mistake of who called: it exits with 2.
type inputError struct{ error }

// waiting says what the agent is at, once that takes longer than a second. The
// caller calls done when it is over.
func (s session) waiting(what string) (done func()) {
	said := make(chan struct{})
	soon := time.AfterFunc(time.Second, func() {
		defer close(said)
		fmt.Fprintln(s.err, "postern-agent:", what, "…")
	})
	return func() {
		if !soon.Stop() {
			<-said
		}
	}
}
