package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
)

// ourCookies is how every cookie of ours begins.
const ourCookies = "__Host-postern"

// identity lists headers by which upstreams commonly let a proxy say who a
// person is. A client that sends one is making it up.
var identity = [...]string{
	"dpop", "forwarded", "remote-user", "remote-email", "remote-groups", "remote-name", "x-remote-user", "x-remote-group",
	"x-real-ip", "x-client-ip", "true-client-ip", "x-user", "x-authenticated-user", "x-webauth-user", "x-ms-client-principal",
}

// prefixes of such headers.
var identityPrefixes = [...]string{"x-forwarded", "x-postern", "x-auth-request", "x-remote", "x-ms-client-principal", "x-authentik", "x-goog-authenticated"}

// claimsIdentity reports whether a header could be taken for a proxy's word. An
// underscore counts as a hyphen, for upstreams that read headers as CGI
// variables cannot tell them apart.
func claimsIdentity(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if slices.Contains(identity[:], name) {
		return true
	}
	for _, p := range identityPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// dress replaces in out, the request for the upstream, what a client may not say
// by what we know. in is what the client sent.
func (h *Handler) dress(out, in *http.Request, a tunnel.Admission, v tunnel.Visit) {
	for name := range out.Header {
		if claimsIdentity(name) {
			delete(out.Header, name)
		}
	}
	if !strings.EqualFold(out.Header.Get("Upgrade"), "websocket") {
		// Any other protocol, such as HTTP/2 in clear text, would let the client
		// speak to the upstream past us.
		for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
			out.Header.Del(name)
		}
	}
	out.Header.Del("Cookie")
	if kept := foreignCookies(in.Header.Values("Cookie")); kept != "" {
		out.Header.Set("Cookie", kept)
	}
	out.Header["Authorization"] = slices.DeleteFunc(slices.Clone(out.Header["Authorization"]), h.isOurs)
	if len(out.Header["Authorization"]) == 0 {
		out.Header.Del("Authorization")
	}
	origin := oauth.SiteOrigin(h.cfg.Issuer, a.Site.Site.Host)
	out.Header.Set("X-Forwarded-For", v.IP)
	out.Header.Set("X-Forwarded-Host", strings.TrimPrefix(origin, "https://"))
	out.Header.Set("X-Forwarded-Proto", "https")
	out.Header.Set("X-Postern-User", a.Pass.UserName)
	out.Header.Set("X-Postern-User-Id", string(a.Pass.User))
	out.Header.Set("X-Postern-Tenant", string(a.Pass.Tenant))
}

// foreignCookies returns a Cookie header without our own cookies. What is kept
// stays byte for byte: upstreams differ in what they take for a cookie.
func foreignCookies(headers []string) string {
	var kept []string
	for _, h := range headers {
		for c := range strings.SplitSeq(h, ";") {
			if c = strings.TrimSpace(c); c != "" && !isOurCookie(c) {
				kept = append(kept, c)
			}
		}
	}
	return strings.Join(kept, "; ")
}

// isOurCookie reports whether a cookie, from its name on, is one of ours. A
// cookie without a name can pass for one: "=__Host-x=1" comes back as "__Host-x=1".
func isOurCookie(c string) bool {
	c = strings.TrimLeft(c, " \t=")
	return len(c) >= len(ourCookies) && strings.EqualFold(c[:len(ourCookies)], ourCookies)
}

// isOurs reports whether an Authorization value is a token of this service: bound
// to a key, or a JWT that says so. Such a token is for us, and the upstream could
// use it in the person's name. Everything else is between client and upstream.
func (h *Handler) isOurs(value string) bool {
	scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
	if strings.EqualFold(scheme, "DPoP") {
		return true
	}
	parts := strings.Split(strings.TrimSpace(token), ".")
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 {
		return false
	}
	doc, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	return json.Unmarshal(doc, &claims) == nil && strings.HasPrefix(claims.Issuer, h.cfg.Issuer+"/")
}

// undress removes from an upstream's answer what only we may say.
func undress(r *http.Response) error {
	cookies := r.Header.Values("Set-Cookie")
	r.Header.Del("Set-Cookie")
	for _, c := range cookies {
		if !isOurCookie(c) {
			r.Header.Add("Set-Cookie", c)
		}
	}
	if r.Header.Get("Cache-Control") == "" && r.StatusCode != http.StatusSwitchingProtocols {
		r.Header.Set("Cache-Control", "private, no-cache")
	}
	return nil
}

// ClientIP returns the address of who sent r. X-Forwarded-For counts only as far
// as networks in trusted vouch for it, read from the right. An IPv4 address
// written as IPv6 is returned as IPv4.
func ClientIP(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap()
	vouched := func() bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(chain) - 1; i >= 0 && vouched(); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(chain[i]))
		if err != nil {
			break
		}
		ip = next.Unmap()
	}
	return ip.String()
}

// hostOf is the host of a Host header, without port and in lower case.
func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
