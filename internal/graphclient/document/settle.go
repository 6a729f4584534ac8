package document

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/configuration"
)

// zeroGUID stands for no filter, as the portal writes it.
const zeroGUID = "00000000-0000-0000-0000-000000000000"

// elsewhere refuses what is for other platforms, by the name of the platform.
func elsewhere(odata string, o map[string]any) error {
	kinds := map[string]string{
		"iosManagedAppProtection": "iOS", "androidManagedAppProtection": "Android", "targetedManagedAppProtection": "iOS and Android",
		"defaultManagedAppProtection": "iOS and Android", "iosMobileAppConfiguration": "iOS", "androidManagedStoreAppConfiguration": "Android",
		"androidForWorkMobileAppConfiguration": "Android",
	}
	name := Text(o, "displayName")
	if platform := kinds[odata]; platform != "" {
		return fmt.Errorf("%s %q is a policy for %s; only Windows (windowsManagedAppProtection) is supported", odata, name, platform)
	}
	platform := strings.ToLower(Text(o, "platform"))
	for _, p := range []struct{ prefix, name string }{{"ios", "iOS"}, {"android", "Android"}, {"macos", "macOS"}, {"linux", "Linux"}} {
		if _, filter := o["rule"]; filter && strings.HasPrefix(platform, p.prefix) {
			return fmt.Errorf("assignment filter %q is for %s; only Windows (windows10AndLater, windowsMobileApplicationManagement) is supported", name, p.name)
		}
	}
	apps, _ := o["apps"].([]any)
	for i, a := range apps {
		identifier := strings.TrimPrefix(Text(Object(Dig(a, "mobileAppIdentifier")), "@odata.type"), namespace)
		others := map[string]string{"iosMobileAppIdentifier": "iOS", "androidMobileAppIdentifier": "Android", "macAppIdentifier": "macOS"}
		if p := others[identifier]; p != "" {
			return fmt.Errorf("%q: apps[%d] is an app for %s; only Windows (windowsAppIdentifier) is supported", name, i, p)
		}
	}
	return nil
}

// settle brings the several spellings that Graph has for one thing into one.
func settle(k Kind, o map[string]any) {
	switch k.OData {
	case Role:
		if _, ok := o["rolePermissions"]; !ok && o["permissions"] != nil {
			o["rolePermissions"] = o["permissions"] // its older name
		}
		o["rolePermissions"] = []any{map[string]any{"resourceActions": []any{map[string]any{
			"allowedResourceActions": texts(actions(o, "allowedResourceActions")), "notAllowedResourceActions": texts(actions(o, "notAllowedResourceActions")),
		}}}}
	case RoleGrant:
		if _, ok := o["resourceScopes"]; !ok && o["scopeMembers"] != nil {
			o["resourceScopes"] = o["scopeMembers"]
		}
		role := cmp.Or(Text(Object(o["roleDefinition"]), "id"), lastSegment(Text(o, "roleDefinition@odata.bind")))
		delete(o, "roleDefinition@odata.bind")
		delete(o, "roleDefinition")
		if role != "" {
			o["roleDefinition"] = map[string]any{"id": role}
		}
	case Access:
		settleAccess(o)
	case Agreement:
		settleFiles(o)
	}
}

// settleAccess leaves of an authentication strength what names it, and says what
// Graph takes for granted. The parts of o are not changed but replaced.
func settleAccess(o map[string]any) {
	if on, ok := o["conditions"].(map[string]any); ok && blank(on["clientAppTypes"]) {
		on = maps.Clone(on)
		on["clientAppTypes"] = []any{"all"}
		o["conditions"] = on
	}
	if g, ok := o["grantControls"].(map[string]any); ok {
		const name = "authenticationStrength"
		g = maps.Clone(g)
		id := cmp.Or(Text(Object(g[name]), "id"), lastSegment(Text(g, name+"@odata.bind")))
		delete(g, name+"@odata.bind")
		delete(g, name+"@odata.context")
		g[name] = nil
		if id != "" {
			g[name] = map[string]any{"id": id}
		}
		o["grantControls"] = g
	}
	n := Object(o["sessionControls"])
	if f := Object(n["signInFrequency"]); !blank(f) {
		n, f = maps.Clone(n), maps.Clone(f)
		f["authenticationType"] = cmp.Or(Text(f, "authenticationType"), "primaryAndSecondaryAuthentication")
		f["frequencyInterval"] = cmp.Or(Text(f, "frequencyInterval"), "timeBased")
		n["signInFrequency"] = f
		o["sessionControls"] = n
	}
}

