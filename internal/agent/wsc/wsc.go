// Package wsc asks Windows Security Center how the PC is protected, and notices
// when that changes.
//
// It passes on what was said, as the raw states of wire.CheckIn; what they mean is
// for the service. The functions are those of wscapi.h (Microsoft, "Windows
// Security Center").
package wsc

import "time"

// The raw states of a provider.
const (
	Good         = "good"
	NotMonitored = "notMonitored"
	Poor         = "poor"
	Snoozed      = "snoozed"
	Unknown      = "unknown"
)

// SecurityCenter is the provider that watches the others: the service itself.
const SecurityCenter = "securityCenter"

// Starting is how long after the start of Windows the Security Center service may
// still be on its way: it starts late on purpose, so that signing in is quick.
const Starting = 10 * time.Minute

// The results that are told apart.
const (
	ok         = 0 // S_OK
	notRunning = 1 // S_FALSE: the Security Center service does not run
)

// Answer is what WscGetSecurityProviderHealth said of one provider.
type Answer struct {
	Result uint32 // HRESULT
	Health uint32 // WSC_SECURITY_PROVIDER_HEALTH; of use when Result is S_OK alone
}

// State turns an answer about a provider into a raw state; running is for how long
// Windows has been. Whatever is not known here is unknown, never good.
//
// S_FALSE says that the service does not run: of the others nothing is known then,
// and of the service itself the worst. Right after the start of Windows it only
// has not started yet, and that is not known either: a PC must not count as
// threatened whenever it was restarted.
func State(provider string, a Answer, running time.Duration) string {
	switch {
	case a.Result == notRunning && provider == SecurityCenter && running >= Starting:
		return Poor
	case a.Result != ok:
		return Unknown
	}
	switch a.Health {
	case 0:
		return Good
	case 1:
		return NotMonitored
	case 2:
		return Poor
	case 3:
		return Snoozed
	}
	return Unknown
}
