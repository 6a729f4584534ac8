package devicefilter

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is what the values of a property are.
type Kind string

// The kinds.
const (
	Text       Kind = "string"
	Version    Kind = "version"    // one to four numbers; a bare Windows build counts as 10.0.<build>
	Boolean    Kind = "boolean"    // True or False
	Collection Kind = "collection" // of text; every operator compares whole elements
)

// Operator compares a property with a value, spelled without the hyphen.
type Operator string

// The operators.
const (
	Equals           Operator = "eq"
	NotEquals        Operator = "ne"
	In               Operator = "in"
	NotIn            Operator = "notIn"
	StartsWith       Operator = "startsWith"
	NotStartsWith    Operator = "notStartsWith"
	EndsWith         Operator = "endsWith"
	NotEndsWith      Operator = "notEndsWith"
	Contains         Operator = "contains"
	NotContains      Operator = "notContains"
	GreaterThan      Operator = "gt"
	GreaterOrEqual   Operator = "ge"
	LessThan         Operator = "lt"
	LessThanOrEquals Operator = "le"
)

// positive returns the operator that o negates, or o itself.
func (o Operator) positive() (p Operator, negated bool) {
	switch o {
	case NotEquals:
		return Equals, true
	case NotIn:
		return In, true
	case NotStartsWith:
		return StartsWith, true
	case NotEndsWith:
		return EndsWith, true
	case NotContains:
		return Contains, true
	default:
		return o, false
	}
}

// orders reports whether o needs values that have an order: versions.
func (o Operator) orders() bool { return slices.Contains(orderOperators(), o) }

// Property is something a rule can ask for.
type Property struct {
	Name      string // with its entity: app.appVersion
	Kind      Kind
	Operators []Operator
	Values    []string // the only valid values, or nil for any
	Retiring  bool     // Microsoft is about to remove it from new filters

	read func(text string) ([4]uint32, error) // reads a version of it; nil: has none
}

// Versions reads versions of apps and of Windows, most significant number first.
// The caller brings them: this language compares, and knows no spelling.
type Versions struct {
	App, Windows func(text string) ([4]uint32, error)
}

// Vocabulary is the set of properties that one kind of rule knows.
type Vocabulary struct {
	properties []Property
	elsewhere  map[string]string // property, in lower case, to the platforms that have it
	prefix     string            // of names that somebody else chose; empty: there are none
	chosen     Property          // what such a name stands for
}

// Properties returns everything a rule of this kind can ask for. The slice is the
// caller's; what it refers to is not to be changed.
func (v Vocabulary) Properties() []Property { return slices.Clone(v.properties) }

// The properties of managed apps, as facts are asked for.
const (
	AppVersion                = "app.appVersion"
	AppDeviceManufacturer     = "app.deviceManufacturer"
	AppDeviceModel            = "app.deviceModel"
	AppOperatingSystemVersion = "app.operatingSystemVersion"
	AppOSVersion              = "app.osVersion"
)

func identityOperators() []Operator { return []Operator{Equals, NotEquals} }

func choiceOperators() []Operator { return append(identityOperators(), In, NotIn) }

func textOperators() []Operator { return append(choiceOperators(), StartsWith, Contains, NotContains) }

func orderOperators() []Operator {
	return []Operator{GreaterThan, GreaterOrEqual, LessThan, LessThanOrEquals}
}

// ManagedApps is the vocabulary of filters for managed apps on Windows (platform
// windowsMobileApplicationManagement). Intune compares the versions of app.appVersion
// and app.osVersion as text alone; here they can be ordered, too. See "App and
// device properties, operators, and rule editing" in the Intune documentation.
func ManagedApps(v Versions) Vocabulary {
	return Vocabulary{
		properties: []Property{
			{Name: AppVersion, Kind: Text, Operators: append(textOperators(), orderOperators()...), read: v.App},
			{Name: AppDeviceManufacturer, Kind: Text, Operators: textOperators()},
			{Name: AppDeviceModel, Kind: Text, Operators: textOperators()},
			{Name: AppOperatingSystemVersion, Kind: Version, Operators: append(identityOperators(), orderOperators()...), read: v.Windows},
			{Name: AppOSVersion, Kind: Text, Operators: append(textOperators(), orderOperators()...), Retiring: true, read: v.Windows},
		},
		elsewhere: map[string]string{"app.devicemanagementtype": "Android and iOS/iPadOS"},
	}
}

