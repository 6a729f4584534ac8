package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
)

// shortestProof leaves a browser time to prove itself again.
const shortestProof = 10 * time.Second

// ServeCmd is the configuration of the service: flags, each with an environment
// twin. The zero configuration runs on the embedded database on loopback.
type ServeCmd struct {
	Data           string        `help:"Data directory: database, keys, bootstrap.json." default:"postern-data" env:"POSTERN_DATA" type:"path"`
	Listen         string        `help:"Address of the HTTPS listener, host:port. Port 0 picks a free one; the addresses in use are in bootstrap.json." default:"127.0.0.1:8443" env:"POSTERN_LISTEN"`
	OpsListen      string        `help:"Address of the plain HTTP listener for health, readiness and metrics; keep it on loopback or a private network." default:"127.0.0.1:0" env:"POSTERN_OPS_LISTEN"`
	PublicURL      string        `name:"public-url" help:"https URL, without path, under which browsers and agents reach the service. Default: the listen address. The issuer comes from here and never from a Host header." env:"POSTERN_PUBLIC_URL"`
	Database       string        `help:"postgres:// URL. Default: SQLite in the data directory." env:"POSTERN_DATABASE"`
	TrustedProxies []string      `help:"Networks (CIDR) of reverse proxies in front of the service: X-Forwarded-For counts only from them." env:"POSTERN_TRUSTED_PROXIES"`
	GeoIPFile      string        `name:"geoip-file" help:"File that says which country an address lies in: a MaxMind DB such as GeoLite2-Country.mmdb. It is read again when it changes. Without it every country is unknown, which named locations of countries can include." env:"POSTERN_GEOIP_FILE" type:"path"`
	ProofFor       time.Duration `name:"device-proof-lifetime" help:"For how long a browser counts as on the PC that it proved to be on; the extension proves it again in time. 10s to 5m." default:"5m" env:"POSTERN_DEVICE_PROOF_LIFETIME"`
	LogLevel       string        `help:"Least level that is logged: debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"POSTERN_LOG_LEVEL"`

	now func() time.Time // the clock; demo alone replaces it
}

// Validate reports every fault of the configuration at once.
func (c *ServeCmd) Validate() error {
	var errs []error
	check := func(flag, value string) {
		if _, _, err := net.SplitHostPort(value); err != nil {
			errs = append(errs, fmt.Errorf("--%s %q: want host:port, for example 127.0.0.1:8443", flag, value))
		}
	}
	check("listen", c.Listen)
	check("ops-listen", c.OpsListen)
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			errs = append(errs, fmt.Errorf("--public-url %q: want an https URL without a path, for example https://postern.example.com", c.PublicURL))
		}
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		errs = append(errs, errors.New("--database: want a postgres:// URL; leave it out for SQLite"))
	}
	if _, err := c.trusted(); err != nil {
		errs = append(errs, err)
	}
	if c.ProofFor != 0 && (c.ProofFor < shortestProof || c.ProofFor > access.ProofFor) {
		errs = append(errs, fmt.Errorf("--device-proof-lifetime %s: want %s to %s", c.ProofFor, shortestProof, access.ProofFor))
	}
	if err := c.checkGeoIP(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// trusted returns the networks of the proxies in front.
func (c *ServeCmd) trusted() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies %q: want a network such as 10.0.0.0/8", s)
		}
		out = append(out, p)
	}
	return out, nil
}

// baseURL is the issuer's scheme and host: the configured one, or where we listen.
func (c *ServeCmd) baseURL(addr net.Addr) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "https://" + addr.String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, port)
}
