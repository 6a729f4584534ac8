package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"github.com/postern-mam/postern/internal/geoip"
)

// checkGeoIP wants a file where one is named.
func (c *ServeCmd) checkGeoIP() error {
	if c.GeoIPFile == "" {
		return nil
	}
	info, err := os.Stat(c.GeoIPFile)
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("--geoip-file %q: want a file, a MaxMind DB with countries, for example GeoLite2-Country.mmdb", c.GeoIPFile)
	}
	return nil
}

// openPlaces reads the address database; nil when none is named.
func openPlaces(c *ServeCmd, log *slog.Logger) (*geoip.Database, error) {
	if c.GeoIPFile == "" {
		return nil, nil
	}
	d, err := geoip.Open(c.GeoIPFile, log)
	if err != nil {
		return nil, fmt.Errorf("--geoip-file: %w", err)
	}
	return d, nil
}

// country is the country that an address lies in, for decisions: ISO 3166-1
// alpha-2, or "" when nobody knows.
func (h *house) country(ip netip.Addr) string {
	if h.places == nil {
		return ""
	}
	return h.places.Country(ip)
}

// watchPlaces reads the address database again when it changes, until ctx ends.
func (h *house) watchPlaces(ctx context.Context) error {
	if h.places == nil {
		return nil
	}
	return h.places.Run(ctx)
}
