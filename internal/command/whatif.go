package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient"
)

// WhatIf asks what would come of a sign-in.
type WhatIf struct {
	User       string            `required:"" help:"Who signs in, by user principal name or id."`
	App        string            `help:"What is signed in to, by appId." xor:"target"`
	Action     string            `help:"Or what is done: registerSecurityInformation or registerOrJoinDevices." xor:"target"`
	Context    string            `help:"Or which authentication context is asked for: c1 to c99." xor:"target"`
	Platform   string            `help:"windows, macOS, linux, android, iOS or windowsPhone."`
	ClientApp  string            `help:"browser, mobileAppsAndDesktopClients, exchangeActiveSync or other."`
	IP         string            `name:"ip" help:"The address that it comes from."`
	Country    string            `help:"The country that it comes from, when not by its address."`
	SignInRisk string            `help:"none, low, medium or high."`
	UserRisk   string            `help:"none, low, medium or high."`
	Device     map[string]string `help:"What is known of the device: isCompliant=true, trustType=Workplace, model=..., as deviceInfo in Graph."`
	Satisfied  []string          `help:"What the person meets already: mfa, compliantDevice, compliantApplication, signInTokenProtection."`
	Output     string            `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// notGrantedError says that the sign-in would not be let in as it is.
type notGrantedError string

func (e notGrantedError) Error() string { return "the sign-in would be " + string(e) }

// Run prints which policies would apply and what would come of it: exit code 0
// when the sign-in would be let in, 1 when it would not, 2 when the question
// cannot be read.
func (c *WhatIf) Run(ctx context.Context, s Streams) error {
	device := map[string]any{}
	for name, value := range c.Device {
		device[name] = value
		if flag, err := strconv.ParseBool(value); name == "isCompliant" && err == nil {
			device[name] = flag
		}
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	v, err := client.WhatIf(ctx, graphclient.Question{
		User: c.User, App: c.App, UserAction: c.Action, Context: c.Context, Platform: c.Platform, ClientApp: c.ClientApp, Address: c.IP,
		Country: c.Country, SignInRisk: c.SignInRisk, UserRisk: c.UserRisk, DeviceFilter: device, Satisfied: c.Satisfied,
	})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = writeJSON(s.Out, v)
	} else {
		printer{out: s.Out, colours: s.Colours()}.verdict(v)
	}
	if err == nil && v.Outcome.Outcome != "granted" {
		err = notGrantedError(v.Outcome.Outcome)
	}
	return err
}

// verdict prints what would come of a sign-in.
func (p printer) verdict(v graphclient.Verdict) {
	colour := map[string]string{"granted": green, "challenge": yellow, "denied": red}[v.Outcome.Outcome]
	outcome := v.Outcome.Outcome
	if v.Outcome.ErrorCode != 0 {
		outcome += fmt.Sprintf(" (%d)", v.Outcome.ErrorCode)
	}
	p.line(colour, "%s", outcome)
	if len(v.Outcome.MissingControls) > 0 {
		p.line("", "  missing: %s", strings.Join(v.Outcome.MissingControls, ", "))
	}
	if len(v.Outcome.Steps) > 0 {
		p.line("", "  the shortest way in: %s", strings.Join(v.Outcome.Steps, ", "))
	}
	for _, policy := range v.Policies {
		if !policy.Applies {
			p.line(faint, "  - %q does not apply: %s", policy.Name, policy.Reasons)
			continue
		}
		text := fmt.Sprintf("  * %q applies: %s", policy.Name, policy.Postern.Result)
		if len(policy.Postern.Unmet) > 0 {
			text += ", unmet " + strings.Join(policy.Postern.Unmet, ", ")
		}
		p.line("", "%s", text)
	}
}