// WindowsDevices is the vocabulary of filters for managed Windows devices
// (platform windows10AndLater), from the same documentation.
func WindowsDevices(v Versions) Vocabulary {
	return Vocabulary{
		properties: []Property{
			{Name: "device.cpuArchitecture", Kind: Text, Operators: choiceOperators(), Values: []string{"amd64", "x86", "arm64", "unknown"}},
			{Name: "device.deviceCategory", Kind: Text, Operators: textOperators()},
			{Name: "device.deviceName", Kind: Text, Operators: textOperators()},
			{Name: "device.deviceOwnership", Kind: Text, Operators: identityOperators(), Values: []string{"Personal", "Corporate", "Unknown"}},
			{
				Name: "device.deviceTrustType", Kind: Text, Operators: choiceOperators(),
				Values: []string{"Azure AD joined", "Azure AD registered", "Hybrid Azure AD joined", "Unknown"},
			},
			{Name: "device.enrollmentProfileName", Kind: Text, Operators: textOperators()},
			{Name: "device.manufacturer", Kind: Text, Operators: textOperators()},
			{Name: "device.model", Kind: Text, Operators: textOperators()},
			{Name: "device.operatingSystemSKU", Kind: Text, Operators: textOperators()},
			{Name: "device.operatingSystemVersion", Kind: Version, Operators: append(identityOperators(), orderOperators()...), read: v.Windows},
			{Name: "device.osVersion", Kind: Text, Operators: textOperators(), Retiring: true},
		},
		elsewhere: map[string]string{
			"device.isrooted":             "Android and iOS/iPadOS",
			"device.devicemanagementtype": "Android",
		},
	}
}

// ConditionalAccess is the vocabulary of device filters of Conditional Access. A
// version is text there, and cannot be ordered. See "Filter for devices as a
// condition in Conditional Access policy" in the Entra documentation, and, for
// -eq on a collection, the samples of its page on token protection.
func ConditionalAccess() Vocabulary {
	every := append(textOperators(), NotStartsWith, EndsWith, NotEndsWith)
	elements := []Operator{Contains, NotContains, Equals, NotEquals}
	v := Vocabulary{properties: []Property{
		{Name: "device.deviceId", Kind: Text, Operators: choiceOperators()},
		{Name: "device.deviceOwnership", Kind: Text, Operators: identityOperators(), Values: []string{"Personal", "Company"}},
		{Name: "device.displayName", Kind: Text, Operators: every},
		{Name: "device.enrollmentProfileName", Kind: Text, Operators: every},
		{Name: "device.isCompliant", Kind: Boolean, Operators: identityOperators()},
		{Name: "device.manufacturer", Kind: Text, Operators: every},
		{Name: "device.mdmAppId", Kind: Text, Operators: choiceOperators()},
		{Name: "device.model", Kind: Text, Operators: every},
		{Name: "device.operatingSystem", Kind: Text, Operators: every},
		{Name: "device.operatingSystemVersion", Kind: Text, Operators: every},
		{Name: "device.physicalIds", Kind: Collection, Operators: elements},
		{Name: "device.profileType", Kind: Text, Operators: identityOperators(), Values: []string{"RegisteredDevice", "SecureVM", "Printer", "Shared", "IoT"}},
		{Name: "device.systemLabels", Kind: Collection, Operators: elements},
		{Name: "device.trustType", Kind: Text, Operators: identityOperators(), Values: []string{"AzureAD", "ServerAD", "Workplace"}},
	}}
	for i := 1; i <= 15; i++ {
		v.properties = append(v.properties, Property{Name: "device.extensionAttribute" + strconv.Itoa(i), Kind: Text, Operators: every})
	}
	return v
}

// AppAttributes is the vocabulary of app filters of Conditional Access: custom
// security attributes of text, with the name of their set and their own. See
// "Conditional Access: Filter for applications" in the Entra documentation.
func AppAttributes() Vocabulary {
	return Vocabulary{
		prefix: "CustomSecurityAttribute.",
		chosen: Property{Kind: Text, Operators: append(textOperators(), NotStartsWith, EndsWith, NotEndsWith)},
	}
}

// find returns the property with a name in any case. A name that somebody else
// chose keeps its spelling.
func (v Vocabulary) find(name string) (Property, bool) {
	if rest, ok := cutPrefixFold(name, v.prefix); ok && v.prefix != "" && rest != "" {
		p := v.chosen
		p.Name = v.prefix + rest
		return p, true
	}
	i := slices.IndexFunc(v.properties, func(p Property) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return Property{}, false
	}
	return v.properties[i], true
}

// advise says what to write instead of a property that the vocabulary lacks.
func (v Vocabulary) advise(name string) string {
	name = strings.ToLower(name)
	if platforms, ok := v.elsewhere[name]; ok {
		return "a property for " + platforms + ", not for Windows; valid are " + v.names()
	}
	nearest, least := "", 4 // further away than three letters is no typo
	for _, p := range v.properties {
		if len(name)-len(p.Name) >= least {
			continue // nobody types that by mistake, and measuring it takes time
		}
		if d := distance(name, strings.ToLower(p.Name)); d < least {
			nearest, least = p.Name, d
		}
	}
	if nearest != "" {
		return "not a property; did you mean " + nearest + "?"
	}
	return "not a property; valid are " + v.names()
}

func (v Vocabulary) names() string {
	names := make([]string, len(v.properties))
	for i, p := range v.properties {
		names[i] = p.Name
	}
	if v.prefix != "" {
		names = append(names, v.prefix+"<set>_<name>")
	}
	return strings.Join(names, ", ")
}

// distance counts the bytes to insert, delete or replace to make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
