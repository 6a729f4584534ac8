package keystore_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/keystore"
)

func openAuthority(t testing.TB, dir string) *keystore.Authority {
	t.Helper()
	a, err := keystore.OpenAuthority(dir, openSealer(t, dir), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// addressed is a connection that was dialed at some address.
type addressed struct {
	net.Conn
	at net.Addr
}

func (c addressed) LocalAddr() net.Addr { return c.at }

// handshake lets a client speak to a server that believes to be at address at,
// and returns what the client saw.
func handshake(t *testing.T, server, client *tls.Config, at string) (tls.ConnectionState, error) {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		_ = tls.Server(addressed{c, addr}, server).HandshakeContext(t.Context()) // the client tells what went wrong
		_ = c.Close()
	})
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, client)
	err = c.HandshakeContext(t.Context())
	_, _ = raw.Close(), ln.Close()
	wg.Wait()
	return c.ConnectionState(), err
}

func trusting(a *keystore.Authority, name string) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: name, MinVersion: tls.VersionTLS12}
}

func TestHandshakes(t *testing.T) {
	a := openAuthority(t, t.TempDir())
	server := a.TLSConfig(func(host string) bool { return host == "intranet.example.test" || host == "192.0.2.7" })
	const here, lan = "127.0.0.1:8443", "192.0.2.7:8443"
	tests := []struct {
		name, asked, at string
		ok              bool
	}{
		{"localhost", "localhost", here, true},
		{"localhost over the network", "localhost", lan, true},
		{"the IPv4 loopback address", "127.0.0.1", here, true},
		{"the IPv6 loopback address", "::1", "[::1]:8443", true},
		{"a published site", "intranet.example.test", here, true},
		{"in any letter case", "Intranet.EXAMPLE.test", lan, true},
		{"an address that is allowed", "192.0.2.7", lan, true},
		{"the same, as IPv6 writes it", "192.0.2.7", "[::ffff:192.0.2.7]:8443", true},
		{"an address that is not allowed", "192.0.2.8", "192.0.2.8:8443", false},
		{"a name that nobody published", "evil.example.test", here, false},
		{"a name below a published one", "a.intranet.example.test", here, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state, err := handshake(t, server, trusting(a, tt.asked), tt.at)
			if (err == nil) != tt.ok {
				t.Fatalf("err = %v", err)
			}
			if tt.ok && (state.Version < tls.VersionTLS12 || state.PeerCertificates[0].IsCA) {
				t.Errorf("version %x, certificate %v", state.Version, state.PeerCertificates[0].Subject)
			}
		})
	}
}

func TestAStrangerNameIsToldSo(t *testing.T) {
	a := openAuthority(t, t.TempDir())
	_, err := handshake(t, a.TLSConfig(func(string) bool { return false }), trusting(a, "evil.example.test"), "127.0.0.1:1")
	wantError(t, err, "remote error", "unrecognized name")
}

func TestARealListenerOnLoopback(t *testing.T) {
	a := openAuthority(t, t.TempDir())
	ln, err := tls.Listen("tcp", "127.0.0.1:0", a.TLSConfig(func(string) bool { return false }))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = c.Write([]byte("hello"))
		_ = c.Close()
	})
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: a.Pool(), MinVersion: tls.VersionTLS12}}
	c, err := dialer.DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := c.Read(got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	_, _ = c.Close(), ln.Close()
	wg.Wait()
}

func TestOldTLSIsRefused(t *testing.T) {
	a := openAuthority(t, t.TempDir())
	old := trusting(a, "localhost")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := handshake(t, a.TLSConfig(func(string) bool { return true }), old, "127.0.0.1:1"); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestAnotherInstallationIsNotTrusted(t *testing.T) {
	a, b := openAuthority(t, t.TempDir()), openAuthority(t, t.TempDir())
	if _, err := handshake(t, a.TLSConfig(func(string) bool { return true }), trusting(b, "localhost"), "127.0.0.1:1"); err == nil {
		t.Error("trusted")
	}
}

func serverCert(t *testing.T, a *keystore.Authority, name string) *x509.Certificate {
	t.Helper()
	cert, err := a.TLSConfig(func(string) bool { return true }).GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf
}

func TestCertificatesAreKeptWhileFreshAndNotForever(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	a, err := keystore.OpenAuthority(dir, openSealer(t, dir), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first := serverCert(t, a, "a.test")
	if serverCert(t, a, "A.test.") != first {
		t.Error("one name has two certificates")
	}
	if serverCert(t, a, "").DNSNames[0] != "localhost" {
		t.Error("no name, no connection, and no localhost")
	}
	now = now.AddDate(0, 0, 59)
	if serverCert(t, a, "a.test") != first {
		t.Error("renewed while it was fresh")
	}
	now = now.AddDate(0, 0, 2)
	second := serverCert(t, a, "a.test")
	if second == first || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed in the last month")
	}
	for i := range 300 { // more names than are kept
		serverCert(t, a, fmt.Sprintf("%d.test", i))
	}
	if serverCert(t, a, "a.test") == second {
		t.Error("memory grows with every name")
	}
}

func TestTheAuthoritySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	a := openAuthority(t, dir)
	before, err := os.ReadFile(a.Path())
	if err != nil || a.Path() != filepath.Join(dir, "ca.pem") {
		t.Fatal(a.Path(), err)
	}
	b := openAuthority(t, dir)
	if after, _ := os.ReadFile(b.Path()); string(after) != string(before) {
		t.Error("ca.pem changed")
	}
	if _, err := handshake(t, b.TLSConfig(func(string) bool { return true }), trusting(a, "localhost"), "127.0.0.1:1"); err != nil {
		t.Error(err)
	}
	if got := mode(t, a.Path()); got != 0o644 {
		t.Errorf("ca.pem has mode %04o", got)
	}
	sealed := filepath.Join(dir, "ca.key.sealed")
	if got := mode(t, sealed); got != 0o600 {
		t.Errorf("ca.key.sealed has mode %04o", got)
	}
}

