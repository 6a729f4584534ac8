package compliance

import (
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// edge is the package that the browser's own rules are about.
const edge directory.PackageID = "com.microsoft.edge"

func appName(app directory.PackageID) string {
	switch app {
	case edge:
		return "Microsoft Edge"
	case "":
		return "the app"
	}
	return string(app)
}

func wipePending(app string) Reason {
	return Reason{
		Code: WipePending, Action: protection.Wipe, Text: "The organization's data in " + app + " is being removed from this PC",
		Steps: []string{
			"Connect this PC to the internet and open " + app + ", so that the removal can finish.",
			"Sign in again afterwards, if you may still use the organization's data.",
		},
	}
}

func managed() Reason {
	return Reason{
		Code: Managed, Action: protection.Block, Have: "a managed PC", Want: "a personal PC",
		Text: "An organization manages this PC, and only personal PCs are protected this way",
		Steps: []string{
			"Open Settings, choose Accounts, then Access work or school.",
			"If you no longer want this PC to be managed, select the account that manages it and choose Disconnect. Otherwise use a personal PC.",
		},
	}
}

func developmentHealth() Reason {
	return Reason{
		Code: DevelopmentHealth, Action: protection.Block, Have: "a development adapter", Want: "the Windows adapter",
		Text:  "The health of this PC was read from a file by a development adapter, which your organization does not accept",
		Steps: []string{"Install the agent for Windows on this PC and sign in again."},
	}
}

func notTargeted(app string) Reason {
	return Reason{
		Code: NotTargeted, Action: protection.Block, Have: "no policy", Want: "an app protection policy",
		Text: "No app protection policy applies to you in " + app + "; your administrator has to assign one",
	}
}

func appNotInPolicy(app string) Reason {
	return Reason{
		Code: AppNotInPolicy, Action: protection.Block, Have: "policies for other apps", Want: "an app protection policy",
		Text: "Your app protection policies do not cover " + app + "; your administrator has to add it to one",
	}
}

func notOnboarded() Reason {
	return Reason{
		Code: NotOnboarded, Action: protection.Block, Have: "app protection switched off", Want: "app protection switched on",
		Text: "Your organization has not switched app protection on; your administrator has to do that",
	}
}

func notEntitled() Reason {
	return Reason{
		Code: NotEntitled, Action: protection.Block, Have: "no entitlement", Want: "an entitlement to app protection",
		Text: "Your account is not entitled to use your organization's data on a personal PC; your administrator has to entitle it",
	}
}

// failed puts a failed health check into words for the person.
func failed(f protection.Finding, app string, danger threat.Assessment) Reason {
	r := Reason{Code: string(f.Check.Subject), Action: f.Check.Action, Have: f.Have, Want: f.Want}
	switch f.Check.Subject {
	case protection.MinOSVersion:
		r.Text, r.Steps = older("Windows", f), updateWindows()
	case protection.MaxOSVersion:
		r.Text = "Windows " + f.Have + " is newer than " + f.Check.Version.String()
		r.Steps = []string{
			"Open Settings, choose System, then Recovery, and choose Go back if Windows still offers it.",
			"Otherwise ask your administrator whether this version of Windows will be allowed.",
		}
		if f.Doubt {
			r.Text, r.Steps = older("Windows", f), updateWindows()
		}
	case protection.MinAppVersion:
		r.Text, r.Steps = older(app, f), updateApp(app)
	case protection.MinSDKVersion:
		r.Text, r.Steps = older("The protection kit in "+app, f), updateApp(app)
	case protection.DisabledAccount:
		r.Text = "Your account is disabled or deleted"
	case protection.OfflineGrace:
		r.Text = capital(f.Have) + "; your organization asks for " + f.Want
		r.Steps = []string{"Connect this PC to the internet.", "Open " + app + ", sign in if you are asked to, and wait until it has checked in."}
	case protection.MaxThreatLevel:
		r.Text, r.Steps = endangered(f, danger)
	default:
		r.Text = "Your organization asks for " + f.Want + ", " + f.Have
	}
	return r
}

// older says that a version is too low, or is not known.
func older(what string, f protection.Finding) string {
	if f.Doubt {
		return what + " did not report its version; your organization asks for " + f.Want
	}
	return what + " " + f.Have + " is older than " + f.Check.Version.String()
}

func updateWindows() []string {
	return []string{
		"Open Settings, choose Windows Update, then Check for updates.",
		"Install everything it offers and restart the PC.",
	}
}

func updateApp(app string) []string {
	if app == appName(edge) {
		return []string{
			"In Microsoft Edge open the menu (...), choose Help and feedback, then About Microsoft Edge.",
			"Wait until the update is installed and choose Restart.",
		}
	}
	return []string{"Install the newest version of " + app + ".", "Close it and open it again."}
}

// endangered names the states that are above the limit, and their remedies.
func endangered(f protection.Finding, danger threat.Assessment) (text string, steps []string) {
	if f.Doubt {
		return "The threat level of this PC is not known; your organization allows " + f.Want + ": " + danger.Why, danger.Steps
	}
	var titles []string
	for _, s := range danger.States {
		if l := s.Level(); l != threat.Unknown && l <= f.Check.Level {
			continue
		}
		d, _ := s.Definition()
		titles = append(titles, d.Title)
		for _, step := range d.Steps {
			if !slices.Contains(steps, step) {
				steps = append(steps, step)
			}
		}
	}
	return "The threat level of this PC is " + f.Have + "; your organization allows " + f.Want + ": " + strings.Join(titles, "; "), steps
}

// capital makes the start of a sentence of our own words.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
