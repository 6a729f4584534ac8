package conditional

import (
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/strength"
)

func takeGrant(o *odata.Object, to *access.Grant) {
	operator, controls := "", []string{}
	o.Word("operator", &operator, access.And.String(), access.Or.String())
	if parsed, err := access.ParseOperator(operator); err == nil {
		to.Operator = parsed
	}
	o.Words("builtInControls", &controls, string(access.Block), string(access.MFA), string(access.CompliantDevice), string(access.DomainJoinedDevice),
		string(access.ApprovedApplication), string(access.CompliantApplication), string(access.PasswordChange), riskRemediation)
	to.Controls = graph.Typed[access.Control](controls)
	switch {
	case slices.Contains(controls, ""):
		o.Refuse("builtInControls", "holds an empty name")
	case slices.Contains(controls, riskRemediation):
		o.Refuse("builtInControls", "holds %s; it is not offered here: demand passwordChange with mfa for a user risk, or block", riskRemediation)
		to.Controls = nil
	}
	to.Terms = identifiers[agreement.ID](o, "termsOfUse")
	to.Strength = takeStrengthOf(o)
	refuse(o, map[string]string{"customAuthenticationFactors": "no provider outside can be asked here, so demand mfa or an authenticationStrength"})
}

// riskRemediation is a control of Graph that there is not here.
const riskRemediation = "riskRemediation"

// takeStrengthOf reads which strength is meant: by the object, of which the
// identifier counts alone, or by a reference to it.
func takeStrengthOf(o *odata.Object) strength.ID {
	const name = "authenticationStrength"
	id, reference := "", ""
	if s := o.Object(name); s != nil && o.Says(name) {
		if s.Text("id", &id); id == "" {
			o.Refuse(name, "has no id; name the authentication strength by its id")
		}
	}
	if o.Text(name+"@odata.bind", &reference); reference != "" && id == "" {
		id = graph.LastSegment(reference)
	}
	return strength.ID(id)
}

// takeSession reads session controls over what stays of those before; nil when
// none of them is there, be it off.
func takeSession(o *odata.Object, to access.SessionControls) *access.SessionControls {
	if o != nil {
		takeControls(o, &to)
	}
	if to == (access.SessionControls{}) {
		return nil
	}
	return &to
}

func takeControls(o *odata.Object, to *access.SessionControls) {
	to.AppRestrictions, to.TokenProtection = takeSwitch(o, "applicationEnforcedRestrictions"), takeSwitch(o, "secureSignInSession")
	if f := o.Object("signInFrequency"); configured(f, "isEnabled", "value", "type", "authenticationType", "frequencyInterval") {
		to.Frequency = takeFrequency(f)
	}
	if b := o.Object("persistentBrowser"); configured(b, "isEnabled", "mode") {
		mode := ""
		to.PersistentOff = takeMode(b, "mode", &mode, string(access.PersistAlways), string(access.PersistNever))
		to.Persistent = access.Persistence(mode)
	}
	if a := o.Object("cloudAppSecurity"); configured(a, "isEnabled", "cloudAppSecurityType") {
		mode := ""
		to.CloudAppsOff = takeMode(a, "cloudAppSecurityType", &mode, string(access.McasConfigured), string(access.MonitorOnly), string(access.BlockDownloads))
		to.CloudApps = access.CloudApps(mode)
	}
	if o.Has("disableResilienceDefaults") && !o.Null("disableResilienceDefaults") {
		disabled := false
		o.Flag("disableResilienceDefaults", &disabled)
		to.ResilienceDisabled = position(disabled)
	}
	if e := o.Object("continuousAccessEvaluation"); e != nil {
		mode := ""
		e.Word("mode", &mode, string(access.ContinuousOff), string(access.ContinuousStrictLocation), string(access.ContinuousStrict))
		to.Continuous = access.Continuous(mode)
		e.RefuseRest(unknown)
	}
	network := "there is no network of Global Secure Access here, so remove it"
	refuse(o, map[string]string{"globalSecureAccessFilteringProfile": network, "networkAccessSecurity": network})
}

// configured reports whether a control is there and says anything, be it that it
// is off.
func configured(o *odata.Object, names ...string) bool {
	return o != nil && slices.ContainsFunc(names, func(n string) bool { return o.Has(n) && !o.Null(n) })
}

func position(on bool) access.Switch {
	if on {
		return access.On
	}
	return access.Off
}

// enabled reads whether a control is on. One that does not say so is: it would
// not be there otherwise.
func enabled(o *odata.Object) bool {
	on := true
	if !o.Null("isEnabled") {
		o.Flag("isEnabled", &on)
	}
	return on
}

func takeSwitch(o *odata.Object, name string) access.Switch {
	s := o.Object(name)
	if !configured(s, "isEnabled") {
		if s != nil {
			s.RefuseRest(unknown)
		}
		return access.Unset
	}
	on := enabled(s)
	s.RefuseRest(unknown)
	return position(on)
}

// takeMode reads a control that has a mode, which one that is off may lack.
func takeMode(o *odata.Object, name string, mode *string, valid ...string) (off bool) {
	o.Word(name, mode, valid...)
	off = !enabled(o)
	if !off && (o.Null(name) || !o.Has(name)) {
		o.Refuse(name, "is missing; valid are %s", strings.Join(valid, ", "))
	}
	o.RefuseRest(unknown, "isEnabled")
	return off
}

// mostValue bounds what a frequency is computed with; what may be saved is less.
const mostValue = 10_000

func takeFrequency(o *odata.Object) *access.Frequency {
	value, unit, factors, interval := 0, "", "", ""
	o.Number("value", &value)
	o.Word("type", &unit, "hours", "days")
	o.Word("authenticationType", &factors, "primaryAndSecondaryAuthentication", "secondaryAuthentication")
	o.Word("frequencyInterval", &interval, "timeBased", "everyTime")
	out := &access.Frequency{
		Disabled: !enabled(o), EveryTime: interval == "everyTime", InDays: unit == "days", Secondary: factors == "secondaryAuthentication",
	}
	o.RefuseRest(unknown, "isEnabled")
	switch {
	case out.EveryTime && value != 0:
		o.Refuse("value", "is %d; with the frequencyInterval everyTime there is none", value)
	case value < -mostValue || value > mostValue:
		o.Refuse("value", "is %d; it must be 1 to 23 hours or 1 to 365 days", value)
	case value != 0 && unit == "":
		o.Refuse("type", "is missing; valid are hours, days")
	case out.InDays:
		out.After = time.Duration(value) * 24 * time.Hour
	default:
		out.After = time.Duration(value) * time.Hour
	}
	return out
}
