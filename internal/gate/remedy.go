package gate

import (
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// situation is what the remedies depend on besides the decision.
type situation struct {
	verdict    *compliance.Verdict // of the app behind the session; nil without one
	device     *directory.Device
	registered bool // an app proved itself in this session
	lapsed     bool // it did, and not lately
}

// possible are the steps that a person may take on a personal PC, the ones that
// cost least first. To have it managed, or joined to a domain, is none of them.
var possible = [...]access.Step{
	access.Step(access.SignInFrequency), access.Step(access.MFA), access.Step(access.TermsOfUse), access.Step(access.PasswordChange),
	access.Step(access.CompliantApplication), access.Step(access.TokenProtection), access.TrustedLocation,
}

// inside is how many of the possible steps are taken on the pages of the sign-in.
const inside = 4

// remedies are the steps that would grant access: the smallest set of them, found
// by deciding on each. Where no step on this device would, they name what is
// missing, and who can help.
func remedies(set *access.Set, r *access.Ruling, s situation) []access.Remedy {
	var out []access.Remedy
	can := possible[:]
	if r.Decision.Outcome == access.Challenge {
		can = can[:inside] // what the sign-in itself can ask for
	}
	r.Steps = set.Explain(&r.Facts, can).Steps
	for _, step := range r.Steps {
		out = append(out, remedy(step, r, s)...)
	}
	if len(out) > 0 {
		return out
	}
	for _, c := range r.Decision.Missing.List() {
		out = append(out, remedy(access.Step(c), r, s)...)
	}
	if len(out) == 0 {
		out = append(out, standing(r.Decision.Code))
	}
	return out
}

// remedy explains one step.
func remedy(step access.Step, r *access.Ruling, s situation) []access.Remedy {
	one := func(title, why string, steps ...string) []access.Remedy {
		return []access.Remedy{{Code: string(step), Title: title, Why: why, Steps: steps}}
	}
	switch step {
	case access.Step(access.CompliantApplication), access.Step(access.ApprovedApplication):
		return protectApp(s)
	case access.Step(access.MFA):
		return one("Show your second factor", "Your organization wants more than a password here.",
			"Sign in again.", "Enter the code that your authenticator app shows.")
	case access.Step(access.SignInFrequency):
		return one("Sign in again", "Your organization wants a fresh sign-in here, and yours is older than that.",
			"Open the site again and sign in.")
	case access.Step(access.TermsOfUse):
		return one("Accept the terms of use", "Your organization wants you to accept "+terms(r)+" first.",
			"Open the site again.", "Read the text and accept it.")
	case access.Step(access.PasswordChange):
		return one("Change your password", "Your account may be known to somebody else.",
			"Open the site again and sign in.", "Choose a new password when you are asked for one.")
	case access.Step(access.TokenProtection):
		return one("Sign in from an app that proves this PC", "Your organization wants sign-ins to be tied to the device they were made on.",
			"Install the Postern agent, if this PC does not have it yet.", "Open this page again in your work browser profile and choose “Check again”.")
	case access.TrustedLocation:
		return one("Connect from a trusted network", "Your organization allows this only from networks that it trusts.",
			"Connect to the network of your organization, at work or by its VPN.", "Open this page again and choose “Check again”.")
	case access.Step(access.AuthenticationStrength):
		return one("Sign in by a stronger method", "Your organization wants a way of signing in that this account has not used here.",
			"Ask your help desk which way of signing in is wanted, and how to set it up.")
	case access.Step(access.CompliantDevice), access.Step(access.DomainJoinedDevice):
		return one("Use a PC that your organization manages", "This PC is not one that your organization manages and has checked.",
			"Open this site on a work PC.", "If this is one, ask your help desk why it is not compliant.")
	}
	return []access.Remedy{standing(access.CodeBlocked)}
}

// terms names the agreements that are missing.
func terms(r *access.Ruling) string {
	var names []string
	for _, g := range r.Terms {
		names = append(names, "“"+g.DisplayName+"”")
	}
	if len(names) == 0 {
		return "its terms of use"
	}
	return strings.Join(names, " and ")
}

// protectApp explains what keeps the app behind the session from being trusted.
func protectApp(s situation) []access.Remedy {
	if s.device != nil && !s.device.Enabled {
		return []access.Remedy{{
			Code: "deviceDisabled", Title: "This PC was switched off for your organization",
			Why:   "An administrator disabled this PC's registration.",
			Steps: []string{"Ask your help desk to enable it."},
		}}
	}
	if s.lapsed {
		return []access.Remedy{proveAgain()}
	}
	if s.verdict == nil {
		return []access.Remedy{enroll(s.registered)}
	}
	var out []access.Remedy
	for _, reason := range s.verdict.Reasons {
		if reason.Action < protection.Block {
			continue // a warning keeps nobody out
		}
		out = append(out, access.Remedy{Code: reason.Code, Title: title(reason), Why: sentence(reason.Text), Steps: steps(reason)})
	}
	if len(out) == 0 {
		out = append(out, enroll(s.registered))
	}
	return out
}

// steps are a reason's own, and where to turn when they do not help.
func steps(r compliance.Reason) []string {
	switch {
	case len(r.Steps) == 0:
		return []string{"Ask your help desk: only an administrator can change this."}
	case r.Code == compliance.WipePending:
		return append(slices.Clone(r.Steps), "If you did not expect this, ask your help desk.")
	}
	return r.Steps
}

// sentence ends a reason as people end sentences.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func enroll(was bool) access.Remedy {
	why := "We could not see a protected app on this PC: this browser has not shown that your organization's data is protected in it."
	if was {
		why = "The protection of this app ended, by sign-out, by removal or because it was renewed."
	}
	return access.Remedy{
		Code: string(access.CompliantApplication), Title: "Protect this app with your work account",
		Why: why,
		Steps: []string{
			"Install the Postern agent, if this PC does not have it yet. It needs no administrator rights and manages nothing.",
			"Sign in to the agent with your work account.",
			"Open this page again in your work browser profile and choose “Check again”.",
		},
	}
}

