package geoip_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/internal/geoip"
)

// database writes a MaxMind DB of IPv6, where IPv4 is ::/96, with the given
// records (https://maxmind.github.io/MaxMind-DB/, version 2.0).
func database(kind string, records map[string]any) []byte {
	const none = -1
	type node [2]int // below 0: none, or a record; from 0 on: a node
	nodes := []node{{none, none}}
	var data bytes.Buffer
	for network, record := range records {
		p := netip.MustParsePrefix(network)
		bits, ip := p.Bits(), p.Addr().As16()
		if p.Addr().Is4() {
			bits += 96
			clear(ip[10:12]) // not the mapped form
		}
		value := -2 - data.Len()
		encode(&data, record)
		at := 0
		for i := range bits {
			side := ip[i/8] >> (7 - i%8) & 1
			if i == bits-1 {
				nodes[at][side] = value
				break
			}
			if nodes[at][side] == none {
				nodes = append(nodes, node{none, none})
				nodes[at][side] = len(nodes) - 1
			}
			at = nodes[at][side]
		}
	}
	var out bytes.Buffer
	for _, n := range nodes {
		for _, v := range n {
			switch {
			case v == none:
				v = len(nodes)
			case v < none:
				v = len(nodes) + 16 - 2 - v
			}
			_ = binary.Write(&out, binary.BigEndian, uint32(v))
		}
	}
	out.Write(make([]byte, 16))
	out.Write(data.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	encode(&out, map[string]any{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1), "database_type": kind,
		"ip_version": uint16(6), "node_count": uint32(len(nodes)), "record_size": uint16(32),
	})
	return out.Bytes()
}

// encode writes a value in the file's own format; integers have two bytes or more.
func encode(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case string:
		b.WriteByte(2<<5 | byte(len(v)))
		b.WriteString(v)
	case uint16:
		b.WriteByte(5<<5 | 2)
		_ = binary.Write(b, binary.BigEndian, v)
	case uint32:
		b.WriteByte(6<<5 | 4)
		_ = binary.Write(b, binary.BigEndian, v)
	case uint64:
		b.Write([]byte{8, 9 - 7})
		_ = binary.Write(b, binary.BigEndian, v)
	case map[string]any:
		b.WriteByte(7<<5 | byte(len(v)))
		for name, member := range v {
			encode(b, name)
			encode(b, member)
		}
	}
}

func in(code string) map[string]any {
	return map[string]any{"country": map[string]any{"iso_code": code}, "registered_country": map[string]any{"iso_code": "US"}}
}

func write(t *testing.T, path string, doc []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, doc []byte) (*geoip.Database, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "countries.mmdb")
	write(t, path, doc, time.Unix(1000, 0))
	d, err := geoip.Open(path, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

func TestAnAddressIsInTheCountryOfItsNetwork(t *testing.T) {
	d, _ := open(t, database("GeoLite2-Country", map[string]any{
		"203.0.113.0/24": in("DE"), "198.51.100.0/24": in("EU"), "2001:db8::/32": in("FR"), "192.0.2.0/24": map[string]any{"registered_country": in("US")},
	}))
	for ip, want := range map[string]string{
		"203.0.113.9": "DE", "::ffff:203.0.113.9": "DE", "203.0.114.0": "", "2001:db8::1": "FR", "2001:db8::1%eth0": "FR", "2001:db9::": "",
		"198.51.100.1": "", // the European Union is no country that a location could name
		"192.0.2.1":    "", // where its owner is registered is not where it is
	} {
		if got := d.Country(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s is in %q, not %q", ip, got, want)
		}
	}
	if got := d.Country(netip.Addr{}); got != "" {
		t.Errorf("no address is in %q", got)
	}
}

func TestAFileThatIsReplacedIsReadAgainAndABadOneIsNot(t *testing.T) {
	d, path := open(t, database("GeoLite2-Country", map[string]any{"203.0.113.0/24": in("DE")}))
	ip := netip.MustParseAddr("203.0.113.9")
	again := func(want bool, wrong string) {
		t.Helper()
		got, err := d.Refresh()
		if got != want || (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("read again: %v, %v; want %v and %q", got, err, want, wrong)
		}
	}
	again(false, "")
	write(t, path, database("GeoLite2-Country", map[string]any{"203.0.113.0/24": in("AT")}), time.Unix(2000, 0))
	again(true, "")
	again(false, "")
	for _, bad := range [][]byte{nil, []byte("not a database"), database("GeoLite2-ASN", map[string]any{"203.0.113.0/24": map[string]any{"asn": "AS64496"}})} {
		write(t, path, bad, time.Unix(3000, 0))
		again(false, path)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	again(false, "no such file")
	if got := d.Country(ip); got != "AT" {
		t.Errorf("the last usable file said AT, not %q", got)
	}
}

func TestOnlyAFileWithCountriesIsOpened(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "asn.mmdb")
	write(t, other, database("GeoLite2-ASN", map[string]any{"203.0.113.0/24": map[string]any{"asn": "AS64496"}}), time.Unix(1, 0))
	for path, want := range map[string]string{dir: "no file", filepath.Join(dir, "missing"): "no such file", other: `"GeoLite2-ASN"`} {
		if _, err := geoip.Open(path, slog.Default()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRunReadsTheFileAgainUntilItIsStopped(t *testing.T) {
	d, path := open(t, database("GeoLite2-Country", map[string]any{"203.0.113.0/24": in("DE")}))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		write(t, path, []byte("half a fi"), time.Unix(2000, 0))
		time.Sleep(time.Minute)
		synctest.Wait()
		write(t, path, database("GeoLite2-Country", map[string]any{"203.0.113.0/24": in("AT")}), time.Unix(3000, 0))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := d.Country(netip.MustParseAddr("203.0.113.9")); got != "AT" {
			t.Errorf("after a minute it is in %q, not AT", got)
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("it ended without a reason")
		}
	})
}
