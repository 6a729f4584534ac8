package report_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/report"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shelf is a store in memory that remembers the largest page it was asked for.
type shelf struct {
	tenant  directory.Tenant
	user    directory.User
	groups  []directory.Group
	all     []report.Installation
	orders  []report.Operation
	largest int
	broken  error
}

func (s *shelf) Installations(_ context.Context, _ directory.TenantID, q report.Query) (out []report.Installation, _ error) {
	s.largest = max(s.largest, q.Limit)
	for _, i := range s.all {
		if string(i.Registration) > q.After && (q.User == "" || q.User == i.User.ID) && (q.Ended || i.EndedAt.IsZero()) && len(out) < q.Limit {
			out = append(out, i)
		}
	}
	return out, s.broken
}

func (s *shelf) Orders(_ context.Context, _ directory.TenantID, q report.Query) ([]report.Operation, error) {
	s.largest = max(s.largest, q.Limit)
	start := 1 + slices.IndexFunc(s.orders, func(o report.Operation) bool { return o.Cursor == q.After && q.After != "" })
	return slices.Clone(s.orders[start:min(start+q.Limit, len(s.orders))]), s.broken
}

func (s *shelf) Person(_ context.Context, _ directory.TenantID, u directory.UserID) (directory.User, []directory.Group, error) {
	if u != s.user.ID {
		return directory.User{}, nil, fault.New(fault.NotFound, "there is no user %q", u)
	}
	return s.user, s.groups, nil
}

func (s *shelf) Tenant(context.Context, directory.TenantID) (directory.Tenant, error) {
	return s.tenant, nil
}

