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
}

// remedies says for every missing control what the person can do, in the order
// in which doing it makes sense.
func remedies(d access.Decision, s situation) []access.Remedy {
	var out []access.Remedy
	for _, c := range d.Missing {
		switch c {
		case access.CompliantApplication:
			out = append(out, protectApp(s)...)
		case access.MFA:
			out = append(out, access.Remedy{
				Code: string(c), Title: "Show your second factor",
				Why:   "Your organization wants more than a password here.",
				Steps: []string{"Sign in again.", "Enter the code that your authenticator app shows."},
			})
		case access.CompliantDevice:
			out = append(out, access.Remedy{
				Code: string(c), Title: "Use a PC that your organization manages",
				Why:   "This PC is not one that your organization manages and has checked.",
				Steps: []string{"Open this site on a work PC.", "If this is one, ask your help desk why it is not compliant."},
			})
		default:
			out = append(out, standing(access.CodeBlocked))
		}
	}
	if len(out) == 0 {
		out = append(out, standing(d.Code))
	}
	return out
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
