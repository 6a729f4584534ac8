package conditional

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const rootKind = "graph.conditionalAccessRoot"

func (d *Area) whatIfRoute() graph.Route {
	return graph.Route{Method: http.MethodPost, Pattern: "identity/conditionalAccess/evaluate", Needs: directory.AccessRead, Do: d.whatIf}
}

// whatIf answers which policies would apply, as Graph does, and beside it what
// Graph does not say: the outcome, what is missing, and what would help.
func (d *Area) whatIf(c *graph.Call) error {
	if d.Gate == nil {
		return fault.New(fault.Unavailable, "nothing decides here")
	}
	o, err := c.Parameters(rootKind)
	if err != nil {
		return err
	}
	w := gate.WhatIf{Tenant: c.Tenant()}
	appliedOnly := false
	o.Flag("appliedPoliciesOnly", &appliedOnly)
	readIdentity(o, &w)
	readContext(o, &w)
	if conditions := o.Object("signInConditions"); conditions != nil {
		readSignInConditions(conditions, &w)
	}
	if p := o.Object("postern"); p != nil {
		w.Done = readControls(p, "satisfiedControls", access.MFA, access.CompliantDevice, access.CompliantApplication, access.TokenProtection)
	}
	if err := o.Err(); err != nil {
		return err
	}
	answer, err := d.Gate.WhatIf(c.Ctx, w)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = fault.New(fault.Invalid, "%s", fault.Detail(err))
		}
		return err
	}
	return d.answerWhatIf(c, answer, appliedOnly)
}

// readIdentity reads who signs in.
func readIdentity(o *odata.Object, w *gate.WhatIf) {
	who := o.Object("signInIdentity")
	if who == nil {
		o.Refuse("signInIdentity", "is missing; it is a userSignIn or a servicePrincipalSignIn")
		return
	}
	switch who.Type() {
	case "userSignIn":
		user, kind, home := "", "", ""
		who.Text("userId", &user)
		who.Word("externalUserType", &kind, append(graph.Texts(directory.GuestKinds()), "none")...)
		who.Text("externalTenantId", &home)
		w.User, w.HomeTenant = directory.UserID(user), directory.TenantID(home)
		if kind != "none" {
			w.Guest = directory.GuestKind(kind)
		}
		if user == "" && w.Guest == "" {
			who.Refuse("userId", "is empty; it must be the identifier of a user, unless externalUserType says what kind of guest")
		}
	case "servicePrincipalSignIn":
		id := ""
		if who.Text("servicePrincipalId", &id); id == "" {
			who.Refuse("servicePrincipalId", "is empty; it must be the appId of an application")
		}
		w.Workload = directory.AppID(id)
	default:
		who.Refuse("@odata.type", "is %q; valid are #microsoft.graph.userSignIn and #microsoft.graph.servicePrincipalSignIn", who.Type())
	}
}

// actionNames are the words of userActionContext for what policies call otherwise.
var actionNames = map[string]access.UserAction{
	"registerSecurityInformation": access.RegisterSecurityInfo, "registerOrJoinDevices": access.RegisterDevice,
}

// readContext reads what is signed in to.
func readContext(o *odata.Object, w *gate.WhatIf) {
	what := o.Object("signInContext")
	if what == nil {
		return
	}
	switch what.Type() {
	case "applicationContext":
		var apps []string
		what.Texts("includeApplications", &apps)
		w.Apps = graph.Typed[directory.AppID](apps)
	case "userActionContext":
		action := ""
		what.Word("userAction", &action, "registerSecurityInformation", "registerOrJoinDevices")
		if known, ok := actionNames[action]; ok {
			w.Actions = []access.UserAction{known}
		}
	case "authContext":
		id := ""
		if what.Text("authenticationContextValue", &id); id != "" {
			w.Contexts = []access.ContextID{access.ContextID(id)}
		}
	default:
		what.Refuse("@odata.type", "is %q; valid are #microsoft.graph.applicationContext, #microsoft.graph.userActionContext and #microsoft.graph.authContext", what.Type())
	}
}