// proveAgain is for a browser that fell silent: it slept, or its agent did.
func proveAgain() access.Remedy {
	return access.Remedy{
		Code: DeviceProofLapsed, Title: "Show again that this is your PC",
		Why: "Your work browser profile has not shown for some minutes that it runs on the PC you signed in from. That is how your organization knows that nobody else uses your sign-in.",
		Steps: []string{
			"Open this page again in your work browser profile; it happens by itself when the Postern extension and its agent are there.",
			"If it does not, open the Postern extension: it says what is wrong.",
		},
	}
}

// title is a heading for a reason of a verdict.
func title(r compliance.Reason) string {
	switch r.Code {
	case string(protection.MinOSVersion):
		return "Update Windows"
	case string(protection.MaxOSVersion):
		return "This version of Windows is not allowed yet"
	case string(protection.MinAppVersion):
		return "Update this app"
	case string(protection.MinSDKVersion):
		return "Update the protection inside this app"
	case string(protection.OfflineGrace):
		return "Connect this app again"
	case string(protection.DisabledAccount):
		return "Your account is disabled"
	case string(protection.MaxThreatLevel):
		if level, err := threat.ParseLevel(r.Have); err != nil || level == threat.Unknown {
			return "Let this PC report that it is safe"
		}
		return "Remove the threat from this PC"
	case compliance.WipePending:
		return "Organisation data is being removed from this PC"
	case compliance.Managed:
		return "This PC is managed by an organization"
	case compliance.NotTargeted:
		return "No protection is set up for you yet"
	case compliance.AppNotInPolicy:
		return "No protection is set up for this app yet"
	case compliance.NotOnboarded:
		return "Your organization does not protect apps yet"
	case compliance.NotEntitled:
		return "Your account is not entitled to this"
	case compliance.DevelopmentHealth:
		return "The health of this PC was not measured"
	}
	return "This app is not healthy"
}

// standing is the remedy for a refusal by who somebody is, not by health.
func standing(code int) access.Remedy {
	switch code {
	case CodeSessionEnded, CodeSessionExpired:
		return access.Remedy{
			Code: "signInAgain", Title: "Sign in again", Why: "Your sign-in has ended.",
			Steps: []string{"Open the site again and sign in."},
		}
	case CodeAccountDisabled:
		return access.Remedy{
			Code: "accountDisabled", Title: "Your account is disabled", Why: "An administrator disabled this account.",
			Steps: []string{"Ask your help desk."},
		}
	}
	return access.Remedy{
		Code: "blocked", Title: "Your organization does not allow this",
		Why:   "A rule of your organization blocks this sign-in. Nothing you can do on this PC changes that.",
		Steps: []string{"If you need this for your work, ask your help desk and give them the error code below."},
	}
}
