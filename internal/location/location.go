// Package location holds named locations: ranges of addresses and countries that
// Conditional Access policies may name (Graph: ipNamedLocation and
// countryNamedLocation). It is pure: which country an address lies in is found
// elsewhere and handed in.
//
// What is a valid location is Validate's to say; which locations an address lies
// in, an Index's. An address counts as it is used: an IPv4 address that is written
// as IPv6 (::ffff:192.0.2.1) is the IPv4 address, and no other address of IPv6
// stands for one of IPv4.
package location

import (
	"net/netip"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// ID names a named location.
type ID string

// Location is a named location: of addresses when it has ranges, of countries
// otherwise.
type Location struct {
	ID          ID
	Tenant      directory.TenantID
	DisplayName string
	// Ranges are the addresses that lie in it (Graph: ipRanges).
	Ranges []netip.Prefix `json:",omitempty"`
	// Written is how the admin spelled the ranges, in their order, where that is
	// not how they print: whoever compares text gets the same back. Empty: as they
	// print.
	Written []string `json:",omitempty"`
	// Trusted says that policies for all trusted locations mean it (Graph: isTrusted).
	Trusted bool `json:",omitempty"`
	// Countries are ISO 3166-1 alpha-2 codes in capitals (Graph: countriesAndRegions).
	Countries []string `json:",omitempty"`
	// UnknownCountries says that an address of no known country lies in it, too
	// (Graph: includeUnknownCountriesAndRegions).
	UnknownCountries bool `json:",omitempty"`
	CreatedAt        time.Time
	ModifiedAt       time.Time
	Revision         int64
}
