package devicefilter_test

import (
	"fmt"
	"testing"

	"github.com/postern-mam/postern/internal/devicefilter"
)

func TestARuleTellsWhatItAsks(t *testing.T) {
	r, err := devicefilter.Parse(`device.model -ne $null and not (device.displayName -notStartsWith "a" or device.deviceId -notIn ["1", "2"])`, devicefilter.ConditionalAccess())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range r.Comparisons() {
		got += fmt.Sprintf("%s %s %v %v; ", c.Property.Name, c.Operator, c.Null, c.Values)
	}
	const want = "device.model eq true []; device.displayName startsWith false [a]; device.deviceId in false [1 2]; "
	if got != want {
		t.Errorf("it asks %s, want %s", got, want)
	}
	if len(devicefilter.Unread("x").Comparisons()) != 0 {
		t.Error("a rule that was not read asks something")
	}
}