func TestACertificateThatWasLostIsMadeAgainForTheSameKey(t *testing.T) {
	dir := t.TempDir()
	a := openAuthority(t, dir)
	before := certificate(t, a.Path())
	if err := os.Remove(a.Path()); err != nil {
		t.Fatal(err)
	}
	b := openAuthority(t, dir)
	if !certificate(t, b.Path()).PublicKey.(*ecdsa.PublicKey).Equal(before.PublicKey) {
		t.Error("the key changed")
	}
}

func ed25519Key(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func certificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestACertificateThatRunsOutIsRenewedAndOldTrustHolds(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	clock := func() time.Time { return now }
	a, err := keystore.OpenAuthority(dir, openSealer(t, dir), clock)
	if err != nil {
		t.Fatal(err)
	}
	before := certificate(t, a.Path())
	now = now.AddDate(9, 6, 0)
	b, err := keystore.OpenAuthority(dir, openSealer(t, dir), clock)
	if err != nil {
		t.Fatal(err)
	}
	after := certificate(t, b.Path())
	if !after.NotAfter.After(before.NotAfter) || after.Subject.String() != before.Subject.String() {
		t.Errorf("from %s until %s to %s until %s", before.Subject, before.NotAfter, after.Subject, after.NotAfter)
	}
	for name, a := range map[string]*keystore.Authority{"old": a, "new": b} {
		client := trusting(a, "localhost")
		client.Time = clock
		if _, err := handshake(t, b.TLSConfig(func(string) bool { return true }), client, "127.0.0.1:1"); err != nil {
			t.Errorf("who trusts the %s certificate: %v", name, err)
		}
	}
}

func TestTheAuthoritysFilesMustFit(t *testing.T) {
	foreign := t.TempDir()
	openAuthority(t, foreign)
	take := func(t *testing.T, dir, name string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(foreign, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(data))
	}
	seal := func(t *testing.T, dir string, plain []byte) {
		t.Helper()
		sealed, err := openSealer(t, dir).Seal("ca.key.sealed", plain)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "ca.key.sealed"), string(sealed))
	}
	tests := []struct {
		name string
		harm func(t *testing.T, dir string)
		want []string
	}{
		{"a key of another installation", func(t *testing.T, dir string) { take(t, dir, "ca.key.sealed") }, []string{"ca.key.sealed", "another master.key"}},
		{"a damaged key", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "ca.key.sealed"), "x") }, []string{"ca.key.sealed", "sealed format"}},
		{"no key inside", func(t *testing.T, dir string) { seal(t, dir, []byte("no key")) }, []string{"ca.key.sealed"}},
		{"a key of another kind", func(t *testing.T, dir string) { seal(t, dir, ed25519Key(t)) }, []string{"ca.key.sealed", "valid is an ECDSA key"}},
		{"a key that is gone", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "ca.key.sealed")); err != nil {
				t.Fatal(err)
			}
		}, []string{"ca.key.sealed is missing", "ca.pem"}},
		{"a certificate of another installation", func(t *testing.T, dir string) { take(t, dir, "ca.pem") }, []string{"ca.pem is not the certificate of the key"}},
		{"no certificate inside", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "ca.pem"), "x") }, []string{"ca.pem does not hold exactly one"}},
		{"a broken certificate", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "ca.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
		}, []string{"ca.pem"}},
		{"an unreadable key", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "ca.key.sealed")
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, []string{"ca.key.sealed"}},
		{"an unreadable certificate", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "ca.pem")
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, []string{"ca.pem"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			openAuthority(t, dir)
			tt.harm(t, dir)
			_, err := keystore.OpenAuthority(dir, openSealer(t, dir), time.Now)
			wantError(t, err, tt.want...)
			if err != nil && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
	if _, err := keystore.OpenAuthority(t.TempDir(), nil, nil); err == nil {
		t.Error("opened without a sealer and a clock")
	}
	_, err := keystore.OpenAuthority(filepath.Join(t.TempDir(), "nowhere"), openSealer(t, t.TempDir()), time.Now)
	wantError(t, err, "nowhere")
}
