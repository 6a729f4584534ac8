package bench_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/test/play"
)

// Check-ins, on SQLite and on PostgreSQL, against the reports that devices send
// to NanoMDM v0.9.0 on the same PostgreSQL. A report is the cheapest that there
// is: "Idle", which finds no command. NanoMDM speaks no TLS itself and takes the
// device's certificate from a header, as behind a proxy; ours has TLS, a token
// and a proof to look at.
func TestCheckInBesideNanoMDM(t *testing.T) {
	database := os.Getenv("POSTERN_TEST_POSTGRES")
	if database == "" {
		t.Skip("POSTERN_TEST_POSTGRES names no PostgreSQL")
	}
	t.Logf("PostgreSQL with fsync %s", psql(t, database, "SHOW fsync"))
	var all []contestant
	for _, h := range []*play.House{play.Start(t, play.Build(t)), play.StartOn(t, play.Build(t), database)} {
		h.Furnish(t)
		pcs := people(t, h, persons, pcsOfEach)
		name := "check-in, SQLite"
		if h.Database() != "" {
			name = "check-in, PostgreSQL"
		}
		all = append(all, contestant{name: name, pid: h.Process(), addr: h.Addr, tls: true, requests: func(n int) [][][]byte { return checkIns(t, pcs, n) }})
	}
	compete(t, append(all, nanoMDM(t, database))...)
}

func psql(t *testing.T, database string, args ...string) string {
	t.Helper()
	all := []string{"-qAt", database}
	for _, a := range args {
		if name, found := strings.CutPrefix(a, "@"); found {
			all = append(all, "-f", name)
		} else {
			all = append(all, "-c", a)
		}
	}
	out, err := exec.CommandContext(t.Context(), "psql", all...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// nanoMDM starts the released server on a schema of its own, with as many
// enrolled devices as there are PCs elsewhere.
func nanoMDM(t *testing.T, database string) contestant {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "nanomdm")
	run(t, "go", "build", "-o", bin, "github.com/micromdm/nanomdm/cmd/nanomdm")
	source := run(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/micromdm/nanomdm")
	schema := "nanomdm_" + strings.ToLower(rand.Text())
	psql(t, database, "CREATE SCHEMA "+schema, "SET search_path TO "+schema, "@"+filepath.Join(source, "storage/pgsql/schema.sql"))
	authority := newAuthority(t)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	ok(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.cert.Raw}), 0o600))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	addr := ln.Addr().String()
	ok(t, ln.Close())
	cmd := exec.Command(bin, "-storage", "pgsql", "-storage-dsn", database+"&search_path="+schema, "-ca", roots, "-cert-header", "Client-Cert", "-listen", addr)
	ok(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	await(t, addr)
	reports := make([][]byte, persons*pcsOfEach)
	for i := range reports {
		reports[i] = authority.enroll(t, addr, fmt.Sprintf("00000000-0000-0000-0000-%012d", i))
	}
	return contestant{name: "NanoMDM, PostgreSQL", reference: true, pid: cmd.Process.Pid, addr: addr, requests: func(n int) [][][]byte {
		all := make([][][]byte, connections)
		for i := range all {
			for j := range n {
				all[i] = append(all[i], reports[(i+j*connections)%len(reports)])
			}
		}
		return all
	}}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// await returns once somebody listens.
func await(t *testing.T, addr string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", addr)
}

// issuer makes the certificates of devices.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	a := issuer{key: key}
	a.cert = a.issue(t, &key.PublicKey, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a issuer) issue(t *testing.T, public *ecdsa.PublicKey, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	by := a.cert
	if by == nil {
		by = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, public, a.key)
	ok(t, err)
	made, err := x509.ParseCertificate(der)
	ok(t, err)
	return made
}

// enroll enrols one device and returns its report.
func (a issuer) enroll(t *testing.T, addr, id string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	ok(t, err)
	cert := a.issue(t, &key.PublicKey, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: id}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	shown := ":" + base64.StdEncoding.EncodeToString(cert.Raw) + ":" // RFC 9440
	topic := "<key>Topic</key><string>com.apple.mgmt.External.bench</string>"
	for _, message := range []string{
		"<key>MessageType</key><string>Authenticate</string>" + topic,
		"<key>MessageType</key><string>TokenUpdate</string><key>PushMagic</key><string>magic</string><key>Token</key><data>AAAA</data>" + topic,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+addr+"/mdm", bytes.NewReader(plist(id, message)))
		ok(t, err)
		r.Header.Set("Client-Cert", shown)
		r.Header.Set("Content-Type", "application/x-apple-aspen-mdm-checkin")
		resp, err := http.DefaultClient.Do(r)
		ok(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("NanoMDM answers an enrolment with %s", resp.Status)
		}
	}
	return post(http.MethodPut, addr, "/mdm", plist(id, "<key>Status</key><string>Idle</string>"), "Client-Cert", shown, "Content-Type", "application/xml")
}

func plist(id, members string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>UDID</key><string>%s</string>%s</dict></plist>`, id, members)
}
