package configuration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// judge says what is wrong with a value of k's kind, or "".
func (k Key) judge(value any) string {
	switch v := value.(type) {
	case int:
		if len(k.Values) == 0 && (v < k.Min || v > k.Max) {
			return "which is out of range"
		}
		return k.unlisted(strconv.Itoa(v))
	case string:
		if wrong := k.unlisted(v); wrong != "" {
			return wrong
		}
		return k.form.text(v)
	case []any:
		if k.form == favorites {
			return badFavorites(v, "")
		}
		return k.list(v)
	case map[string]any:
		if k.form == proxy {
			return badProxy(v)
		}
		return badExtensions(v)
	}
	return ""
}

func (k Key) unlisted(value string) string {
	if len(k.Values) == 0 || slices.ContainsFunc(k.Values, func(o Option) bool { return o.Value == value }) {
		return ""
	}
	return "which is not one of its values"
}

func (k Key) list(entries []any) string {
	if len(entries) > maxItems {
		return fmt.Sprintf("which has %d entries", len(entries))
	}
	for i, entry := range entries {
		s, _ := entry.(string) // Key.read saw to it
		wrong := k.unlisted(s)
		if wrong == "" {
			wrong = k.form.text(s)
		}
		if wrong != "" {
			return fmt.Sprintf("with %q as entry %d, %s", clip(s), i+1, wrong)
		}
	}
	return ""
}

// text says what is wrong with a text of form f, or "". Where a token stands, any
// text may come to stand.
func (f form) text(s string) string {
	plain := each(s, func(func(Person) string) string { return "token" })
	switch f {
	case aURL, aSearch:
		if !absolute(plain) {
			return "which is no absolute URL"
		}
		if f == aSearch && !strings.Contains(s, "{searchTerms}") {
			return "which lacks {searchTerms}"
		}
	case aPortRange:
		low, high, _ := strings.Cut(s, "-")
		from, to := port(low), port(high)
		if from == 0 || to < from {
			return "which is no range of ports"
		}
	case certificate:
		return badCertificate(s)
	case anything, favorites, proxy, extensions:
		if strings.TrimSpace(s) == "" {
			return "which is empty"
		}
	}
	return ""
}

// absolute reports whether s is a URL that a browser opens by itself.
func absolute(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https", "edge":
		return u.Host != ""
	case "about":
		return u.Opaque == "blank"
	}
	return false
}

// port returns the number of a port, 0 when s is none.
func port(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

func badCertificate(s string) string {
	value, broken := decode(s)
	if broken != "" {
		return broken
	}
	object, _ := value.(map[string]any)
	_, pattern := object["pattern"].(string)
	_, filter := object["filter"].(map[string]any)
	if !pattern || !filter || len(object) != 2 {
		return "which is no object with pattern and filter"
	}
	return ""
}

// badFavorites checks a list of favorites: each has a name and a url, or a name
// and children; the topmost list may name the folder that holds them all.
func badFavorites(list []any, above string) string {
	named := false
	for i, entry := range list {
		at := above + strconv.Itoa(i+1)
		f, _ := entry.(map[string]any)
		name, _ := f["name"].(string)
		link, _ := f["url"].(string)
		children, folder := f["children"].([]any)
		top, _ := f["toplevel_name"].(string)
		switch {
		case top != "" && len(f) == 1 && above == "" && !named:
			named = true
		case name != "" && link != "" && len(f) == 2:
		case name != "" && folder && len(f) == 2:
			if wrong := badFavorites(children, at+"."); wrong != "" {
				return wrong
			}
		default:
			return "whose favorite " + at + " has not exactly name and url, or name and children"
		}
	}
	return ""
}

// badProxy checks the fields of ProxySettings and that those are there which its
// mode cannot do without.
func badProxy(fields map[string]any) string {
	for _, name := range sorted(fields) {
		_, text := fields[name].(string)
		_, truth := fields[name].(bool)
		switch name {
		case "ProxyMode", "ProxyPacUrl", "ProxyServer", "ProxyBypassList":
			if !text {
				return "whose " + name + " is no text"
			}
		case "ProxyPacMandatory":
			if !truth {
				return "whose " + name + " is neither true nor false"
			}
		default:
			return fmt.Sprintf("which has the field %q; valid fields are ProxyMode, ProxyPacUrl, ProxyPacMandatory, ProxyServer, ProxyBypassList", clip(name))
		}
	}
	needs := ""
	switch fields["ProxyMode"] {
	case "direct", "system", "auto_detect":
	case "pac_script":
		needs = "ProxyPacUrl"
	case "fixed_servers":
		needs = "ProxyServer"
	default:
		return "whose ProxyMode is unknown; valid modes are direct, system, auto_detect, pac_script, fixed_servers"
	}
	if s, _ := fields[needs].(string); needs != "" && strings.TrimSpace(s) == "" {
		return "whose mode needs " + needs
	}
	return ""
}

// badExtensions checks ExtensionSettings: objects by extension, each with an
// installation mode that exists.
func badExtensions(byID map[string]any) string {
	modes := []string{"allowed", "blocked", "force_installed", "normal_installed", "removed"}
	for _, id := range sorted(byID) {
		settings, ok := byID[id].(map[string]any)
		if !ok {
			return fmt.Sprintf("whose extension %q has no object", clip(id))
		}
		mode, there := settings["installation_mode"]
		if s, _ := mode.(string); there && !slices.Contains(modes, s) {
			text, _ := json.Marshal(mode)
			return fmt.Sprintf("whose extension %q has the installation_mode %s; valid modes are %s", clip(id), clip(string(text)), strings.Join(modes, ", "))
		}
	}
	return ""
}

func sorted(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
