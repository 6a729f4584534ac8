package odata_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/odata"
)

// Where names are data, annotations are none of them, and text is told from lists.
func TestTheNamesOfAnObject(t *testing.T) {
	o, err := odata.ParseObject([]byte(`{"b":"x","a":["y"],"@odata.type":"#z","a@odata.type":"#Collection(String)","n":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Names(); !slices.Equal(got, []string{"a", "b", "n"}) {
		t.Errorf("names: %v", got)
	}
	for name, want := range map[string]bool{"a": false, "b": true, "n": false, "none": false} {
		if o.IsText(name) != want {
			t.Errorf("%s is text: %v", name, !want)
		}
	}
}