func room(t testing.TB, s *shelf) *report.Service {
	t.Helper()
	r, err := report.New(report.Config{Store: s, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func installation(i int) report.Installation {
	return report.Installation{
		Registration: directory.RegistrationID(fmt.Sprintf("r%04d", i)), User: directory.User{ID: "ada", UserPrincipalName: "ada@x", Mail: "ada@mail"},
		App: "com.microsoft.edge", AppVersion: "1.2", Device: "pc", DeviceName: "PC", OSVersion: "10.0.22631.1", LastSyncAt: now.Add(-time.Hour), UpToDate: true,
		Controls:  []enforcement.Control{{Control: "wipe", State: enforcement.Partly, By: "extension"}, {Control: "appConfiguration", State: enforcement.Unknown}},
		Intended:  []report.Policy{{ID: "T_1", Name: "Protect", Revision: 2}, {ID: "T_2", Revision: 1}, {ID: "A_1", Name: "Configure"}},
		ScopeTags: []string{fmt.Sprint(i % 2)}, Verdict: compliance.Verdict{State: compliance.Noncompliant, Reasons: []compliance.Reason{
			{Code: string(protection.MinOSVersion), Text: "Windows is too old", Steps: []string{"Install updates."}}, {Code: "secureBoot", Text: "Secure Boot is off"},
		}},
	}
}

func rows(t testing.TB, r *report.Service, n report.Name, q report.Query) (out [][]string) {
	t.Helper()
	if err := r.Write(t.Context(), "t", n, q, func(row []string) error { out = append(out, row); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryRowHasTheColumnsOfItsReport(t *testing.T) {
	s := &shelf{all: []report.Installation{installation(1), {Registration: "s"}}, orders: []report.Operation{{Kind: "wipe", Installation: installation(1)}}}
	for _, n := range report.Names() {
		if parsed, err := report.ParseName(string(n)); err != nil || parsed != n {
			t.Errorf("%s: %v %v", n, parsed, err)
		}
		columns := report.Columns(n)
		found := rows(t, room(t, s), n, report.Query{})
		if len(found) == 0 {
			t.Errorf("%s is empty", n)
		}
		for _, row := range found {
			if len(row) != len(columns) {
				t.Errorf("%s: %d cells for %d columns: %q", n, len(row), len(columns), row)
			}
		}
	}
	for _, name := range []string{"", "mamappprotectionstatus", "Devices"} {
		if _, err := report.ParseName(name); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "MAMAppProtectionStatus") {
			t.Errorf("%q: %v", name, err)
		}
		if err := room(t, s).Write(t.Context(), "t", report.Name(name), report.Query{}, nil); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
		if report.Columns(report.Name(name)) != nil {
			t.Errorf("%q has columns", name)
		}
	}
}

// cells are a row by column.
func cells(n report.Name, row []string) map[string]string {
	out := map[string]string{}
	for i, c := range report.Columns(n) {
		out[c] = row[i]
	}
	return out
}

func TestAStatusReportSaysWhatAppliesAndWhetherItArrived(t *testing.T) {
	bare := report.Installation{Registration: "z"}
	r := room(t, &shelf{all: []report.Installation{installation(1), bare}})
	for n, want := range map[report.Name][2]map[string]string{
		report.ProtectionStatus: {{
			"User": "ada@x", "Policy": "Protect; T_2 (deleted)", "AppProtectionStatus": "Protected", "CheckedIn": "Checked in", "UpToDate": "Yes",
			"ComplianceState": "noncompliant", "Reasons": "minOsVersion; secureBoot", "LastSync": "2026-11-23T11:00:00Z", "AppInstanceId": "r0001",
			"Enforcement": "wipe=partly; appConfiguration=unknown",
		}, {"AppProtectionStatus": "Unprotected", "CheckedIn": "Not checked in", "UpToDate": "No", "ComplianceState": "unknown", "LastSync": "", "Enforcement": ""}},
		report.ConfigurationStatus: {
			{"Policy": "Configure", "AppConfigurationStatus": "Configured", "CheckedIn": "Checked in"}, {"AppConfigurationStatus": "NotConfigured", "Policy": ""},
		},
	} {
		for i, row := range rows(t, r, n, report.Query{}) {
			have := cells(n, row)
			for column, value := range want[i] {
				if column == "Reasons" {
					value = strings.Replace(value, "minOsVersion", string(protection.MinOSVersion), 1)
				}
				if have[column] != value {
					t.Errorf("%s, row %d: %s is %q, want %q", n, i, column, have[column], value)
				}
			}
		}
	}
}

func TestAReportOfAnySizeIsReadInBatches(t *testing.T) {
	s := &shelf{}
	for i := range 1003 {
		s.all = append(s.all, installation(i))
		o := report.Operation{ID: fmt.Sprint(i), Cursor: fmt.Sprint("c", i), Kind: "wipe", Installation: installation(i)}
		if i%5 == 0 {
			o.Kind = "diagnostics" // no wipe
		}
		s.orders = append(s.orders, o)
	}
	for n, want := range map[report.Name]int{report.ProtectionStatus: 1003, report.ConfigurationStatus: 1003, report.FlaggedUsers: 2006, report.SelectiveWipes: 802} {
		if found := rows(t, room(t, s), n, report.Query{}); len(found) != want {
			t.Errorf("%s has %d rows, want %d", n, len(found), want)
		}
	}
	if s.largest > 200 {
		t.Errorf("a page of %d was read", s.largest)
	}
	full := errors.New("the client is gone")
	for _, n := range report.Names() {
		seen := 0
		err := room(t, s).Write(t.Context(), "t", n, report.Query{}, func([]string) error { seen++; return full })
		if !errors.Is(err, full) || seen != 1 {
			t.Errorf("%s: %d rows after the client left: %v", n, seen, err)
		}
	}
	s.broken = errors.New("the database is gone")
	for _, n := range report.Names() {
		if err := room(t, s).Write(t.Context(), "t", n, report.Query{}, func([]string) error { return nil }); !errors.Is(err, s.broken) {
			t.Errorf("%s: %v", n, err)
		}
	}
}

func TestAReportShowsWhatTheReadersRoleCovers(t *testing.T) {
	s := &shelf{user: directory.User{ID: "ada", Enabled: true}}
	for i := range 401 {
		s.all = append(s.all, installation(i))
		s.orders = append(s.orders, report.Operation{ID: fmt.Sprint(i), Cursor: fmt.Sprint("c", i), Kind: "wipe", Installation: installation(i)})
	}
	odd := report.Query{Sees: func(tags []string) bool { return slices.Contains(tags, "1") }}
	for n, want := range map[report.Name]int{report.ProtectionStatus: 200, report.ConfigurationStatus: 200, report.FlaggedUsers: 400, report.SelectiveWipes: 200} {
		if found := rows(t, room(t, s), n, odd); len(found) != want {
			t.Errorf("%s has %d rows, want %d", n, len(found), want)
		}
	}
	state, err := room(t, s).User(t.Context(), "t", "ada", odd.Sees)
	if err != nil || len(state.Installations) != 200 || len(state.Orders) != 50 {
		t.Errorf("%d installations, %d orders: %v", len(state.Installations), len(state.Orders), err)
	}
	nobody := report.Query{Sees: func([]string) bool { return false }}
	if users, err := room(t, s).Flagged(t.Context(), "t", nobody); err != nil || len(users) != 0 {
		t.Errorf("%v %v", users, err)
	}
	if users, err := room(t, s).Flagged(t.Context(), "t", odd); err != nil || !slices.Equal(users, []directory.UserID{"ada"}) {
		t.Errorf("%v %v", users, err)
	}
}

func TestAFlagSaysWhatIsWrong(t *testing.T) {
	for code, want := range map[string]string{
		string(protection.MaxThreatLevel): "threatLevel", string(protection.MinOSVersion): "osOutOfRange", string(protection.MaxOSVersion): "osOutOfRange",
		string(protection.MinAppVersion): "appOutOfRange", string(protection.MinSDKVersion): "appOutOfRange",
		string(protection.DisabledAccount): "accountDisabled", string(protection.OfflineGrace): "staleCheckIn", compliance.NotTargeted: "healthCheckFailed",
	} {
		i := installation(1)
		i.Verdict.Reasons = []compliance.Reason{{Code: code, Text: "why"}}
		if got := report.Flags(i, now); !slices.Equal(got, []report.Flag{{Reason: want, Detail: "why"}}) {
			t.Errorf("%s: %v", code, got)
		}
	}
}

func TestWhoStaysAwayForAWeekIsFlaggedOnce(t *testing.T) {
	i := installation(1)
	i.Verdict.Reasons = nil
	for away, want := range map[time.Duration]int{time.Hour: 0, 7 * 24 * time.Hour: 0, 7*24*time.Hour + time.Second: 1} {
		i.LastSyncAt = now.Add(-away)
		if got := report.Flags(i, now); len(got) != want {
			t.Errorf("away for %s: %v", away, got)
		}
	}
	i.LastSyncAt = now.Add(-9*24*time.Hour - time.Hour)
	if got := report.Flags(i, now); got[0] != (report.Flag{Reason: "staleCheckIn", Detail: "The last check-in was 9 days ago"}) {
		t.Errorf("%v", got)
	}
	i.Verdict.Reasons = []compliance.Reason{{Code: string(protection.OfflineGrace), Text: "away"}}
	if got := report.Flags(i, now); len(got) != 1 || got[0].Detail != "away" {
		t.Errorf("%v", got)
	}
	if got := report.Flags(report.Installation{}, now); len(got) != 0 {
		t.Errorf("one that never checked in: %v", got)
	}
}

func TestTheHelpDeskIsToldWhatFollows(t *testing.T) {
	well := installation(1)
	well.Verdict = compliance.Verdict{State: compliance.Compliant}
	with := func(change func(*report.Installation)) []report.Installation {
		i := well
		change(&i)
		return []report.Installation{i}
	}
	on := directory.User{ID: "ada", Enabled: true}
	for what, c := range map[string]struct {
		shelf
		says []string // each a part of one sentence, in order
	}{
		"all is well":      {shelf{user: on, all: []report.Installation{well}}, nil},
		"disabled":         {shelf{user: directory.User{ID: "ada"}, all: []report.Installation{well}}, []string{"The account is disabled"}},
		"user wipe":        {shelf{user: directory.User{ID: "ada", Enabled: true, Wipe: &directory.UserWipe{}}, all: []report.Installation{well}}, []string{"again and again"}},
		"not onboarded":    {shelf{user: on, all: []report.Installation{well}, tenant: directory.Tenant{Settings: directory.TenantSettings{ProtectionOff: true}}}, []string{"App protection is off"}},
		"not entitled":     {shelf{user: on, all: []report.Installation{well}, tenant: directory.Tenant{Settings: directory.TenantSettings{EntitledGroup: "g"}}}, []string{"not in the group"}},
		"entitled":         {shelf{user: on, all: []report.Installation{well}, groups: []directory.Group{{ID: "g"}}, tenant: directory.Tenant{Settings: directory.TenantSettings{EntitledGroup: "g"}}}, nil},
		"nothing enrolled": {shelf{user: on, all: with(func(i *report.Installation) { i.EndedAt = now })}, []string{"No app of this user is enrolled"}},
		"wipe pending":     {shelf{user: on, all: with(func(i *report.Installation) { i.WipePending = true })}, []string{"com.microsoft.edge on PC: organization data is being removed"}},
		"no policy":        {shelf{user: on, all: with(func(i *report.Installation) { i.Intended, i.UpToDate = nil, false })}, []string{"Assign a policy"}},
		"not confirmed":    {shelf{user: on, all: with(func(i *report.Installation) { i.UpToDate = false })}, []string{"has not been confirmed"}},
		"unhealthy":        {shelf{user: on, all: []report.Installation{installation(1)}}, []string{"Windows is too old. Install updates.", "Secure Boot is off."}},
		"away":             {shelf{user: on, all: with(func(i *report.Installation) { i.LastSyncAt = now.Add(-30 * 24 * time.Hour) })}, []string{"last heard of on 2026-10-24"}},
	} {
		state, err := room(t, &c.shelf).User(t.Context(), "t", "ada", nil)
		if err != nil || len(state.Next) != len(c.says) {
			t.Errorf("%s: %q %v", what, state.Next, err)
			continue
		}
		for i, part := range c.says {
			if !strings.Contains(state.Next[i], part) {
				t.Errorf("%s: %q does not say %q", what, state.Next[i], part)
			}
		}
	}
	if _, err := room(t, &shelf{}).User(t.Context(), "t", "nobody", nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := room(t, &shelf{user: on, broken: errors.New("gone")}).User(t.Context(), "t", "ada", nil); err == nil {
		t.Error("a state that could not be read is answered")
	}
}

func TestTheStateOfAUserHasWhatEndedToo(t *testing.T) {
	ended, other := installation(2), installation(3)
	ended.EndedAt, other.User.ID = now, "bob"
	s := &shelf{user: directory.User{ID: "ada", Enabled: true}, all: []report.Installation{installation(1), ended, other}}
	state, err := room(t, s).User(t.Context(), "t", "ada", nil)
	if err != nil || len(state.Installations) != 2 || !state.Onboarded || !state.Entitled || state.User.ID != "ada" {
		t.Errorf("%+v %v", state, err)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "=1+1": "'=1+1", "+49": "'+49", "-2": "'-2", "@sum": "'@sum", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx",
		"＝1": "'＝1", "é": "é", "\xff": "\xff", "pc;=1+1;x; y;": "pc;'=1+1;x; y;",
	} {
		if got := report.Cell(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestARoomWithoutItsPartsIsNotBuilt(t *testing.T) {
	if _, err := report.New(report.Config{}); err == nil {
		t.Error("a room without a store")
	}
	r, err := report.New(report.Config{Store: &shelf{all: []report.Installation{installation(1)}}})
	if users, failed := r.Flagged(t.Context(), "t", report.Query{}); cmp.Or(err, failed) != nil || len(users) != 1 {
		t.Errorf("%v %v", users, cmp.Or(err, failed))
	}
}
