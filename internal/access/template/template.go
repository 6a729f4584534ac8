// Package template holds Conditional Access policies to begin with (Graph:
// conditionalAccessTemplate). They are ours, for what people run here: the first
// is the one that keeps organisation data on personal Windows PCs in apps that
// are protected.
package template

import (
	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

// Scenario is what a template is good for, spelled as Graph spells it
// (templateScenarios).
type Scenario string

// The scenarios.
const (
	SecureFoundation Scenario = "secureFoundation"
	ZeroTrust        Scenario = "zeroTrust"
	RemoteWork       Scenario = "remoteWork"
	ProtectAdmins    Scenario = "protectAdmins"
	EmergingThreats  Scenario = "emergingThreats"
)

// Template is a policy to begin with.
type Template struct {
	ID          string // a GUID; policies made from it keep it
	Name        string
	Description string
	Scenarios   []Scenario // in the order of Graph's values
	Policy      access.Policy
}

// Templates lists them, the one for personal Windows PCs first. Their policies
// have neither name nor state, and exclude nobody: whoever makes one adds the
// accounts for emergencies.
func Templates() []Template {
	return append(devices(), people()...)
}

func devices() []Template {
	return []Template{
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c01", "Require a protected app or a compliant device on Windows",
			"In a browser on Windows, data opens in an app that is protected and healthy, or on a device that the organisation manages.",
			[]Scenario{ZeroTrust, RemoteWork},
			with(everybody(), func(p *access.Policy) {
				p.Conditions.ClientAppTypes = []access.ClientAppType{access.Browser}
				p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Windows}}
			}, access.CompliantApplication, access.CompliantDevice),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c02", "Block legacy authentication",
			"Clients that can neither show a second factor nor tell which device they are on get nothing.",
			[]Scenario{SecureFoundation, RemoteWork},
			with(everybody(), func(p *access.Policy) {
				p.Conditions.ClientAppTypes = []access.ClientAppType{access.ExchangeActiveSync, access.OtherClients}
			}, access.Block),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c03", "Block unknown platforms",
			"Whatever claims to be none of the platforms that other policies name is kept out, so that no false claim leads around them.",
			[]Scenario{ZeroTrust, RemoteWork},
			with(everybody(), func(p *access.Policy) {
				p.Conditions.Platforms = &access.Platforms{
					Include: []access.Platform{access.AllPlatforms},
					Exclude: []access.Platform{access.Android, access.IOS, access.Windows, access.MacOS, access.Linux},
				}
			}, access.Block),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c04", "Block the device code flow",
			"Nobody signs in on one device for another, which is how codes are phished.",
			[]Scenario{EmergingThreats},
			with(everybody(), func(p *access.Policy) { p.Conditions.Transfer = []access.TransferMethod{access.DeviceCodeFlow} }, access.Block),
		},
	}
}

func people() []Template {
	return []Template{
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c05", "Require a second factor for administrators",
			"Whoever holds an administrative role proves two things at every app.",
			[]Scenario{SecureFoundation, ProtectAdmins},
			with(everybody(), func(p *access.Policy) {
				p.Conditions.Users = access.Users{IncludeRoles: []directory.RoleTemplateID{directory.GlobalAdministrator.Template()}}
			}, access.MFA),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c06", "Require a second factor for everybody",
			"Guests and members prove two things at every app.",
			[]Scenario{SecureFoundation, ZeroTrust, RemoteWork},
			with(everybody(), func(*access.Policy) {}, access.MFA),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c07", "Require a second factor at risk",
			"A sign-in of medium or high risk is proved twice.",
			[]Scenario{ZeroTrust, RemoteWork},
			with(everybody(), func(p *access.Policy) { p.Conditions.SignInRisk = []access.Risk{access.RiskHigh, access.RiskMedium} }, access.MFA),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c08", "Require a new password for users at high risk",
			"Whoever's password others may know changes it, with a second factor.",
			[]Scenario{ZeroTrust},
			with(everybody(), func(p *access.Policy) {
				p.Conditions.UserRisk, p.Grant.Operator = []access.Risk{access.RiskHigh}, access.And
			}, access.MFA, access.PasswordChange),
		},
		{
			"5a1f3c52-0d1c-4f0e-9a51-6f1f3b7d8c09", "Require a second factor of guests",
			"Guests and external users of every kind prove two things, whatever their own organisation asks.",
			[]Scenario{SecureFoundation, RemoteWork},
			with(everybody(), func(p *access.Policy) { p.Conditions.Users = access.Users{AnyGuest: true} }, access.MFA),
		},
	}
}

// everybody is everyone, at every app, from every client.
func everybody() access.Policy {
	return access.Policy{
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		},
		Grant: access.Grant{Operator: access.Or},
	}
}

func with(p access.Policy, change func(p *access.Policy), controls ...access.Control) access.Policy {
	change(&p)
	p.Grant.Controls = controls
	return p
}
