package winver_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/agent/winver"
)

func TestAReleaseIsNamedByItsBuild(t *testing.T) {
	for _, c := range []struct {
		r             winver.Release
		name, version string
	}{
		{winver.Release{10, 0, 22631, 4317, "Core", "23H2"}, "Windows 11 Home 23H2", "10.0.22631.4317"},
		{winver.Release{10, 0, 22000, 1, "Professional", "21H2"}, "Windows 11 Pro 21H2", "10.0.22000.1"},
		{winver.Release{10, 0, 19045, 5011, "Enterprise", "22H2"}, "Windows 10 Enterprise 22H2", "10.0.19045.5011"},
		{winver.Release{10, 0, 19045, 0, "", ""}, "Windows 10", "10.0.19045.0"},
		{winver.Release{6, 1, 7601, 0, "", ""}, "Windows 6.1", "6.1.7601.0"},
	} {
		if c.r.String() != c.name || c.r.Version() != c.version {
			t.Errorf("%+v is %q, %q; want %q, %q", c.r, c.r, c.r.Version(), c.name, c.version)
		}
	}
}

func TestOnlyAnEnrolmentOfThePCIsManagement(t *testing.T) {
	const service = "https://enrollment.example/discovery.svc"
	kind := func(k uint64, discovery string) winver.Enrolment {
		return winver.Enrolment{State: 1, Kind: k, HasKind: true, Discovery: discovery}
	}
	yes, no, silent := winver.Registered{Known: true, Yes: true}, winver.Registered{Known: true}, winver.Registered{}
	for name, c := range map[string]struct {
		said winver.Registered
		all  []winver.Enrolment
		want bool
	}{
		"nothing at all":                            {silent, nil, false},
		"an enrolment with Entra":                   {silent, []winver.Enrolment{kind(6, service)}, true},
		"of one user":                               {silent, []winver.Enrolment{kind(13, service)}, true},
		"without Entra":                             {silent, []winver.Enrolment{kind(0, service)}, true},
		"of a kind that is new":                     {silent, []winver.Enrolment{kind(77, service)}, true},
		"without a kind":                            {silent, []winver.Enrolment{{State: 1, Discovery: service}}, true},
		"of apps alone":                             {silent, []winver.Enrolment{kind(5, service)}, false},
		"of apps and of the PC":                     {silent, []winver.Enrolment{kind(5, service), kind(6, service)}, true},
		"one that failed":                           {silent, []winver.Enrolment{{State: 2, Kind: 6, HasKind: true, Discovery: service}}, false},
		"Windows' own keys":                         {silent, []winver.Enrolment{kind(18, ""), kind(0, "")}, false},
		"Windows says no, a key was left":           {no, []winver.Enrolment{kind(6, service)}, false},
		"Windows says yes, nothing is seen":         {yes, nil, true},
		"Windows says yes, of apps alone":           {yes, []winver.Enrolment{kind(5, service), kind(18, "")}, false},
		"Windows says yes, of both":                 {yes, []winver.Enrolment{kind(5, service), kind(6, service)}, true},
		"Windows says yes, of both, without a name": {yes, []winver.Enrolment{kind(5, service), kind(0, "")}, true},
	} {
		if got := winver.Managed(c.said, c.all); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAWorkAccountDoesNotMakeAPCJoined(t *testing.T) {
	for name, c := range map[string]struct {
		j    winver.Join
		want bool
	}{
		"nothing":                           {winver.Join{Status: 1}, false},
		"a workgroup":                       {winver.Join{Status: 2}, false},
		"Active Directory":                  {winver.Join{Status: 3}, true},
		"Active Directory, no Entra":        {winver.Join{Status: 3, EntraKnown: true}, true},
		"Entra":                             {winver.Join{EntraKnown: true, EntraType: 1}, true},
		"a work account":                    {winver.Join{EntraKnown: true, EntraType: 2}, false},
		"a work account, and a key of old":  {winver.Join{EntraKnown: true, EntraType: 2, EntraKeys: 1}, false},
		"Entra, by the registry alone":      {winver.Join{EntraKeys: 1}, true},
		"Entra was left, the key went then": {winver.Join{EntraKnown: true}, false},
	} {
		if got := c.j.Joined(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
