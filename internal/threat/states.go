package threat

import (
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
)

// State is a predefined health state, the vocabulary of connectors.
type State string

// The predefined states. States describes each of them.
const (
	Healthy                State = "healthy"
	AutomaticUpdatesOff    State = "automaticUpdatesOff"
	InternetSettingsWeak   State = "internetSettingsWeak"
	DefinitionsOutdated    State = "definitionsOutdated"
	UserAccountControlOff  State = "userAccountControlOff"
	AntivirusSnoozed       State = "antivirusSnoozed"
	AntivirusOff           State = "antivirusOff"
	FirewallOff            State = "firewallOff"
	SecurityCenterStopped  State = "securityCenterStopped"
	TamperProtectionOff    State = "tamperProtectionOff"
	ActiveThreat           State = "activeThreat"
	AntivirusUnknown       State = "antivirusUnknown"
	FirewallUnknown        State = "firewallUnknown"
	OtherProtectionUnknown State = "otherProtectionUnknown"
)

// Definition is what a predefined state means.
type Definition struct {
	State State
	Level Level    // the level a PC in this state has
	Title string   // for the person, without a full stop: "the firewall is off"
	Steps []string // what the person does about it, in order; empty for Healthy
}

const (
	openProtection = "Open Windows Security and choose Virus & threat protection."
	openFirewall   = "Open Windows Security and choose Firewall & network protection."
)

// definitions never changes. Its order is the order of the page in docs/spec.
var definitions = [...]Definition{
	{Healthy, Secured, "Windows Security finds nothing wrong", nil},
	{AutomaticUpdatesOff, Low, "automatic Windows updates are off", []string{
		"Open Settings and choose Windows Update.",
		"If updates are paused, choose Resume updates; then choose Check for updates.",
	}},
	{InternetSettingsWeak, Low, "internet security settings are below the recommended level", []string{
		"Open Control Panel, choose Internet Options, then Security.",
		"Choose Reset all zones to default level.",
	}},
	{DefinitionsOutdated, Medium, "virus definitions are out of date", []string{
		openProtection,
		"Under Virus & threat protection updates choose Check for updates.",
	}},
	{UserAccountControlOff, Medium, "user account control is off", []string{
		"Search in Start for Change User Account Control settings and open it.",
		"Move the slider to the second mark from the top and choose OK.",
		"Restart the PC.",
	}},
	{AntivirusSnoozed, High, "virus protection is paused", []string{
		openProtection,
		"Turn Real-time protection on.",
	}},
	{AntivirusOff, High, "virus protection is off, expired or out of date", []string{
		openProtection,
		"Turn Real-time protection on. If another antivirus program is installed, open it, renew it and turn it on.",
		"Under Virus & threat protection updates choose Check for updates.",
	}},
	{FirewallOff, High, "the firewall is off", []string{
		openFirewall,
		"Turn the firewall on for the domain, private and public network.",
	}},
	{SecurityCenterStopped, High, "the Windows Security Center service is not running", []string{
		"Restart the PC.",
		"Open Windows Security and see that it reports no problem. If it does not open, ask your administrator.",
	}},
	{TamperProtectionOff, High, "tamper protection is off", []string{
		openProtection,
		"Under Virus & threat protection settings choose Manage settings and turn Tamper Protection on.",
	}},
	{ActiveThreat, High, "a threat was found that has not been removed", []string{
		openProtection,
		"Under Current threats choose Start actions and let Windows remove what it found.",
		"Restart the PC if you are asked to, then choose Quick scan.",
	}},
	{AntivirusUnknown, Unknown, "the state of virus protection is not known", []string{
		openProtection,
		"See that virus protection is on and reports no problem.",
	}},
	{FirewallUnknown, Unknown, "the state of the firewall is not known", []string{
		openFirewall,
		"See that the firewall is on for every network.",
	}},
	{OtherProtectionUnknown, Unknown, "Windows Security does not say how this PC is protected", []string{
		"Open Windows Security and see that it reports no problem.",
		"Restart the PC if it does not open.",
	}},
}

// States lists every predefined state. The list is the caller's own.
func States() []Definition {
	list := slices.Clone(definitions[:])
	for i := range list {
		list[i].Steps = slices.Clone(list[i].Steps)
	}
	return list
}

// Definition tells what s means; false when s is no predefined state.
func (s State) Definition() (Definition, bool) {
	if d := find(s); d != nil {
		out := *d
		out.Steps = slices.Clone(d.Steps)
		return out, true
	}
	return Definition{State: s, Title: "an unknown health state was reported", Steps: slices.Clone(find(OtherProtectionUnknown).Steps)}, false
}

// Level grades s. A state that is not predefined is Unknown.
func (s State) Level() Level {
	if d := find(s); d != nil {
		return d.Level
	}
	return Unknown
}

func find(s State) *Definition {
	for i := range definitions {
		if definitions[i].State == s {
			return &definitions[i]
		}
	}
	return nil
}

// ParseState returns the predefined state of that name; letter case counts.
func ParseState(s string) (State, error) {
	if find(State(s)) != nil {
		return State(s), nil
	}
	valid := make([]string, len(definitions))
	for i, d := range definitions {
		valid[i] = string(d.State)
	}
	return "", fault.New(fault.Invalid, "health state %q is unknown; valid are %s", clip(s), strings.Join(valid, ", "))
}
