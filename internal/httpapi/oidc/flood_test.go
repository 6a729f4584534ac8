package oidc_test

import (
	"net/http"
	"testing"
)

// Every sign-in that is started is stored until it expires: one address may not
// start them without end.
func TestOneAddressStartsNoFloodOfSignIns(t *testing.T) {
	w := open(t)
	target, refused := w.authorize(), 0
	for range 700 {
		if res, _ := w.send("GET", target, nil); res.StatusCode == http.StatusTooManyRequests {
			refused++
			if res.Header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		} else if res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	if refused == 0 {
		t.Error("700 sign-ins at once were started")
	}
	if res, _ := w.send("GET", w.at.Configuration, nil); res.StatusCode != http.StatusOK {
		t.Errorf("discovery: status %d", res.StatusCode)
	}
}
