package proxy

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

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

// dress replaces in out, the header for the upstream, what a client may not say
// by what we know.
func dress(out http.Header, in *http.Request, p *tunnel.Pass, ip string) {
	for name := range out {
		if claimsIdentity(name) {
			delete(out, name)
		}
	}
	cookies := in.Cookies()
	out.Del("Cookie")
	for _, c := range cookies {
		if !strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(ourCookies)) {
			out.Add("Cookie", c.Name+"="+c.Value)
		}
	}
	if all := out.Values("Cookie"); len(all) > 1 {
		out.Set("Cookie", strings.Join(all, "; "))
	}
	out.Set("X-Forwarded-For", ip)
	out.Set("X-Forwarded-Host", in.Host)
	out.Set("X-Forwarded-Proto", "https")
	out.Set("X-Postern-User", p.UserName)
	out.Set("X-Postern-User-Id", string(p.User))
	out.Set("X-Postern-Tenant", string(p.Tenant))
}

// undress removes from an upstream's answer what only we may say.
func undress(r *http.Response) error {
	cookies := r.Header.Values("Set-Cookie")
	r.Header.Del("Set-Cookie")
	for _, c := range cookies {
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(c)), strings.ToLower(ourCookies)) {
			r.Header.Add("Set-Cookie", c)
		}
	}
	if r.Header.Get("Cache-Control") == "" && r.StatusCode != http.StatusSwitchingProtocols {
		r.Header.Set("Cache-Control", "private, no-cache")
	}
	return nil
}

// clientIP is the address of who asks. Behind trusted proxies it is the
// right-most address in X-Forwarded-For that no trusted proxy has.
func (h *Handler) clientIP(r *http.Request) string {
	return ClientIP(r, h.cfg.TrustedProxies)
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

// correlation is an identifier that ties a page a person sees to the log.
func correlation(*http.Request) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
