package directory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func TestEveryPermissionToWriteHasOneToRead(t *testing.T) {
	all := directory.Permissions()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("not sorted, or twice: %v", all)
	}
	for _, p := range all {
		read, writes := strings.CutSuffix(p, ".ReadWrite.All")
		if writes && !slices.Contains(all, read+".Read.All") {
			t.Errorf("%s has no permission to read beside it", p)
		}
	}
	all[0] = "scribble"
	if directory.Permissions()[0] == "scribble" {
		t.Error("the list is shared")
	}
}