func readSignInConditions(o *odata.Object, w *gate.WhatIf) {
	word := func(name string, valid ...string) string {
		text := ""
		o.Word(name, &text, valid...)
		return text
	}
	risk := func(name string) access.Risk {
		return access.Risk(word(name, "low", "medium", "high", "hidden", "none"))
	}
	w.Platform = access.Platform(word("devicePlatform", "android", "iOS", "windows", "windowsPhone", "macOS", "linux", "all"))
	if w.Platform == access.AllPlatforms {
		w.Platform = ""
	}
	w.Client = access.ClientAppType(word("clientAppType", "all", "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"))
	if w.Client == access.AllClientApps {
		w.Client = ""
	}
	w.SignInRisk, w.UserRisk, w.WorkloadRisk = risk("signInRiskLevel"), risk("userRiskLevel"), risk("servicePrincipalRiskLevel")
	w.InsiderRisk = access.Risk(word("insiderRiskLevel", "none", "minor", "moderate", "elevated"))
	o.Text("country", &w.Country)
	w.Country = strings.ToUpper(w.Country)
	address := ""
	if o.Text("ipAddress", &address); address != "" {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			o.Refuse("ipAddress", "is %q; it must be an IPv4 or IPv6 address", address)
		}
		w.IP = ip
	}
	if flow := o.Object("authenticationFlow"); flow != nil {
		method := ""
		flow.Word("transferMethod", &method, "none", "deviceCodeFlow", "authenticationTransfer")
		if method != "none" {
			w.Transfer = access.TransferMethod(method)
		}
	}
	if device := o.Object("deviceInfo"); device != nil {
		w.Device = readDeviceInfo(device)
	}
}

func readDeviceInfo(o *odata.Object) *access.Device {
	d, id, trust := &access.Device{}, "", ""
	o.Text("deviceId", &id)
	o.Text("trustType", &trust)
	o.Text("displayName", &d.DisplayName)
	o.Text("ownership", &d.Ownership)
	o.Text("manufacturer", &d.Manufacturer)
	o.Text("model", &d.Model)
	o.Text("mdmAppId", &d.MDMAppID)
	o.Text("enrollmentProfileName", &d.EnrollmentProfileName)
	o.Text("operatingSystem", &d.OperatingSystem)
	o.Text("operatingSystemVersion", &d.OperatingSystemVersion)
	o.Text("profileType", &d.ProfileType)
	o.Texts("physicalIds", &d.PhysicalIDs)
	o.Texts("systemLabels", &d.SystemLabels)
	o.Flag("isCompliant", &d.Compliant)
	for i := range d.ExtensionAttributes {
		o.Text("extensionAttribute"+strconv.Itoa(i+1), &d.ExtensionAttributes[i])
	}
	d.ID, d.TrustType = directory.DeviceID(id), access.TrustType(trust)
	d.Managed = d.MDMAppID != ""
	return d
}

func (d *Area) answerWhatIf(c *graph.Call, a gate.WhatIfAnswer, appliedOnly bool) error {
	value := []any{}
	for i, applied := range a.Decision.Applied() {
		p := a.Set.Policy(i)
		applies := len(applied.NotMatched) == 0
		if p.State == access.Disabled || appliedOnly && !applies {
			continue
		}
		view, err := d.viewPolicy(c, *p)
		if err != nil {
			return err
		}
		item, err := members(view)
		if err != nil {
			return err
		}
		item["@odata.type"] = "#microsoft.graph.whatIfAnalysisResult"
		item["policyApplies"], item["analysisReasons"] = applies, reasons(applied.NotMatched, p, &a.Facts)
		item["postern"] = map[string]any{"result": applied.Result.String(), "unmetControls": graph.Texts(applied.Unmet)}
		value = append(value, item)
	}
	outcome := map[string]any{
		"outcome": a.Decision.Outcome.String(), "errorCode": a.Decision.Code, "missingControls": graph.Texts(a.Decision.Missing.List()),
		"sessionControls": viewControlled(a.Decision.Session), "steps": graph.Texts(a.Explanation.Steps), "policySet": string(a.Set.ID()),
	}
	return c.Value("Collection(microsoft.graph.whatIfAnalysisResult)", map[string]any{"value": value, "postern": outcome})
}

