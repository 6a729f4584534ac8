package intune

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/targeting"
)

const summaryBatch = 500

// getSummary answers how far a policy got.
func (s policies[T]) getSummary(c *graph.Call) error {
	p, err := s.One(c)
	if err != nil {
		return err
	}
	out, err := s.summary(c, p)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, s.inside(p, "deploymentSummary"), out)
}

// summary counts, for each app of a policy and over all of them, the users with a
// living registration that has confirmed to apply the policy, in any version. It
// reads the registrations of those apps whose users an assignment includes.
func (s policies[T]) summary(c *graph.Call, p T) (any, error) {
	everyone, apps := map[directory.UserID]bool{}, []any{}
	for _, app := range *s.apps(&p) {
		users := map[directory.UserID]bool{}
		err := s.area.each(c, reach(*s.assignments(&p), app), func(r mam.Registration) {
			if slices.ContainsFunc(r.Applied.Policies, func(a mam.AppliedPolicy) bool { return a.ID == s.ID(p) }) {
				users[r.User], everyone[r.User] = true, true
			}
		})
		if err != nil {
			return nil, err
		}
		apps = append(apps, map[string]any{"mobileAppIdentifier": appIdentifier(app), "configurationAppliedUserCount": len(users)})
	}
	return map[string]any{
		"@odata.type": "#microsoft.graph.managedAppPolicyDeploymentSummary", "id": s.ID(p), "displayName": s.named(p),
		"configurationDeployedUserCount": len(everyone), "lastRefreshTime": graph.StampOrNever(s.area.now()), "version": graph.ETag(s.Revision(p)),
		"configurationDeploymentSummaryPerApp": apps,
	}, nil
}

// reach is the registrations of an app that assignments can have reached. Who
// left an included group may still apply the policy until the next check-in, and
// is not counted.
func reach(assignments []targeting.Assignment, app directory.PackageID) mam.Filter {
	f := mam.Filter{App: app, Limit: summaryBatch}
	for _, a := range assignments {
		switch a.Kind {
		case targeting.AllUsers:
			f.Groups = nil
			return f
		case targeting.IncludeGroup:
			f.Groups = append(f.Groups, a.Group)
		case targeting.ExcludeGroup:
		}
	}
	return f
}

func (d *Area) each(c *graph.Call, f mam.Filter, visit func(mam.Registration)) error {
	for {
		page, err := d.Registrations.List(c.Ctx, c.Tenant(), f)
		if err != nil {
			return err
		}
		for _, r := range page {
			visit(r)
			f.After = r.Standing.Registration
		}
		if len(page) < f.Limit {
			return nil
		}
	}
}
