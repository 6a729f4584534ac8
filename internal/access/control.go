package access

import "slices"

// Control is a grant control, spelled as Graph spells it.
type Control string

// The grant controls, in the order in which they are asked for. Terms of use and
// an authentication strength stand in fields of their own in a Grant, and among
// the others in a Decision.
const (
	Block                  Control = "block"
	MFA                    Control = "mfa"
	AuthenticationStrength Control = "authenticationStrength"
	CompliantDevice        Control = "compliantDevice"
	DomainJoinedDevice     Control = "domainJoinedDevice"
	ApprovedApplication    Control = "approvedApplication" // retired by Microsoft; met by whatever meets CompliantApplication
	CompliantApplication   Control = "compliantApplication"
	PasswordChange         Control = "passwordChange"
	TermsOfUse             Control = "termsOfUse"
)

// What session controls demand before access is granted.
const (
	SignInFrequency Control = "signInFrequency"
	TokenProtection Control = "signInTokenProtection"
)

// Controls is a set of controls. The zero value is empty.
type Controls uint16

const (
	blockBit Controls = 1 << iota
	freshBit
	mfaBit
	strengthBit
	deviceBit
	domainBit
	approvedBit
	applicationBit
	passwordBit
	termsBit
	boundBit
)

const (
	// interactive is what a person can do inside a sign-in.
	interactive = freshBit | mfaBit | passwordBit | termsBit
	// waivable is what only enrolment, or a device, gives.
	waivable = deviceBit | domainBit | approvedBit | applicationBit | boundBit
	// sessionBits come from session controls and are demanded beside the grant.
	sessionBits = freshBit | boundBit
)

// controls are in prompt order: the bit of controls[i] is 1<<i.
var controls = [...]Control{
	Block, SignInFrequency, MFA, AuthenticationStrength, CompliantDevice, DomainJoinedDevice, ApprovedApplication,
	CompliantApplication, PasswordChange, TermsOfUse, TokenProtection,
}

// builtIns are the words that builtInControls may hold.
var builtIns = [...]Control{Block, MFA, CompliantDevice, DomainJoinedDevice, ApprovedApplication, CompliantApplication, PasswordChange}

// ControlsOf returns the set of the controls given; unknown ones are left out.
func ControlsOf(some ...Control) Controls {
	var out Controls
	for i, c := range controls {
		if slices.Contains(some, c) {
			out |= 1 << i
		}
	}
	return out
}

// Has reports whether c is in the set.
func (s Controls) Has(c Control) bool { return s&ControlsOf(c) != 0 }

// List returns the controls of the set in prompt order.
func (s Controls) List() []Control {
	var out []Control
	for i, c := range controls {
		if s&(1<<i) != 0 {
			out = append(out, c)
		}
	}
	return out
}

// First returns the control that is asked for first, or "" of an empty set.
func (s Controls) First() Control {
	for i, c := range controls {
		if s&(1<<i) != 0 {
			return c
		}
	}
	return ""
}
