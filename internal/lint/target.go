package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/targeting"
)

func targetRules() []Rule {
	return []Rule{
		{Name: "stale-reference", About: "a group, filter, scope tag, role, user or app that does not exist", check: stale},
		{Name: "policy-excludes-itself", About: "a policy whose every included group is excluded as well", check: excludesItself},
		{Name: "policy-unassigned", About: "a policy that no one is assigned", check: unassigned},
		{Name: "policy-without-apps", About: "a policy without apps", check: withoutApps},
		{Name: "group-included-and-excluded", About: "a group that one policy includes and excludes", check: bothWays},
		{Name: "group-empty", About: "an assigned group with nobody in it", Asks: true, check: emptyGroup},
		{Name: "filter-of-devices", About: "a filter for devices on a policy for apps", check: deviceFilter},
		{Name: "filter-matches-nothing", About: "an assignment filter that no installation passes", Asks: true, check: passesNothing},
		{Name: "filter-unused", About: "an assignment filter that no policy uses", check: unusedFilter},
	}
}

const exclusion = "exclusionGroupAssignmentTarget"

// guid is the form of every identifier that Graph gives, but for those of scope tags.
func guid(id string) bool {
	return regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`).MatchString(id)
}

func stale(x *inquiry, d document.Document) {
	for _, r := range document.References(d) {
		tag := r.Kinds[0] == document.ScopeTag
		known, whole := r.Kinds[0] == document.Role && builtInRole(r.ID), true
		var titles []string
		for _, odata := range r.Kinds {
			_, found := x.get(odata, r.ID)
			known, whole = known || found, whole && x.whole(odata)
			k, _ := document.KindOf(odata)
			titles = append(titles, k.Title)
		}
		what := strings.Join(titles, " or ")
		switch {
		case known:
		case !tag && !guid(r.ID):
			x.say(d, finding{Error, r.Property, fmt.Sprintf("%q is no identifier, so it names no %s", r.ID, what), "write the id of the " + what})
		case whole && (x.facts != nil || !productPart(r)):
			x.say(d, finding{Error, r.Property, fmt.Sprintf("there is no %s %s", what, r.ID), "name one that exists, or take it out"})
		}
	}
}

// productPart reports whether a reference may be to a part of the product, which
// no export holds.
func productPart(r document.Reference) bool { return r.Kinds[0] == document.Application }

func builtInRole(id string) bool {
	return slices.ContainsFunc(directory.BuiltInRoles(), func(r directory.RoleDefinition) bool { return r.ID == id })
}

// included lists the groups that a policy includes and does not exclude; all: it
// includes every user.
func included(d document.Document) (groups []string, all bool) {
	assignments := document.Assignments(d.Body)
	for _, a := range assignments {
		switch {
		case a.Type == exclusion || slices.Contains(excluded(d), a.Group):
		case a.Group == "":
			all = true
		default:
			groups = append(groups, a.Group)
		}
	}
	return groups, all
}

func excluded(d document.Document) []string {
	var out []string
	for _, a := range document.Assignments(d.Body) {
		if a.Type == exclusion {
			out = append(out, a.Group)
		}
	}
	return out
}

func includes(d document.Document) int { return len(document.Assignments(d.Body)) - len(excluded(d)) }

func selfExcluded(d document.Document) bool {
	groups, all := included(d)
	return includes(d) > 0 && len(groups) == 0 && !all
}

func excludesItself(x *inquiry, d document.Document) {
	if forApps(d) && selfExcluded(d) {
		x.say(d, finding{Error, "assignments", "every group that it includes is excluded as well, and exclusion wins: it is for nobody", "take the groups out of the exclusions"})
		return
	}
	users := document.Object(document.Dig(d.Body, "conditions", "users"))
	in, out := texts(users["includeGroups"]), texts(users["excludeGroups"])
	if d.Kind.OData != document.Access || len(in) == 0 || len(texts(users["includeUsers"])) > 0 {
		return
	}
	if !slices.ContainsFunc(in, func(g string) bool { return !slices.Contains(out, g) }) {
		x.say(d, finding{Error, "conditions.users", "every group that it includes is excluded as well, and exclusion wins: it is for nobody", "take the groups out of excludeGroups"})
	}
}

func unassigned(x *inquiry, d document.Document) {
	if forApps(d) && includes(d) == 0 {
		x.say(d, finding{Warning, "assignments", "it includes nobody, so it protects and configures nothing", "assign it to a group or to all users"})
	}
	users := document.Object(document.Dig(d.Body, "conditions", "users"))
	people := slices.Concat(texts(users["includeUsers"]), texts(users["includeGroups"]), texts(users["includeRoles"]))
	if users["includeGuestsOrExternalUsers"] != nil || document.Dig(d.Body, "conditions", "clientApplications") != nil {
		return // the service refuses it aloud
	}
	if d.Kind.OData == document.Access && (len(people) == 0 || len(people) == 1 && contains(people, "None")) {
		x.say(d, finding{Warning, "conditions.users", "it includes nobody, so it decides nothing", "include users or groups, or delete it"})
	}
}

func withoutApps(x *inquiry, d document.Document) {
	if forApps(d) && len(apps(d)) == 0 {
		x.say(d, finding{Warning, "apps", "it is for no app, so no app ever gets it", "add the apps, for example com.microsoft.edge"})
	}
}

func bothWays(x *inquiry, d document.Document) {
	if !forApps(d) || selfExcluded(d) {
		return
	}
	out := excluded(d)
	for i, a := range document.Assignments(d.Body) {
		if a.Group != "" && a.Type != exclusion && slices.Contains(out, a.Group) {
			x.say(d, finding{Warning, fmt.Sprintf("assignments[%d].target.groupId", i),
				fmt.Sprintf("the group %s is included and excluded, and exclusion wins", x.called(document.Group, a.Group)), "take it out of one of the two"})
		}
	}
}

func emptyGroup(x *inquiry, d document.Document) {
	if !forApps(d) && d.Kind.OData != document.Access && d.Kind.OData != document.RoleGrant {
		return
	}
	for _, r := range document.References(d) {
		if peopled, known := x.facts.Peopled[r.ID]; known && !peopled {
			x.say(d, finding{Warning, r.Property, fmt.Sprintf("nobody is in the group %s, directly or through other groups", x.called(document.Group, r.ID)), "add people to the group, or take it out"})
		}
	}
}

func deviceFilter(x *inquiry, d document.Document) {
	if !forApps(d) {
		return
	}
	for i, a := range document.Assignments(d.Body) {
		f, ok := x.get(document.Filter, a.Filter)
		if ok && document.Text(f.Body, "platform") != targeting.WindowsApps {
			x.say(d, finding{Error, fmt.Sprintf("assignments[%d].target.deviceAndAppManagementAssignmentFilterId", i),
				fmt.Sprintf("the filter %q is for enrolled devices (%s), which app installations are not", f.Name(), document.Text(f.Body, "platform")),
				"use a filter for managed apps (" + targeting.WindowsApps + ")"})
		}
	}
}

func passesNothing(x *inquiry, d document.Document) {
	passed, known := x.facts.Passed[document.Text(d.Body, "id")]
	if d.Kind.OData != document.Filter || !known || passed {
		return
	}
	f := finding{Warning, "rule", fmt.Sprintf("no registered installation passes %s", document.Text(d.Body, "rule")), "compare the rule with what registrations report"}
	if len(x.facts.Installations) == 0 {
		f.severity, f.why, f.do = Note, "no installation is registered yet, so nothing passes it", "look again when there are registrations"
	}
	x.say(d, f)
}

func unusedFilter(x *inquiry, d document.Document) {
	if d.Kind.OData != document.Filter || !x.whole(document.Protection) && !x.whole(document.Configuration) {
		return
	}
	for _, p := range x.docs {
		for _, a := range document.Assignments(p.Body) {
			if a.Filter != "" && a.Filter == document.Text(d.Body, "id") {
				return
			}
		}
	}
	x.say(d, finding{Note, "", "no policy uses it", "use it or delete it"})
}