// settleFiles leaves of the files of terms of use what they say, and in which
// language: the rest is the service's own.
func settleFiles(o map[string]any) {
	files, ok := o["files"].([]any)
	if localized, here := Dig(o, "file", "localizations").([]any); here && !ok {
		files, ok = localized, true
	}
	delete(o, "file")
	if !ok {
		return
	}
	out := make([]any, len(files))
	for i, v := range files {
		f, plain := Object(v), map[string]any{}
		for _, name := range []string{"fileName", "language", "isDefault"} {
			if f[name] != nil {
				plain[name] = f[name]
			}
		}
		if data := Text(Object(f["fileData"]), "data"); data != "" {
			plain["fileData"] = map[string]any{"data": data}
		}
		out[i] = plain
	}
	o["files"] = out
}

// actions lists what a role allows, or forbids, sorted.
func actions(o map[string]any, name string) []string {
	var out []string
	permissions, _ := o["rolePermissions"].([]any)
	for _, p := range permissions {
		resources, _ := Dig(p, "resourceActions").([]any)
		for _, r := range resources {
			list, _ := Dig(r, name).([]any)
			for _, a := range list {
				if s, ok := a.(string); ok {
					out = append(out, s)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func texts(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// lastSegment is the identifier at the end of a URL: .../groups/x, .../groups('x').
func lastSegment(url string) string {
	url = strings.TrimRight(url, "/")
	url = url[strings.LastIndex(url, "/")+1:]
	if _, key, ok := strings.Cut(url, "('"); ok {
		return strings.TrimSuffix(key, "')")
	}
	return url
}

// pair is a free setting of an app in one form: a key of Edge means the same in
// every letter case, and its value in every JSON form.
func pair(name, value string) string {
	if k, ok := configuration.Lookup(name); ok {
		name = k.Name
		if canonical, err := k.Parse(value); err == nil {
			value = canonical
		}
	}
	return name + " = " + value
}

// typed is a setting of Graph's settings catalogue in the form of pair.
func typed(instance map[string]any) string {
	id := Text(instance, "settingDefinitionId")
	k, ok := configuration.LookupDefinition(id)
	if !ok {
		doc, _ := json.Marshal(instance) // decoded from JSON
		return string(doc)
	}
	return pair(k.Name, TypedValue(k, instance))
}

// TypedValue is the value of a setting instance as the JSON text of a key.
func TypedValue(k configuration.Key, instance map[string]any) string {
	for name, v := range instance {
		if list, ok := v.([]any); ok && strings.HasSuffix(name, "CollectionValue") {
			entries := []any{}
			for _, e := range list {
				entries = append(entries, plain(k, Dig(e, "value")))
			}
			doc, _ := json.Marshal(entries) // decoded from JSON
			return string(doc)
		}
	}
	for _, name := range []string{"choiceSettingValue", "simpleSettingValue"} {
		switch v := plain(k, Dig(instance, name, "value")).(type) {
		case string:
			if k.Kind == configuration.String {
				doc, _ := json.Marshal(v) // a text always encodes
				return string(doc)
			}
			if k.Kind == configuration.Bool && (v == "0" || v == "1") {
				return strconv.FormatBool(v == "1")
			}
			return v
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

// plain is a value without the identifier that choices begin with.
func plain(k configuration.Key, v any) any {
	if s, ok := v.(string); ok && len(s) > len(k.DefinitionID) && strings.EqualFold(s[:len(k.DefinitionID)+1], k.DefinitionID+"_") {
		return s[len(k.DefinitionID)+1:]
	}
	return v
}
