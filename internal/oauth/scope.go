package oauth

import (
	"slices"
	"strings"
)

const (
	maxScope  = 1024
	maxScopes = 32

	// DefaultScope is the name that asks for everything the client may have.
	DefaultScope = ".default"
	// GraphURI names the administration API in scopes; a bare name belongs to it.
	GraphURI = "https://graph.microsoft.com"
)

// Scope is what a client asks for: OpenID Connect's own scopes, and names at
// one resource.
type Scope struct {
	OpenID   bool
	Profile  bool
	Email    bool
	Offline  bool     // offline_access
	Resource string   // as asked, without the name; empty: none was asked
	Names    []string // at Resource, without duplicates; may be DefaultScope alone
}

// ParseScope reads the scope parameter (RFC 6749 section 3.3). A name at a
// resource is written "<resource>/<name>"; one without a resource belongs to
// GraphURI. Names of several resources are refused with invalid_scope, as one
// access token has one audience.
func ParseScope(text string) (Scope, error) {
	var s Scope
	if len(text) > maxScope {
		return s, Errorf(InvalidScope, NumberInvalidScope, "scope has %d bytes; at most %d are allowed", len(text), maxScope)
	}
	tokens := strings.Fields(text)
	if len(tokens) > maxScopes {
		return s, Errorf(InvalidScope, NumberInvalidScope, "scope has %d names; at most %d are allowed", len(tokens), maxScopes)
	}
	for _, token := range tokens {
		if err := s.add(token); err != nil {
			return Scope{}, err
		}
	}
	if len(s.Names) > 1 && slices.Contains(s.Names, DefaultScope) {
		return Scope{}, Errorf(InvalidScope, NumberInvalidScope, "scope mixes %s/%s with single names; ask for one or the other", s.Resource, DefaultScope)
	}
	return s, nil
}

func (s *Scope) add(token string) error {
	if i := strings.IndexFunc(token, notScopeChar); i >= 0 {
		return Errorf(InvalidScope, NumberInvalidScope, "scope %q has a character that scopes cannot have (RFC 6749 section 3.3)", token)
	}
	switch token {
	case "openid":
		s.OpenID = true
		return nil
	case "profile":
		s.Profile = true
		return nil
	case "email":
		s.Email = true
		return nil
	case "offline_access":
		s.Offline = true
		return nil
	}
	resource, name := GraphURI, token
	if i := strings.LastIndexByte(token, '/'); i >= 0 {
		resource, name = token[:i], token[i+1:]
	}
	if resource == "" || name == "" {
		return Errorf(InvalidScope, NumberInvalidScope, "scope %q is not valid; write <resource>/<name> or <resource>/%s", token, DefaultScope)
	}
	if s.Resource != "" && s.Resource != resource {
		return Errorf(InvalidScope, NumberManyResources, "scope names more than one resource (%s and %s); ask for one resource at a time", s.Resource, resource)
	}
	s.Resource = resource
	if !slices.Contains(s.Names, name) {
		s.Names = append(s.Names, name)
	}
	return nil
}

// notScopeChar is the complement of RFC 6749's NQCHAR.
func notScopeChar(r rune) bool {
	return r <= ' ' || r == '"' || r == '\\' || r > '~'
}

// String renders s so that ParseScope reads the same again.
func (s Scope) String() string {
	var out []string
	for _, n := range s.Names {
		out = append(out, s.Resource+"/"+n)
	}
	for _, o := range []struct {
		asked bool
		name  string
	}{{s.OpenID, "openid"}, {s.Profile, "profile"}, {s.Email, "email"}, {s.Offline, "offline_access"}} {
		if o.asked {
			out = append(out, o.name)
		}
	}
	return strings.Join(out, " ")
}

// Empty reports whether s asks for nothing at all.
func (s Scope) Empty() bool { return s.String() == "" }

// Within reports whether s asks for nothing beyond granted (RFC 6749 section 6).
// OpenID Connect's own scopes are not compared: clients repeat them at will and
// they widen nothing.
func (s Scope) Within(granted Scope) bool {
	if len(s.Names) == 0 {
		return true
	}
	if strings.TrimSuffix(s.Resource, "/") != strings.TrimSuffix(granted.Resource, "/") {
		return false
	}
	for _, n := range s.Names {
		if !slices.Contains(granted.Names, n) && !slices.Contains(granted.Names, DefaultScope) {
			return false
		}
	}
	return true
}
