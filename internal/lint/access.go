package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

func accessRules() []Rule {
	return []Rule{{
		Name: "access-without-protection", About: "Conditional Access that requires app protection of people whom no policy protects", check: unprotected,
	}}
}

// unprotected compares whom an access policy asks for app protection with whom
// app protection is assigned to. Who is in which group it does not know: it speaks
// up where groups are named on one side only.
func unprotected(x *inquiry, d document.Document) {
	state := document.Text(d.Body, "state")
	if d.Kind.OData != document.Access || strings.EqualFold(state, "disabled") || !requiresProtection(d) || !x.whole(document.Protection) {
		return
	}
	f := finding{Error, "grantControls.builtInControls", "", "assign an app protection policy to them, with the app they sign in with"}
	if !strings.EqualFold(state, "enabled") {
		f.severity = Warning // it only reports
	}
	policies := slices.DeleteFunc(slices.Clone(x.of(document.Protection)), func(p document.Document) bool {
		return len(apps(p)) == 0 || includes(p) == 0 || selfExcluded(p)
	})
	if len(policies) == 0 {
		f.why = "it requires compliantApplication, and no app protection policy is assigned to anyone: none of them gets in"
		x.say(d, f)
		return
	}
	f.severity = Warning
	users := document.Object(document.Dig(d.Body, "conditions", "users"))
	spared := texts(users["excludeGroups"])
	if contains(texts(users["includeUsers"]), "All") {
		if !slices.ContainsFunc(policies, func(p document.Document) bool { return protectsAll(p, spared) }) {
			f.why = "it requires compliantApplication of all users, and app protection is assigned to some of them only: the others do not get in"
			x.say(d, f)
		}
		return
	}
	for i, g := range texts(users["includeGroups"]) {
		if !slices.Contains(spared, g) && !slices.ContainsFunc(policies, func(p document.Document) bool { return protects(p, g) }) {
			f.property = fmt.Sprintf("conditions.users.includeGroups[%d]", i)
			f.why = fmt.Sprintf("it requires compliantApplication of the group %s, to which no app protection policy is assigned", x.called(document.Group, g))
			x.say(d, f)
		}
	}
}

// protects reports whether a policy is assigned to a group.
func protects(p document.Document, group string) bool {
	groups, all := included(p)
	return slices.Contains(groups, group) || all && !slices.Contains(excluded(p), group)
}

// protectsAll reports whether a policy is assigned to everyone but spared groups.
func protectsAll(p document.Document, spared []string) bool {
	_, all := included(p)
	return all && !slices.ContainsFunc(excluded(p), func(g string) bool { return !slices.Contains(spared, g) })
}

// requiresProtection reports whether there is no other way in.
func requiresProtection(d document.Document) bool {
	controls := texts(document.Dig(d.Body, "grantControls", "builtInControls"))
	operator, _ := document.Dig(d.Body, "grantControls", "operator").(string)
	return contains(controls, "compliantApplication") && (len(controls) == 1 || strings.EqualFold(operator, "AND"))
}
