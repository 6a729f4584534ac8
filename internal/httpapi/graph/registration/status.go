package registration

import (
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
)

const statusesPath = "deviceAppManagement/managedAppStatuses"

func (d *Area) statusRoutes() []graph.Route {
	return []graph.Route{
		read(statusesPath, d.listStatuses((*graph.Call).Answer)),
		read(statusesPath+"/$count", d.listStatuses((*graph.Call).Total)),
		read(statusesPath+"/{}", d.getStatus),
		read("users/{}/getManagedAppDiagnosticStatuses", d.diagnosticStatuses),
		read(registrationsPath+"/getUserIdsWithFlaggedAppRegistration", d.flagged),
	}
}

func visible(c *graph.Call) func(tags []string) bool {
	return func(tags []string) bool { return sees(c, tags) }
}

// flagged lists the users with an app that wants attention, for Windows reasons.
func (d *Area) flagged(c *graph.Call) error {
	users, err := d.Reports.Flagged(c.Ctx, c.Tenant(), report.Query{Sees: visible(c)})
	if err != nil {
		return err
	}
	return c.Value("Collection(Edm.String)", graph.Texts(users))
}

// statuses are the summaries that exist, with what makes their content.
func (d *Area) statuses() []status {
	return []status{
		{"appregistrationsummary", "App registrations", d.registrationSummary},
		{"userstatus", "User status", d.userStatus},
	}
}

type status struct {
	id, name string
	content  func(c *graph.Call) (any, error)
}

func (s status) view(c *graph.Call) (any, error) {
	content, err := s.content(c)
	return map[string]any{"@odata.type": "#microsoft.graph.managedAppStatusRaw", "id": s.id, "displayName": s.name, "version": nil, "content": content}, err
}

func (d *Area) listStatuses(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		var views []any
		for _, s := range d.statuses() {
			v, err := s.view(c)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		return answer(c, graph.Rows(statusesPath, "graph.managedAppStatus", views))
	}
}

func (d *Area) getStatus(c *graph.Call) error {
	for _, s := range d.statuses() {
		if strings.EqualFold(s.id, c.Key(0)) {
			v, err := s.view(c)
			if err != nil {
				return err
			}
			return c.Entity(http.StatusOK, statusesPath, v)
		}
	}
	return fault.New(fault.NotFound, "there is no status %q; userstatus and appregistrationsummary exist", c.Key(0))
}

func (d *Area) registrationSummary(c *graph.Call) (any, error) {
	if seesAll(c) {
		n, err := d.Registrations.Count(c.Ctx, c.Tenant(), mam.Filter{})
		return map[string]any{"registrationCount": n}, err
	}
	n := 0
	err := d.each(c, mam.Filter{}, func(r mam.Registration) {
		if sees(c, r.Intended.ScopeTags) {
			n++
		}
	})
	return map[string]any{"registrationCount": n}, err
}

// userStatus is the whole state of the user that the parameter userId names; null
// without one.
func (d *Area) userStatus(c *graph.Call) (any, error) {
	who := c.Request.URL.Query().Get("userId")
	if who == "" {
		return nil, nil
	}
	state, err := d.state(c, who)
	if err != nil {
		return nil, err
	}
	apps := []any{}
	for _, i := range state.Installations {
		apps = append(apps, map[string]any{
			"registrationId": string(i.Registration), "windowsAppId": string(i.App), "applicationVersion": i.AppVersion, "deviceName": i.DeviceName,
			"deviceId": string(i.Device), "platformVersion": i.OSVersion, "lastSyncDateTime": graph.Stamp(i.LastSyncAt), "endedDateTime": graph.Stamp(i.EndedAt),
			"complianceState": i.Verdict.State.String(), "action": i.Verdict.Action.String(), "policyIsApplied": i.UpToDate, "wipePending": i.WipePending,
		})
	}
	next := state.Next
	if next == nil {
		next = []string{}
	}
	return map[string]any{
		"userId": string(state.User.ID), "userPrincipalName": state.User.UserPrincipalName, "displayName": state.User.DisplayName,
		"accountEnabled": state.User.Enabled, "blocked": state.User.Wipe != nil, "onboarded": state.Onboarded, "entitled": state.Entitled,
		"apps": apps, "next": next,
	}, nil
}

func (d *Area) state(c *graph.Call, who string) (report.UserState, error) {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), who)
	if err != nil {
		return report.UserState{}, err
	}
	return d.Reports.User(c.Ctx, c.Tenant(), u.ID, visible(c))
}

// diagnosticStatuses checks one after the other what app protection of a user
// needs.
func (d *Area) diagnosticStatuses(c *graph.Call) error {
	s, err := d.state(c, c.Key(0))
	if err != nil {
		return err
	}
	rows := []any{}
	check := func(name string, passed bool, remedy string) {
		state := "passed"
		if !passed {
			state = "failed"
		} else {
			remedy = ""
		}
		rows = append(rows, map[string]any{"validationName": name, "state": state, "mitigationInstruction": graph.Text(remedy)})
	}
	check("accountEnabled", s.User.Enabled, "Enable the account.")
	check("notBlocked", s.User.Wipe == nil, "Remove the order to wipe all that the user has (unblockManagedApps).")
	check("onboarded", s.Onboarded, "Switch app protection on for the organization.")
	check("entitled", s.Entitled, "Add the user to the group that may use app protection.")
	alive := 0
	for _, i := range s.Installations {
		if !i.EndedAt.IsZero() {
			continue
		}
		alive++
		where := ": " + string(i.App) + " on " + i.DeviceName
		check("targeted"+where, len(i.Intended) > 0, "Assign an app protection policy to a group of the user.")
		check("policyApplied"+where, i.UpToDate, "Open the app while the PC is online.")
		for _, r := range i.Verdict.Reasons {
			check(r.Code+where, false, strings.TrimSpace(r.Text+". "+strings.Join(r.Steps, " ")))
		}
	}
	check("enrolled", alive > 0, "Sign in to the protected app.")
	const path = "Collection(graph.managedAppDiagnosticStatus)"
	return c.Answer(graph.Rows(path, "graph.managedAppDiagnosticStatus", rows))
}
