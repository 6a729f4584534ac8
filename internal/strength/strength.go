// Package strength says how surely a person was recognised: authentication
// methods, the combinations of them, authentication strengths, which list the
// combinations that a policy accepts, and authentication contexts, by which an
// app asks for more (Graph: authenticationMethodModes,
// authenticationStrengthPolicy, authenticationContextClassReference).
//
// What Graph calls combination configurations, which narrow a method to certain
// security keys or certificate issuers, there are none of: no method here has them.
package strength

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// ID names an authentication strength.
type ID string

// The built-in strengths. Their identifiers are Entra's, the same in every tenant.
const (
	Multifactor       ID = "00000000-0000-0000-0000-000000000002"
	Passwordless      ID = "00000000-0000-0000-0000-000000000003"
	PhishingResistant ID = "00000000-0000-0000-0000-000000000004"
)

// Methods is a set of authentication methods: what a session used, or one
// combination. The bits are those of Graph's authenticationMethodModes.
type Methods uint32

// The methods.
const (
	Password Methods = 1 << iota
	Voice
	HardwareOath
	SoftwareOath
	SMS
	FIDO2
	WindowsHello
	MicrosoftAuthenticatorPush
	DeviceBasedPush
	TemporaryAccessPassOneTime
	TemporaryAccessPassMultiUse
	Email
	CertificateSingleFactor
	CertificateMultiFactor
	FederatedSingleFactor
	FederatedMultiFactor
	_ // Graph: unknownFutureValue
	QRCodePin
)

// Strength is an authentication strength (Graph: authenticationStrengthPolicy).
type Strength struct {
	ID           ID
	Tenant       directory.TenantID
	DisplayName  string
	Description  string
	BuiltIn      bool
	Combinations []Methods // allowedCombinations; any of them will do
	CreatedAt    time.Time
	ModifiedAt   time.Time
	Revision     int64
}

// Satisfied reports whether a session that used these methods used one of the
// allowed combinations: every method of it, in this session.
func (s Strength) Satisfied(used Methods) bool {
	for _, c := range s.Combinations {
		if c != 0 && used&c == c {
			return true
		}
	}
	return false
}
