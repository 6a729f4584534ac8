// Package geoip says which country an address lies in, by a file that the admin
// supplies: a MaxMind DB with countries, such as GeoLite2-Country, GeoIP2-City or
// DB-IP's (https://maxmind.github.io/MaxMind-DB/). Nothing is asked of a network.
//
// The file is read into memory: whoever replaces it, in place or by a new name,
// disturbs no lookup, and a file that cannot be used leaves the one before in
// force.
package geoip

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/postern-mam/postern/internal/location"
)

const (
	// refreshEvery is how often the file is looked at. It changes twice a week.
	refreshEvery = 15 * time.Second
	// sample is how many networks are looked at for a country before a file
	// counts as one of something else.
	sample = 10_000
)

// Database is the file, as it was read last. It is safe for concurrent use.
type Database struct {
	path string
	log  *slog.Logger
	read atomic.Pointer[maxminddb.Reader]
	seen stamp // by Open and Refresh alone
	told string
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// Open reads the file at path. The error says what is wrong with it: it is not
// there, it is no MaxMind DB, or it holds no countries.
func Open(path string, log *slog.Logger) (*Database, error) {
	d := &Database{path: path, log: log}
	if _, err := d.Refresh(); err != nil {
		return nil, err
	}
	return d, nil
}

// Country returns the ISO 3166-1 alpha-2 code of the country that ip lies in, or
// "" when it is not known. An IPv4 address written as IPv6 counts as IPv4.
func (d *Database) Country(ip netip.Addr) string {
	code, err := country(d.read.Load().Lookup(ip.Unmap().WithZone("")))
	if err != nil {
		return "" // a damaged record, or IPv6 of a file of IPv4: nobody knows
	}
	return code
}

// country is the country of a record; "" for one that is none: old files have
// letters for anonymous proxies and continents.
func country(r maxminddb.Result) (code string, err error) {
	if err := r.DecodePath(&code, "country", "iso_code"); err != nil || !location.Country(code) {
		return "", err
	}
	return code, nil
}

// Refresh reads the file again if it is not the one that was read last, and
// reports whether it did. On an error the last one stays in force. One goroutine
// at a time may call it.
func (d *Database) Refresh() (bool, error) {
	info, err := os.Stat(d.path)
	if err != nil {
		return false, fmt.Errorf("address database: %w", err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == d.seen {
		return false, nil
	}
	r, err := load(d.path, info)
	if err != nil {
		return false, err
	}
	d.read.Store(r)
	d.seen = now
	return true, nil
}

func load(path string, info fs.FileInfo) (*maxminddb.Reader, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("address database %s: it is no file", path)
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("address database: %w", err)
	}
	r, err := maxminddb.OpenBytes(doc)
	if err != nil {
		return nil, fmt.Errorf("address database %s: want a MaxMind DB with countries, for example GeoLite2-Country.mmdb: %w", path, err)
	}
	n := 0
	for network := range r.Networks() {
		if code, err := country(network); err == nil && code != "" {
			return r, nil
		}
		if n++; n == sample {
			break
		}
	}
	return nil, fmt.Errorf("address database %s: it is of the type %q and holds no country.iso_code; want a MaxMind DB with countries, for example GeoLite2-Country.mmdb",
		path, r.Metadata.DatabaseType)
}

// Run looks at the file every now and then until ctx ends.
func (d *Database) Run(ctx context.Context) error {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			d.refresh(ctx)
		}
	}
}

// refresh is Refresh for the log, which hears of a fault once.
func (d *Database) refresh(ctx context.Context) {
	done, err := d.Refresh()
	switch {
	case err != nil && err.Error() != d.told:
		d.told = err.Error()
		d.log.LogAttrs(ctx, slog.LevelError, "the address database cannot be read again; the last one stays in force", slog.Any("err", err))
	case done:
		d.told = ""
		d.log.LogAttrs(ctx, slog.LevelInfo, "address database read again", slog.Any("built", d.read.Load().Metadata.BuildTime()))
	}
}
