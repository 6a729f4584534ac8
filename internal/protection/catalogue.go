package protection

import (
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/fault"
)

// Names of the data protection settings. A health check is named by its Subject.
const (
	ReceiveDataFrom = "receiveDataFrom"
	SendOrgDataTo   = "sendOrgDataTo"
	CutCopyPaste    = "cutCopyPaste"
	PrintOrgData    = "printOrgData"
)

// Kind says what a setting's value is.
type Kind string

// The kinds of settings.
const (
	KindChoice   Kind = "choice"   // one of Values, spelled as Graph spells it
	KindSwitch   Kind = "switch"   // one of two Values; the Graph property is true for the second
	KindDuration Kind = "duration" // whole seconds
	KindVersion  Kind = "version"  // a dotted version
	KindLevel    Kind = "level"    // one of Values, a threat level
	KindNone     Kind = "none"     // a check without a limit
)

// Order says which of two values restricts more.
type Order string

// The orders.
const (
	ListedLater Order = "listedLater" // Values go from the least to the most restrictive
	Higher      Order = "higher"      // the higher limit restricts more
	Lower       Order = "lower"       // the lower limit restricts more
	NoOrder     Order = "none"        // there is no limit to compare
)

// Evaluator says who decides whether a setting is obeyed.
type Evaluator string

// The evaluators.
const (
	ByClient  Evaluator = "client"
	ByService Evaluator = "service"
	ByBoth    Evaluator = "both" // the client at once, the service again from what was reported
)

// Holds says what a Graph property carries.
type Holds string

// What a property may hold.
const (
	HoldsValue  Holds = "value"  // the setting's value, or the limit of a check
	HoldsAction Holds = "action" // the name of the check's action
)

// Property is one property of the Graph resource windowsManagedAppProtection.
type Property struct {
	Name   string
	Holds  Holds
	Action Action // the action whose limit it holds; Allow when it is not tied to one
}

// Setting is one entry of the catalogue.
type Setting struct {
	Name        string
	Properties  []Property
	Kind        Kind
	Values      []string // for KindChoice, KindSwitch and KindLevel
	Default     string   // of a data protection setting
	Rows        []Check  // of a health check: what applies when the policy has no row with that action
	Actions     []Action // of a health check: which it may lead to; empty for data protection
	Single      bool     // a policy may have one row only, whatever its action
	Order       Order
	Evaluator   Evaluator
	Description string
}

func transfer() []string { return []string{string(AllApps), string(NoApps)} }

func property(name string, a Action) Property { return Property{name, HoldsValue, a} }

// catalogue never changes. Data protection comes first.
var catalogue = [...]Setting{
	{
		Name: ReceiveDataFrom, Properties: []Property{property("allowedInboundDataTransferSources", Allow)},
		Kind: KindChoice, Values: transfer(), Default: string(AllApps), Order: ListedLater, Evaluator: ByClient,
		Description: "Where data may come from into the organisation context. None stops uploading: drag and drop, the file-open dialog, and local files in the work profile.",
	},
	{
		Name: SendOrgDataTo, Properties: []Property{property("allowedOutboundDataTransferDestinations", Allow)},
		Kind: KindChoice, Values: transfer(), Default: string(AllApps), Order: ListedLater, Evaluator: ByClient,
		Description: "Where organisation data may go. None stops downloading, sharing and collecting.",
	},
	{
		Name: CutCopyPaste, Properties: []Property{property("allowedOutboundClipboardSharingLevel", Allow)}, Kind: KindChoice,
		Values:  []string{string(AnyDestinationAnySource), string(OrgDestinationAnySource), string(OrgDestinationOrgSource), string(NoClipboard)},
		Default: string(AnyDestinationAnySource), Order: ListedLater, Evaluator: ByClient,
		Description: "What the clipboard carries in and out of the organisation context.",
	},
	{
		Name: PrintOrgData, Properties: []Property{property("printBlocked", Allow)},
		Kind: KindSwitch, Values: []string{"allow", "block"}, Default: "allow", Order: ListedLater, Evaluator: ByClient,
		Description: "Whether organisation data may be printed, on paper or into a file.",
	},
	{
		Name:       string(OfflineGrace),
		Properties: []Property{property("periodOfflineBeforeAccessCheck", Block), property("periodOfflineBeforeWipeIsEnforced", Wipe)},
		Kind:       KindDuration, Actions: []Action{Block, Wipe}, Order: Lower, Evaluator: ByBoth,
		Rows: []Check{
			{Subject: OfflineGrace, Action: Block, After: 720 * time.Minute},
			{Subject: OfflineGrace, Action: Wipe, After: 90 * 24 * time.Hour},
		},
		Description: "How long the app may go without a check-in. A block after 0 comes at once, a wipe after 0 never.",
	},
	{
		Name:       string(MinAppVersion),
		Properties: []Property{property("minimumWarningAppVersion", Warn), property("minimumRequiredAppVersion", Block), property("minimumWipeAppVersion", Wipe)},
		Kind:       KindVersion, Actions: []Action{Warn, Block, Wipe}, Order: Higher, Evaluator: ByBoth,
		Description: "The oldest version of the app. Apps number differently: use one policy for each app.",
	},
	{
		Name:       string(MinSDKVersion),
		Properties: []Property{property("minimumRequiredSdkVersion", Block), property("minimumWipeSdkVersion", Wipe)},
		Kind:       KindVersion, Actions: []Action{Block, Wipe}, Order: Higher, Evaluator: ByBoth,
		Description: "The oldest version of the protection kit inside the app.",
	},
	{
		Name: string(DisabledAccount), Properties: []Property{{"appActionIfUnableToAuthenticateUser", HoldsAction, Allow}},
		Kind: KindNone, Actions: []Action{Block, Wipe}, Single: true, Order: NoOrder, Evaluator: ByService,
		Description: "What follows when the account is confirmed to be disabled or deleted.",
	},
	{
		Name:       string(MinOSVersion),
		Properties: []Property{property("minimumWarningOsVersion", Warn), property("minimumRequiredOsVersion", Block), property("minimumWipeOsVersion", Wipe)},
		Kind:       KindVersion, Actions: []Action{Warn, Block, Wipe}, Order: Higher, Evaluator: ByBoth,
		Description: "The oldest version of Windows, such as 10.0.22631.3155; winver's 22631.3155 means the same.",
	},
	{
		Name:       string(MaxOSVersion),
		Properties: []Property{property("maximumWarningOsVersion", Warn), property("maximumRequiredOsVersion", Block), property("maximumWipeOsVersion", Wipe)},
		Kind:       KindVersion, Actions: []Action{Warn, Block, Wipe}, Order: Lower, Evaluator: ByBoth,
		Description: "The newest version of Windows.",
	},
	{
		Name:       string(MaxThreatLevel),
		Properties: []Property{property("maximumAllowedDeviceThreatLevel", Allow), {"mobileThreatDefenseRemediationAction", HoldsAction, Allow}},
		Kind:       KindLevel, Values: []string{"secured", "low", "medium", "high"}, Actions: []Action{Block, Wipe}, Single: true,
		Order: Lower, Evaluator: ByService,
		Description: "The highest threat level. High lets every known level pass and still wants a report.",
	},
}

