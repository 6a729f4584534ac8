package document

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/version"
)

// Difference is one property that is not as a document wants it.
type Difference struct {
	Property string `json:"property"`
	From     any    `json:"from"`
	To       any    `json:"to"`
	// Of a list: which of its entries go, and which come.
	Removed []any `json:"removed,omitempty"`
	Added   []any `json:"added,omitempty"`
}

// Compare lists the top-level properties of want that differ in have, each with
// its innermost differences.
func (k Kind) Compare(want, have map[string]any) (changed []string, diffs []Difference) {
	defaults := k.defaults()
	want, have = maps.Clone(want), maps.Clone(have)
	settle(k, want)
	settle(k, have)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !k.compared(name, want, have) {
			continue
		}
		w := want[name]
		if _, ok := defaults[name]; ok && blank(w) {
			w = defaults[name]
		}
		if found := differences(name, w, have[name]); len(found) > 0 {
			changed, diffs = append(changed, name), append(diffs, found...)
		}
	}
	return changed, diffs
}

// Wanted lists what a new object is made with.
func (k Kind) Wanted(body map[string]any) []Difference {
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if v := body[name]; !blank(v) && (name == "members@odata.bind" || !annotation(name) && !slices.Contains(readOnly, name) && !slices.Contains(k.drop, name)) {
			out = append(out, Difference{Property: name, To: v})
		}
	}
	return secretly(out)
}

// secretly keeps passwords out of what is shown.
func secretly(list []Difference) []Difference {
	for i, d := range list {
		if strings.HasPrefix(d.Property, "password") {
			list[i].To = "(not shown)"
		}
	}
	return list
}

func (k Kind) compared(name string, want, have map[string]any) bool {
	_, known := have[name]
	switch {
	case annotation(name), slices.Contains(readOnly, name), slices.Contains(k.skip, name), slices.Contains(k.drop, name):
		return false
	case k.only != nil && !slices.Contains(k.only, name):
		return false
	case k.Actions[name] != "":
		return true
	case name == "mobileThreatDefenseRemediationAction": // says nothing without a level
		const level = "maximumAllowedDeviceThreatLevel"
		return !off(want[level]) || want[level] == nil && !off(have[level])
	}
	return known || k.strict && !blank(want[name])
}

func off(level any) bool { return blank(level) || level == "notConfigured" }

// defaults is what null means to the service, for properties where it is not "nothing".
func (k Kind) defaults() map[string]any {
	switch k.OData {
	case Connector:
		return map[string]any{"partnerUnresponsivenessThresholdInDays": 7.0}
	case Filter:
		return map[string]any{"roleScopeTags": []any{"0"}}
	case Configuration:
		return map[string]any{"roleScopeTagIds": []any{"0"}, "targetedAppManagementLevels": "unspecified", "appGroupType": "selectedPublicApps"}
	case Role, RoleGrant:
		return map[string]any{"roleScopeTagIds": []any{"0"}}
	case Protection:
		return protectionDefaults()
	}
	return nil
}

func protectionDefaults() map[string]any {
	out := map[string]any{"roleScopeTagIds": []any{"0"}}
	for _, s := range protection.Catalogue() {
		for _, p := range s.Properties {
			switch {
			case s.Kind == protection.KindChoice:
				out[p.Name] = s.Default
			case s.Kind == protection.KindLevel && p.Holds == protection.HoldsValue:
				out[p.Name] = "notConfigured"
			case s.Kind == protection.KindLevel:
				out[p.Name] = protection.Block.String()
			}
			for _, row := range s.Rows {
				if row.Action == p.Action {
					out[p.Name] = odata.FormatDuration(row.After)
				}
			}
		}
	}
	return out
}

