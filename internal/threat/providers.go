package threat

import (
	"maps"
	"slices"

	"github.com/postern-mam/postern/internal/fault"
)

// Provider is a protection component that Windows Security Center watches.
type Provider string

// The providers (WSC_SECURITY_PROVIDER).
const (
	Antivirus          Provider = "antivirus"
	Firewall           Provider = "firewall"
	AutoUpdate         Provider = "autoUpdate"
	InternetSettings   Provider = "internetSettings"
	UserAccountControl Provider = "userAccountControl"
	SecurityCenter     Provider = "securityCenter" // the service that watches the others
)

// ProviderState is what Windows Security Center says about a Provider.
type ProviderState string

// The states of a provider (WSC_SECURITY_PROVIDER_HEALTH). ProviderUnknown says
// that the agent asked and got no answer.
const (
	Good            ProviderState = "good"
	NotMonitored    ProviderState = "notMonitored"
	Poor            ProviderState = "poor"
	Snoozed         ProviderState = "snoozed"
	ProviderUnknown ProviderState = "unknown"
)

// ParseProviders reads what an agent reported. An unknown provider or state is
// an error that names what would be valid.
func ParseProviders(raw map[string]string) (map[Provider]ProviderState, error) {
	parsed := make(map[Provider]ProviderState, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		switch Provider(name) {
		case Antivirus, Firewall, AutoUpdate, InternetSettings, UserAccountControl, SecurityCenter:
		default:
			return nil, fault.New(fault.Invalid, "provider %q is unknown; valid are antivirus, firewall, autoUpdate, internetSettings, userAccountControl, securityCenter", clip(name))
		}
		switch s := ProviderState(raw[name]); s {
		case Good, NotMonitored, Poor, Snoozed, ProviderUnknown:
			parsed[Provider(name)] = s
		default:
			return nil, fault.New(fault.Invalid, "providers: %s is %q; valid are good, notMonitored, poor, snoozed, unknown", name, clip(raw[name]))
		}
	}
	return parsed, nil
}

// FromProviders maps the raw states of providers to predefined states, in the
// order of States. It returns Healthy alone, or everything that is wrong.
//
// Windows calls an antivirus poor when it is off and when its definitions are
// old, so poor means the worse of the two. For antivirus and firewall, missing
// and not monitored mean that nobody knows; for the others, missing says nothing
// (older builds do not report them) and not monitored means off: the worst it
// can hide is that. A provider or state this table does not know is unknown.
func FromProviders(seen map[Provider]ProviderState) []State {
	holds := map[State]bool{}
	for _, p := range []Provider{Antivirus, Firewall} {
		if _, reported := seen[p]; !reported {
			holds[essential(p, ProviderUnknown)] = true
		}
	}
	for p, s := range seen {
		switch p {
		case Antivirus, Firewall:
			holds[essential(p, s)] = true
		case AutoUpdate:
			holds[further(s, AutomaticUpdatesOff)] = true
		case InternetSettings:
			holds[further(s, InternetSettingsWeak)] = true
		case UserAccountControl:
			holds[further(s, UserAccountControlOff)] = true
		case SecurityCenter:
			holds[further(s, SecurityCenterStopped)] = true
		default:
			holds[OtherProtectionUnknown] = true
		}
	}
	var states []State
	for _, d := range definitions {
		if holds[d.State] {
			states = append(states, d.State)
		}
	}
	if len(states) > 1 && states[0] == Healthy {
		states = states[1:]
	}
	return states
}

func essential(p Provider, s ProviderState) State {
	poor, snoozed, unknown := AntivirusOff, AntivirusSnoozed, AntivirusUnknown
	if p == Firewall {
		poor, snoozed, unknown = FirewallOff, FirewallOff, FirewallUnknown
	}
	switch s {
	case Good:
		return Healthy
	case Poor:
		return poor
	case Snoozed:
		return snoozed
	case NotMonitored, ProviderUnknown:
		return unknown
	}
	return unknown
}

func further(s ProviderState, off State) State {
	switch s {
	case Good:
		return Healthy
	case Poor, Snoozed, NotMonitored:
		return off
	case ProviderUnknown:
		return OtherProtectionUnknown
	}
	return OtherProtectionUnknown
}
