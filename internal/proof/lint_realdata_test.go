package proof_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/strength"
)

// publishedSets are policies that were published together, by folder.
func publishedSets(t testing.TB) map[string]access.Rules {
	baselines(t) // skips, or fails, without the data
	root := filepath.Join(os.Getenv("POSTERN_REALDATA"), "conditional-access")
	out := map[string]access.Rules{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		doc, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(doc, []byte(`"state"`)) { // a template
			doc = bytes.Replace(doc, []byte("{"), []byte(`{"state":"enabled",`), 1)
		}
		folder, _ := filepath.Rel(root, filepath.Dir(path))
		r := out[folder]
		p, err := conditional.ReadPolicy(bytes.TrimPrefix(doc, []byte("\ufeff")))
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			return nil
		}
		p.ID = access.PolicyID(fmt.Sprintf("%04d", len(r.Policies)))
		r.Policies, r.Strengths = append(r.Policies, p), strength.BuiltIns()
		out[folder] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a reviewer of these baselines finds, by rule; none of it is in the others.
func TestPublishedBaselinesAreLintedAsAReviewerWould(t *testing.T) {
	want := map[string]map[proof.Rule]int{
		"AlexFilipin+ConditionalAccess/PolicySets/Bare minimum": {
			"guests-spared": 0, "nothing-trusted": 1, "registration-deadlock": 0, "roles-of-nobody": 1, "unattainable": 5,
		},
		"Azure-Samples+azure-ad-conditional-access-apis/01-configure/graphapi/json": {
			"nothing-trusted": 1, "platform-claim": 2, "roles-of-nobody": 1, "unattainable": 1,
		},
		"jorgeasaurus+IntuneHydrationKit/Templates/ConditionalAccess": {
			"nothing-trusted": 1, "roles-of-nobody": 4, "unattainable": 2, "about-nothing": 1, "no-emergency-account": 2,
		},
	}
	for folder, r := range publishedSets(t) {
		found := map[proof.Rule]int{}
		for _, f := range proof.Lint(access.Compile(r), proof.World{}, proof.References{}) {
			found[f.Rule]++
			name := ""
			if len(f.Names) > 0 {
				name = f.Names[0]
			}
			t.Logf("%s: %s %s %q: %s", folder, f.Severity, f.Rule, name, f.Why)
		}
		for rule, n := range found {
			if w, ok := want[folder]; ok && w[rule] != n {
				t.Errorf("%s: %d findings of %s, expected %d", folder, n, rule, w[rule])
			}
		}
		for rule, n := range want[folder] {
			if found[rule] != n {
				t.Errorf("%s: %d findings of %s, expected %d", folder, found[rule], rule, n)
			}
		}
		delete(want, folder)
	}
	for folder := range want {
		t.Errorf("%s was not read", folder)
	}
}

func BenchmarkLintTheLargestBaseline(b *testing.B) {
	var largest access.Rules
	for _, r := range publishedSets(b) {
		if len(r.Policies) > len(largest.Policies) {
			largest = r
		}
	}
	set := access.Compile(largest)
	b.ReportAllocs()
	for b.Loop() {
		proof.Lint(set, proof.World{}, proof.References{})
	}
	b.ReportMetric(float64(set.Len()), "policies")
}