// Catalogue lists every setting: data protection, then health checks. The list
// is the caller's own.
func Catalogue() []Setting {
	list := make([]Setting, len(catalogue))
	for i := range catalogue {
		list[i] = catalogue[i].clone()
	}
	return list
}

func (s *Setting) clone() Setting {
	c := *s
	c.Properties, c.Values = slices.Clone(c.Properties), slices.Clone(c.Values)
	c.Rows, c.Actions = slices.Clone(c.Rows), slices.Clone(c.Actions)
	return c
}

// Lookup finds a setting by name; false when the catalogue has none.
func Lookup(name string) (Setting, bool) {
	if s := find(name); s != nil {
		return s.clone(), true
	}
	return Setting{}, false
}

func find(name string) *Setting {
	for i := range catalogue {
		if catalogue[i].Name == name {
			return &catalogue[i]
		}
	}
	return nil
}

// HealthCheck reports whether s is a health check; otherwise it is a data
// protection setting.
func (s Setting) HealthCheck() bool { return len(s.Actions) > 0 }

// Value returns what settings say about the data protection setting s: one of
// s.Values, the default when nothing is configured. A value outside the
// catalogue counts as the most restrictive one. It is "" for a health check.
func (s Setting) Value(settings Settings) string {
	var value string
	switch s.Name {
	case ReceiveDataFrom:
		value = string(settings.ReceiveFrom)
	case SendOrgDataTo:
		value = string(settings.SendTo)
	case CutCopyPaste:
		value = string(settings.Clipboard)
	case PrintOrgData:
		value = s.Values[0]
		if settings.PrintBlocked {
			value = s.Values[1]
		}
	default:
		return ""
	}
	switch {
	case value == "":
		return s.Default
	case !slices.Contains(s.Values, value):
		return s.Values[len(s.Values)-1]
	}
	return value
}

// Set is the inverse of Value: it configures the data protection setting s. The
// value must be one of s.Values.
func (s Setting) Set(settings *Settings, value string) error {
	if s.HealthCheck() || !slices.Contains(s.Values, value) {
		return fault.New(fault.Invalid, "%s is %q; valid are %s", s.Name, clip(value), strings.Join(s.Values, ", "))
	}
	switch s.Name {
	case ReceiveDataFrom:
		settings.ReceiveFrom = Transfer(value)
	case SendOrgDataTo:
		settings.SendTo = Transfer(value)
	case CutCopyPaste:
		settings.Clipboard = Clipboard(value)
	case PrintOrgData:
		settings.PrintBlocked = value == s.Values[1]
	}
	return nil
}

// clip keeps an error readable when someone sends a megabyte as a name.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
