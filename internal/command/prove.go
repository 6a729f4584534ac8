package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient"
)

// Prove asks whether anybody can get in who must not.
type Prove struct {
	User        []string `help:"One of these users, by user principal name or id. Without any: anybody." sep:"none"`
	NotUser     []string `help:"None of these users." sep:"none"`
	Group       []string `help:"A member of each of these groups, by name or id." sep:"none"`
	NotGroup    []string `help:"A member of none of these groups." sep:"none"`
	App         []string `help:"Signing in to one of these, by name or appId. Without any: to whatever there is." sep:"none"`
	Action      []string `help:"Or doing one of these: urn:user:registersecurityinfo, urn:user:registerdevice."`
	Context     []string `help:"Asking for all of these authentication contexts: c1 to c99."`
	Platform    []string `help:"From one of windows, macOS, linux, android, iOS, windowsPhone, unknown. A platform is only a claim."`
	ClientApp   []string `help:"With one of browser, mobileAppsAndDesktopClients, exchangeActiveSync, other."`
	Location    []string `help:"In one of these named locations." sep:"none"`
	NotLocation []string `help:"In none of these named locations." sep:"none"`
	SignInRisk  []string `help:"At one of none, low, medium, high."`
	UserRisk    []string `help:"At one of none, low, medium, high."`
	Without     []string `help:"Without these: mfa, compliantDevice, compliantApplication, domainJoinedDevice, authenticationStrength, passwordChange, termsOfUse, signInTokenProtection."`
	Refused     bool     `help:"Ask whether anybody is kept out, whatever they do, instead of whether anybody gets in."`
	Output      string   `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// possibleError says that the answer is not no.
type possibleError string

func (e possibleError) Error() string { return string(e) }

// Run prints the answer with its witness: exit code 0 when nobody can, 1 when
// somebody can or it is not known, 2 when the question cannot be read.
func (c *Prove) Run(ctx context.Context, s Streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	found, err := client.Prove(ctx, graphclient.Claim{
		Users: c.User, NotUsers: c.NotUser, Groups: c.Group, NotGroups: c.NotGroup, Apps: c.App, Actions: c.Action, Contexts: c.Context,
		ClientApps: c.ClientApp, Platforms: c.Platform, Locations: c.Location, NotLocations: c.NotLocation,
		SignInRisks: c.SignInRisk, UserRisks: c.UserRisk, Without: c.Without, Refused: c.Refused,
	})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = writeJSON(s.Out, found)
	} else {
		printer{out: s.Out, colours: s.Colours()}.proof(found)
	}
	switch {
	case err != nil || found.Answer == "no":
		return err
	case found.Answer == "yes":
		return possibleError("somebody can")
	default:
		return possibleError("not known: " + found.Reason)
	}
}

// proof prints an answer.
func (p printer) proof(found graphclient.Proof) {
	p.line(map[string]string{"no": green, "yes": red}[found.Answer], "%s", found.Answer)
	if found.Reason != "" {
		p.line("", "  %s", found.Reason)
	}
	w := found.Witness
	if w == nil {
		return
	}
	who := w.Who
	if !found.Exists {
		who += " (nobody with an account now, but somebody could be made so)"
	}
	p.line("", "  who: %s", who)
	p.line("", "  how: %s", w.How)
	for _, policy := range w.Policies {
		text := fmt.Sprintf("  * %q applies: %s", policy.Name, policy.Result)
		if len(policy.Unmet) > 0 {
			text += ", unmet " + strings.Join(policy.Unmet, ", ")
		}
		p.line("", "%s", text)
	}
	if len(w.Policies) == 0 {
		p.line("", "  no policy applies")
	}
}
