package template_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/access/template"
)

func TestEveryTemplateIsAPolicyThatMayBeSaved(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range template.Templates() {
		p := v.Policy
		p.DisplayName = v.Name
		if err := access.Validate(p); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		if seen[v.ID] || seen[v.Name] || v.Description == "" || len(v.Scenarios) == 0 {
			t.Errorf("%s is not told apart or not described", v.Name)
		}
		seen[v.ID], seen[v.Name] = true, true
	}
}

func TestTheFirstTemplateIsForPersonalWindowsPCs(t *testing.T) {
	p := template.Templates()[0].Policy
	if p.Grant.Operator != access.Or || !slices.Equal(p.Grant.Controls, []access.Control{access.CompliantApplication, access.CompliantDevice}) ||
		!slices.Equal(p.Conditions.Platforms.Include, []access.Platform{access.Windows}) {
		t.Errorf("%+v", p)
	}
}
