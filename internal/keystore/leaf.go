package keystore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/netip"
	"strings"
	"time"
)

// loopback is the name of the certificate for whoever calls this machine itself,
// or no name that we know of.
const loopback = "localhost"

type leaf struct {
	cert     *tls.Certificate
	notAfter time.Time
}

// TLSConfig serves TLS 1.2 and later with a certificate for the name that the
// client asks for, if allow accepts it (it gets the name in lower case). localhost,
// 127.0.0.1 and ::1 are always served. A client that asks for no name, because it
// dials an address, gets a certificate for that address if allow accepts it. Other
// names end the handshake with unrecognized_name.
func (a *Authority) TLSConfig(allow func(host string) bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
			if host == "" {
				host = dialed(hello.Conn)
				if host != loopback && !allow(host) {
					host = loopback
				}
			}
			if host != loopback && !allow(host) {
				return nil, nil // crypto/tls answers unrecognized_name
			}
			return a.leaf(host)
		},
	}
}

// dialed is the address that the client reached us at; loopback when it is that
// or not known.
func dialed(c net.Conn) string {
	if c == nil {
		return loopback
	}
	at, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil || at.Addr().Unmap().IsLoopback() {
		return loopback
	}
	return at.Addr().Unmap().WithZone("").String()
}

// leaf returns the certificate for host, from memory while it is fresh.
func (a *Authority) leaf(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now().UTC()
	if have := a.leaves[host]; have != nil && have.notAfter.Sub(now) > leafDue {
		return have.cert, nil
	}
	made, err := a.issue(host, now)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves) // rare, and a new one takes less than a millisecond
	}
	a.leaves[host] = made
	return made.cert, nil
}

func (a *Authority) issue(host string, now time.Time) (*leaf, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Postern"}},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(leafFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	switch addr, err := netip.ParseAddr(host); {
	case host == loopback:
		template.DNSNames = []string{loopback}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	case err == nil:
		template.IPAddresses = []net.IP{addr.AsSlice()}
	default:
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &leaf{&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, template.NotAfter}, nil
}
