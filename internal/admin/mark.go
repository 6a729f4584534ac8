package admin

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// What an app is marked with decides which policies apply to it.
const (
	maxTags       = 100
	maxAttributes = 500
	maxEarly      = 50
)

// checkMarks wants tags and attributes that filters can name. An attribute is
// named by its set and its own name, both letters and digits: the underscore
// between them is what filters write.
func checkMarks(a *directory.App) error {
	if len(a.Tags) > maxTags || len(a.Attributes) > maxAttributes {
		return fault.New(fault.Invalid, "application %q has %d tags and %d customSecurityAttributes; there may be %d and %d", a.DisplayName, len(a.Tags), len(a.Attributes), maxTags, maxAttributes)
	}
	var errs []error
	for _, tag := range a.Tags {
		errs = append(errs, checkText("tags", tag, 1, 256))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		set, own, _ := strings.Cut(name, "_")
		if !plain(set) || !plain(own) {
			errs = append(errs, fault.New(fault.Invalid, "customSecurityAttributes: %q is no name of a set and an attribute; each is 1 to 32 letters and digits", strings.Replace(name, "_", ".", 1)))
		}
		for value := range strings.SplitSeq(a.Attributes[name], "\n") {
			errs = append(errs, checkText("customSecurityAttributes."+name, value, 1, 64))
		}
	}
	return together(errs...)
}

func plain(name string) bool {
	return name != "" && len(name) <= 32 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// checkEarlyBound wants resources that exist, unless they were there before.
func (s *Service) checkEarlyBound(ctx context.Context, old, a *directory.App) error {
	if len(a.EarlyBound) > maxEarly {
		return fault.New(fault.Invalid, "postern.earlyBoundResources names %d applications; it may name %d", len(a.EarlyBound), maxEarly)
	}
	var known []directory.AppID
	if old != nil {
		known = old.EarlyBound
	}
	return resolve(ctx, reference[directory.AppID]{"postern.earlyBoundResources", exists(s.store.Apps(), a.Tenant), "application", a.EarlyBound, known})
}

// MayMark refuses a caller who would change which policies apply to an app
// without permission to write policies: attributes, resources that bind early,
// and the tags by which a policy selects apps.
func (s *Service) MayMark(ctx context.Context, p oauth.Principal, old, a directory.App) error {
	if Require(p, directory.AccessWrite) == nil {
		return nil
	}
	decides := !maps.Equal(old.Attributes, a.Attributes) || !slices.Equal(old.EarlyBound, a.EarlyBound)
	changed := append(without(old.Tags, a.Tags), without(a.Tags, old.Tags)...)
	if !decides && len(changed) > 0 {
		named := func(g access.AppGroup) bool { return slices.Contains(changed, string(g)) }
		err := s.AccessPolicies().All(ctx, p.Tenant, func(o access.Policy) bool {
			decides = slices.ContainsFunc(o.Conditions.Apps.IncludeGroups, named) || slices.ContainsFunc(o.Conditions.Apps.ExcludeGroups, named)
			return !decides
		})
		if err != nil {
			return err
		}
	}
	if decides {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; policies select applications by this, so that only a caller who holds %s may change it", directory.AccessWrite)
	}
	return nil
}

// without are the words of list that other lacks.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(w string) bool { return slices.Contains(other, w) })
}
