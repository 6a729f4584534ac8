package strength

import (
	"fmt"
	"strings"
)

// Mode describes one authentication method (Graph: authenticationMethodModeDetail).
type Mode struct {
	Method      Methods
	Name        string // as combinations spell it
	Base        string // the method that it is a way to use (Graph: baseAuthenticationMethod)
	DisplayName string
}

// Modes lists every authentication method, in the order of their bits.
func Modes() []Mode {
	return []Mode{
		{Password, "password", "password", "Password"},
		{Voice, "voice", "voice", "Voice"},
		{HardwareOath, "hardwareOath", "hardwareOath", "Hardware OATH tokens"},
		{SoftwareOath, "softwareOath", "softwareOath", "Software OATH tokens"},
		{SMS, "sms", "sms", "SMS"},
		{FIDO2, "fido2", "fido2", "FIDO2 security key"},
		{WindowsHello, "windowsHelloForBusiness", "windowsHelloForBusiness", "Windows Hello for Business"},
		{MicrosoftAuthenticatorPush, "microsoftAuthenticatorPush", "microsoftAuthenticator", "Microsoft Authenticator (push notification)"},
		{DeviceBasedPush, "deviceBasedPush", "microsoftAuthenticator", "Microsoft Authenticator (passwordless)"},
		{TemporaryAccessPassOneTime, "temporaryAccessPassOneTime", "temporaryAccessPass", "Temporary Access Pass (one-time use)"},
		{TemporaryAccessPassMultiUse, "temporaryAccessPassMultiUse", "temporaryAccessPass", "Temporary Access Pass (multi-use)"},
		{Email, "email", "email", "Email one-time passcode"},
		{CertificateSingleFactor, "x509CertificateSingleFactor", "x509Certificate", "Certificate-based authentication (single factor)"},
		{CertificateMultiFactor, "x509CertificateMultiFactor", "x509Certificate", "Certificate-based authentication (multifactor)"},
		{FederatedSingleFactor, "federatedSingleFactor", "federation", "Federation (single factor)"},
		{FederatedMultiFactor, "federatedMultiFactor", "federation", "Federation (multifactor)"},
		{QRCodePin, "qrCodePin", "qrCodePin", "QR code with PIN"},
	}
}

// String spells the set as Graph does: words in the order of their bits, with
// commas between and no space. The empty set is "".
func (m Methods) String() string {
	var words []string
	for _, mode := range Modes() {
		if m&mode.Method != 0 {
			words = append(words, mode.Name)
		}
	}
	return strings.Join(words, ",")
}

// ParseCombination reads a combination such as "password,softwareOath": one or
// more methods in any order and case, each once, with commas and perhaps spaces
// between. Whether it is one that a strength may allow is a matter of Validate.
func ParseCombination(text string) (Methods, error) {
	var m Methods
	for word := range strings.SplitSeq(text, ",") {
		method, ok := method(strings.TrimSpace(word))
		if !ok {
			return 0, fmt.Errorf("combination %q: %q is no authentication method; valid are %s", text, strings.TrimSpace(word), all)
		}
		if m&method != 0 {
			return 0, fmt.Errorf("combination %q names %s twice; name each method once", text, method)
		}
		m |= method
	}
	return m, nil
}

// all is every method.
const all = Password | Voice | HardwareOath | SoftwareOath | SMS | FIDO2 | WindowsHello | MicrosoftAuthenticatorPush | DeviceBasedPush |
	TemporaryAccessPassOneTime | TemporaryAccessPassMultiUse | Email | CertificateSingleFactor | CertificateMultiFactor |
	FederatedSingleFactor | FederatedMultiFactor | QRCodePin

func method(word string) (Methods, bool) {
	for _, mode := range Modes() {
		if strings.EqualFold(mode.Name, word) {
			return mode.Method, true
		}
	}
	return 0, false
}

// MarshalText spells the set as String does, so that what is kept and what is on
// record can be read.
func (m Methods) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (m *Methods) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = 0
		return nil
	}
	parsed, err := ParseCombination(string(text))
	if err == nil {
		*m = parsed
	}
	return err
}