// differences compares one property, going down into objects.
func differences(name string, want, have any) []Difference {
	if same(name, want, have) {
		return nil
	}
	w, wok := want.(map[string]any)
	h, hok := have.(map[string]any)
	if !wok || !hok {
		last := name[strings.LastIndex(name, ".")+1:]
		wl, _ := want.([]any)
		hl, _ := have.([]any)
		return []Difference{{Property: name, From: have, To: want, Removed: without(last, hl, wl), Added: without(last, wl, hl)}}
	}
	var out []Difference
	names := slices.Collect(maps.Keys(w))
	for n := range h {
		if _, ok := w[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		if !annotation(n) {
			out = append(out, differences(name+"."+n, w[n], h[n])...)
		}
	}
	return out
}

// same reports whether two values of a property mean the same.
func same(name string, want, have any) bool {
	if blank(want) && blank(have) {
		return true
	}
	last := name[strings.LastIndex(name, ".")+1:]
	switch w := want.(type) {
	case string:
		h, ok := have.(string)
		return ok && sameText(last, w, h)
	case []any:
		h, ok := have.([]any)
		return ok && sameList(last, w, h)
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for n := range both(w, h) {
			if !annotation(n) && !same(name+"."+n, w[n], h[n]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, have)
}

// without is the entries of list that are not in other.
func without(name string, list, other []any) []any {
	var out []any
	known := signs(name, other)
	for _, v := range list {
		if !slices.Contains(known, signs(name, []any{v})[0]) {
			out = append(out, v)
		}
	}
	return out
}

func both(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// caseless properties hold words of an enumeration.
var caseless = []string{
	"state", "operator", "clientAppTypes", "includePlatforms", "excludePlatforms", "builtInControls", "includeUsers", "includeApplications",
	"userPrincipalName", "appActionIfUnableToAuthenticateUser", "mobileThreatDefenseRemediationAction", "maximumAllowedDeviceThreatLevel",
	"allowedInboundDataTransferSources", "allowedOutboundDataTransferDestinations", "allowedOutboundClipboardSharingLevel",
	"platform", "assignmentFilterManagementType", "targetedAppManagementLevels", "appGroupType",
	"excludeUsers", "excludeApplications", "includeUserActions", "includeLocations", "excludeLocations", "includeServicePrincipals",
	"signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels", "mode", "cloudAppSecurityType", "authenticationType", "frequencyInterval",
	"insiderRiskLevels", "transferMethods", "guestOrExternalUserTypes", "allowedCombinations",
}

// flags hold several words of an enumeration in one text, in any order.
var flags = []string{"insiderRiskLevels", "transferMethods", "guestOrExternalUserTypes"}

// sorted is such a text with its words in one order.
func sorted(text string) string {
	words := strings.Split(text, ",")
	for i := range words {
		words[i] = strings.ToLower(strings.TrimSpace(words[i]))
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

func sameText(name, want, have string) bool {
	if want == have || slices.Contains(caseless, name) && strings.EqualFold(want, have) {
		return true
	}
	switch {
	case slices.Contains(flags, name):
		return sorted(want) == sorted(have)
	case strings.HasPrefix(name, "period"), name == "userReacceptRequiredFrequency", name == "frequency":
		w, errW := odata.ParseDuration(want)
		h, errH := odata.ParseDuration(have)
		return errW == nil && errH == nil && w == h
	case strings.HasSuffix(name, "OsVersion"):
		w, errW := version.ParseWindows(want)
		h, errH := version.ParseWindows(have)
		return errW == nil && errH == nil && w == h
	case strings.HasSuffix(name, "Version"):
		w, errW := version.Parse(want)
		h, errH := version.Parse(have)
		return errW == nil && errH == nil && w == h
	case name == "externalUrl":
		return samePlace(want, have)
	}
	return false
}

// samePlace compares where a site is published. The port is the service's own,
// so a document may leave it out.
func samePlace(want, have string) bool {
	w, errW := url.Parse(want)
	h, errH := url.Parse(have)
	return errW == nil && errH == nil && w.Scheme == h.Scheme && strings.EqualFold(w.Hostname(), h.Hostname()) &&
		(w.Port() == "" || w.Port() == h.Port()) && strings.Trim(w.Path, "/") == strings.Trim(h.Path, "/")
}

// sameList compares lists as sets: nowhere in Graph's policies does their order
// mean anything. Objects in them are compared by what identifies them.
func sameList(name string, want, have []any) bool {
	w, h := signs(name, want), signs(name, have)
	return slices.Equal(w, h)
}

func signs(name string, list []any) []string {
	var out []string
	for _, v := range list {
		s := sign(name, v)
		if slices.Contains(caseless, name) {
			s = strings.ToLower(s)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sign(name string, v any) string {
	if s, ok := v.(string); ok {
		if name == "allowedCombinations" {
			return sorted(s)
		}
		return s
	}
	o, _ := v.(map[string]any)
	switch name {
	case "apps":
		return "app " + Text(Object(o["mobileAppIdentifier"]), "windowsAppId")
	case "assignments":
		target := Object(o["target"])
		return Text(target, "@odata.type") + " " + Text(target, "groupId") + filterOf(target)
	case "ipRanges":
		return Text(o, "cidrAddress")
	case "customSettings":
		return pair(Text(o, "name"), Text(o, "value"))
	case "settings":
		return typed(Object(o["settingInstance"]))
	case "keyCredentials":
		if key := Text(o, "key"); key != "" {
			return key
		}
		return Text(o, "keyId")
	}
	doc, _ := json.Marshal(v) // decoded from JSON
	return string(doc)
}

func filterOf(target map[string]any) string {
	if mode := Text(target, "deviceAndAppManagementAssignmentFilterType"); mode == "" || strings.EqualFold(mode, "none") {
		return ""
	}
	return " filter " + Text(target, "deviceAndAppManagementAssignmentFilterId")
}

// blank reports whether a value says nothing.
func blank(v any) bool {
	doc, err := json.Marshal(v)
	return err == nil && odata.Empty(doc)
}
