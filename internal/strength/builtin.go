package strength

import "time"

// BuiltIns returns the three strengths that every tenant has, in the order of
// their identifiers, with the combinations that Microsoft documents for them.
// They belong to no tenant and have revision 1.
func BuiltIns() []Strength {
	// Entra gives all of them this instant.
	since := time.Date(2021, time.December, 1, 0, 0, 0, 0, time.UTC)
	phishingResistant := []Methods{WindowsHello, FIDO2, CertificateMultiFactor}
	passwordless := append(phishingResistant[:3:3], DeviceBasedPush)
	return []Strength{
		{
			ID: Multifactor, DisplayName: "Multifactor authentication", BuiltIn: true, CreatedAt: since, ModifiedAt: since, Revision: 1,
			Description: "Methods that together prove two things, such as a password and a code", Combinations: multifactor(),
		},
		{
			ID: Passwordless, DisplayName: "Passwordless MFA", BuiltIn: true, CreatedAt: since, ModifiedAt: since, Revision: 1,
			Description: "Methods that prove two things without a password, such as a security key", Combinations: passwordless,
		},
		{
			ID: PhishingResistant, DisplayName: "Phishing-resistant MFA", BuiltIn: true, CreatedAt: since, ModifiedAt: since, Revision: 1,
			Description: "Methods that no false sign-in page can pass on, such as a security key", Combinations: phishingResistant,
		},
	}
}

// BuiltIn returns the built-in strength with an identifier.
func BuiltIn(id ID) (Strength, bool) {
	for _, s := range BuiltIns() {
		if s.ID == id {
			return s, true
		}
	}
	return Strength{}, false
}

// multifactor are the combinations of the built-in strength Multifactor.
func multifactor() []Methods {
	return []Methods{
		WindowsHello, FIDO2, CertificateMultiFactor, DeviceBasedPush, TemporaryAccessPassOneTime, TemporaryAccessPassMultiUse,
		Password | MicrosoftAuthenticatorPush, Password | SoftwareOath, Password | HardwareOath, Password | SMS, Password | Voice,
		FederatedMultiFactor,
		FederatedSingleFactor | MicrosoftAuthenticatorPush, FederatedSingleFactor | SoftwareOath, FederatedSingleFactor | HardwareOath,
		FederatedSingleFactor | SMS, FederatedSingleFactor | Voice,
	}
}

// Combinations lists what a strength may allow, as Graph documents it
// (authenticationStrengthRoot: combinations), and a password with a certificate,
// which tenants have been seen to have.
func Combinations() []Methods {
	return append(multifactor(), Password|CertificateSingleFactor, Password|CertificateMultiFactor,
		CertificateSingleFactor, SMS, Password, FederatedSingleFactor, Email)
}

// SatisfiesMFA reports whether whoever meets the strength has proved two things,
// by every combination that it allows (Graph: requirementsSatisfied is mfa).
func (s Strength) SatisfiesMFA() bool {
	for _, c := range s.Combinations {
		if !twofold(c) {
			return false
		}
	}
	return len(s.Combinations) > 0
}

func twofold(c Methods) bool {
	if c == Password|CertificateSingleFactor {
		return true
	}
	for _, m := range multifactor() {
		if c&m == m {
			return true
		}
	}
	return false
}
