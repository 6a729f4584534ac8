package graphclient_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/graphclient"
)

// realData is a folder of policies that real tenants exported: POSTERN_REALDATA.
// Without it the test is skipped, unless POSTERN_REQUIRE_DATA forbids that.
func realData(t *testing.T, folder string) []string {
	t.Helper()
	root := os.Getenv("POSTERN_REALDATA")
	if root == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") != "" {
			t.Fatal("POSTERN_REALDATA is not set, and POSTERN_REQUIRE_DATA forbids to skip")
		}
		t.Skip("POSTERN_REALDATA is not set")
	}
	var files []string
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".json" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no real data below %s: %v", root, err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
}

func TestRealAppProtectionPoliciesAreAppliedOrRefusedByPlatform(t *testing.T) {
	windows, others := 0, 0
	for _, file := range realData(t, "app-protection") {
		s := newService(t)
		raw := read(t, file)
		if platform := regexp.MustCompile(`microsoft\.graph\.(ios|android)ManagedAppProtection"`).FindStringSubmatch(raw); platform != nil {
			others++
			_, err := s.plan(file)
			want := map[string]string{"ios": "iOS", "android": "Android"}[platform[1]]
			if err == nil || !strings.Contains(err.Error(), "is a policy for "+want) {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		windows++
		if _, err := s.plan(file); err == nil || !strings.Contains(err.Error(), "$groupid") {
			t.Errorf("%s: the unresolved reference was not reported: %v", file, err)
		}
		s.apply(s.write("g.json", staff, "u.json", ada))
		group := exportedID(t, s, "groups/staff.json")
		dir := s.write("policy.json", strings.ReplaceAll(raw, "$groupid", group))
		if plan := s.apply(dir); plan.Count(graphclient.Create) != 1 {
			t.Errorf("%s: %+v", file, plan.Changes)
		}
		s.unchanged(dir)
		first := s.export()
		s.unchanged(first)
		other := newService(t)
		other.apply(other.write("g.json", strings.Replace(staff, "11111111-1111-4111-8111-111111111111", group, 1), "u.json", ada))
		id := exportedID(t, other, "groups/staff.json")
		moved := other.write("p.json", strings.ReplaceAll(onlyFile(t, filepath.Join(first, "app-protection")), group, id))
		other.apply(moved)
		want, got := normal(t, filepath.Join(first, "app-protection")), normal(t, filepath.Join(other.export(), "app-protection"))
		for name := range want {
			want[name] = strings.ReplaceAll(want[name], group, id)
		}
		if len(want) != 1 || !maps.Equal(want, got) {
			t.Errorf("%s: the export was\n%v\nand is\n%v", file, want, got)
		}
	}
	if windows == 0 || others == 0 {
		t.Errorf("%d Windows policies and %d others: too few to prove anything", windows, others)
	}
}

func TestRealAssignmentFiltersComeBackTheSame(t *testing.T) {
	files := realData(t, "assignment-filters")
	if len(files) != 6 {
		t.Errorf("%d filters, want 6", len(files))
	}
	s, other := newService(t), newService(t)
	for _, file := range files {
		if plan := s.apply(file); plan.Count(graphclient.Create) != 1 { // the byte order mark included
			t.Errorf("%s: %+v", file, plan.Changes)
		}
		s.unchanged(file)
	}
	first := s.export()
	s.unchanged(first)
	other.apply(filepath.Join(first, "assignment-filters"))
	want, got := normal(t, filepath.Join(first, "assignment-filters")), normal(t, filepath.Join(other.export(), "assignment-filters"))
	if len(want) != len(files) || !maps.Equal(want, got) {
		t.Errorf("the export was\n%v\nand is\n%v", want, got)
	}
}

// onlyFile reads the one file of a folder.
func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	return read(t, files[0])
}

func exportedID(t *testing.T, s *service, path string) string {
	t.Helper()
	var o struct{ ID string }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(s.export(), path))), &o); err != nil {
		t.Fatal(err)
	}
	return o.ID
}