// viewControlled says what the session would be under.
func viewControlled(n access.Session) map[string]any {
	frequency := graph.Text("")
	switch {
	case n.ReauthEveryTime:
		frequency = graph.Text("everyTime")
	case n.ReauthAfter > 0:
		frequency = graph.Text(odata.FormatDuration(n.ReauthAfter))
	}
	return map[string]any{
		"signInFrequency": frequency, "secondaryAuthenticationOnly": n.SecondaryOnly, "persistentBrowser": graph.Text(string(n.Persistent)),
		"cloudAppSecurity": graph.Text(string(n.CloudApps)), "continuousAccessEvaluation": graph.Text(string(n.Continuous)),
		"applicationEnforcedRestrictions": n.AppRestrictions, "disableResilienceDefaults": n.NoResilience, "secureSignInSession": n.TokenProtection,
	}
}

// members returns a view as the object that it goes out as.
func members(view any) (map[string]any, error) {
	doc, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(doc, &out)
}

// reasonNames are Graph's words for why a policy does not apply, in their order.
var reasonNames = [...]struct {
	condition access.Condition
	name      string
}{
	{access.OfUsers, "users"}, {access.OfWorkloads, "workloadIdentities"}, {access.OfApplications, "application"},
	{access.OfPlatforms, "devicePlatform"}, {access.OfDevices, "devices"}, {access.OfClientAppTypes, "clientApps"}, {access.OfLocations, "location"},
	{access.OfSignInRisk, "signInRisk"}, {access.OfUserRisk, "userRisk"}, {access.OfWorkloadRisk, "signInRisk"}, {access.OfInsiderRisk, "insiderRisk"},
	{access.OfTransfer, "authenticationFlow"},
}

// reasons are all the conditions that are not met, and whether one of them could
// not be judged for want of what was asked about.
func reasons(missed []access.Condition, p *access.Policy, f *access.Facts) string {
	var names []string
	unknown := false
	for _, r := range reasonNames {
		if !slices.Contains(missed, r.condition) {
			continue
		}
		name := r.name
		switch {
		case r.condition == access.OfApplications && len(p.Conditions.Apps.Actions) > 0:
			name = "userActions"
		case r.condition == access.OfApplications && len(p.Conditions.Apps.Contexts) > 0:
			name = "authenticationContext"
		}
		unknown = unknown || untold(r.condition, f)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if unknown {
		names = append([]string{"notEnoughInformation"}, names...)
	}
	if len(names) == 0 {
		return "notSet"
	}
	return strings.Join(names, ",")
}

// untold reports whether nothing was said of what a condition asks.
func untold(c access.Condition, f *access.Facts) bool {
	switch c {
	case access.OfApplications:
		return len(f.Resources)+len(f.Actions)+len(f.Contexts) == 0
	case access.OfPlatforms:
		return f.Platform == ""
	case access.OfClientAppTypes:
		return f.ClientAppType == ""
	case access.OfLocations:
		return !f.IP.IsValid() && f.Country == ""
	case access.OfSignInRisk:
		return f.SignInRisk == ""
	case access.OfUserRisk:
		return f.UserRisk == ""
	case access.OfInsiderRisk:
		return f.InsiderRisk == ""
	case access.OfWorkloadRisk:
		return f.WorkloadRisk == ""
	default:
		return false
	}
}
