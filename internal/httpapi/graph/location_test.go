package graph_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

const (
	locations = "/v1.0/identity/conditionalAccess/namedLocations"
	deleted   = "/v1.0/identity/conditionalAccess/deletedItems/"
	policies  = "/v1.0/identity/conditionalAccess/policies"
)

// office is what Terraform posts.
const office = `{"@odata.type":"#microsoft.graph.ipNamedLocation","displayName":"Office",
	"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"12.34.221.11/22"},
		{"@odata.type":"#microsoft.graph.iPv6CidrRange","cidrAddress":"2001:0:9d38:90d6:0:0:0:0/63"}],"isTrusted":true}`

func TestALocationOfRangesComesBackAsItWasWritten(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", locations, office).want(201)
	one := locations + "/" + a.text("id")
	ranges := `"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"12.34.221.11/22"},
		{"@odata.type":"#microsoft.graph.iPv6CidrRange","cidrAddress":"2001:0:9d38:90d6:0:0:0:0/63"}]`
	a.has(`{"@odata.context":"` + base + `/v1.0/$metadata#identity/conditionalAccess/namedLocations/$entity",
		"@odata.type":"#microsoft.graph.ipNamedLocation","displayName":"Office","isTrusted":true,` + ranges + `}`)
	w.get(one).want(200).has(`{"@odata.type":"#microsoft.graph.ipNamedLocation",` + ranges + `}`)

	// A PATCH names the kind, as Graph wants it, or does not.
	w.send("PATCH", one, `{"@odata.type":"#microsoft.graph.ipNamedLocation","isTrusted":false}`).want(204)
	w.get(one).want(200).has(`{"displayName":"Office","isTrusted":false,` + ranges + `}`)
	w.send("PATCH", one, `{"displayName":"Annex","ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"203.0.113.0/24"}]}`).want(204)
	w.get(one).want(200).has(`{"displayName":"Annex","isTrusted":false,"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"203.0.113.0/24"}]}`)
	w.send("PATCH", one, `{"@odata.type":"#microsoft.graph.countryNamedLocation","countriesAndRegions":["DE"]}`).refused(400, "ipNamedLocation and stays one")
	w.send("PATCH", one, `{"countriesAndRegions":["DE"]}`).refused(400, "countriesAndRegions")
	w.send("PATCH", one, `{"ipRanges":[]}`).refused(400, "ipRanges")
}

// Terraform's azuread provider knows one kind of range.
func TestARangeIsOfTheKindOfItsAddress(t *testing.T) {
	w := newWorld(t)
	w.send("POST", locations, strings.Replace(office, "iPv6CidrRange", "iPv4CidrRange", 1)).want(201).
		has(`{"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"12.34.221.11/22"},
			{"@odata.type":"#microsoft.graph.iPv6CidrRange","cidrAddress":"2001:0:9d38:90d6:0:0:0:0/63"}]}`)
}

func TestALocationOfCountries(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", locations, `{"displayName":"DACH","countriesAndRegions":["DE","AT","CH"],"includeUnknownCountriesAndRegions":true,
		"countryLookupMethod":"clientIpAddress","@odata.type":"#microsoft.graph.countryNamedLocation"}`).want(201)
	one := strings.Replace(locations, "v1.0", "beta", 1) + "/" + a.text("id")
	a.has(`{"@odata.type":"#microsoft.graph.countryNamedLocation","displayName":"DACH","countriesAndRegions":["DE","AT","CH"],
		"includeUnknownCountriesAndRegions":true,"countryLookupMethod":"clientIpAddress"}`)
	w.send("PATCH", one, `{"includeUnknownCountriesAndRegions":false,"countryLookupMethod":null}`).want(204)
	w.get(one).want(200).has(`{"countriesAndRegions":["DE","AT","CH"],"includeUnknownCountriesAndRegions":false,"countryLookupMethod":"clientIpAddress"}`)
	w.send("PATCH", one, `{"countryLookupMethod":"authenticatorAppGps"}`).refused(400, "countryLookupMethod", "clientIpAddress")
	w.send("PATCH", one, `{"isTrusted":true}`).refused(400, "isTrusted")
}

func TestLocationsAreListedByKindAndName(t *testing.T) {
	w := newWorld(t)
	w.send("POST", locations, office).want(201)
	w.send("POST", locations, `{"@odata.type":"#microsoft.graph.countryNamedLocation","displayName":"Home","countriesAndRegions":["DE"]}`).want(201)
	for query, want := range map[string]int{
		"": 2, "?$filter=isof('microsoft.graph.ipNamedLocation')": 1, "?$filter=isof('microsoft.graph.countryNamedLocation')": 1,
		"?$filter=displayName%20eq%20'home'": 1, "?$filter=displayName%20eq%20'nowhere'": 0, "?$top=1": 1,
		"?$filter=microsoft.graph.ipNamedLocation/isTrusted%20eq%20true": 1,
	} {
		if got := w.get(locations + strings.ReplaceAll(query, "'", "%27")).want(200).values(); len(got) != want {
			t.Errorf("%s: %d, not %d: %v", query, len(got), want, got)
		}
	}
	if n := w.get(locations + "/$count").want(200).raw; n != "2" {
		t.Errorf("%s locations are counted", n)
	}
}

func TestALocationIsRefusedWithWhatWouldBeValid(t *testing.T) {
	w := newWorld(t)
	ip := func(members string) string {
		return `{"@odata.type":"#microsoft.graph.ipNamedLocation","displayName":"x",` + members + `}`
	}
	one := func(kind, address string) string {
		return ip(`"ipRanges":[{"@odata.type":"#microsoft.graph.` + kind + `","cidrAddress":"` + address + `"}]`)
	}
	country := func(members string) string {
		return `{"@odata.type":"#microsoft.graph.countryNamedLocation","displayName":"x",` + members + `}`
	}
	for body, words := range map[string][]string{
		`{"displayName":"x"}`: {"@odata.type is missing", "#microsoft.graph.ipNamedLocation", "#microsoft.graph.countryNamedLocation"},
		`{"@odata.type":"#microsoft.graph.namedLocation","displayName":"x"}`:                 {"@odata.type", "namedLocation"},
		`{"@odata.type":"#microsoft.graph.compliantNetworkNamedLocation","displayName":"x"}`: {"compliantNetworkNamedLocation", "not here"},
		ip(`"isTrusted":true`):                         {"ipRanges"},
		ip(`"ipRanges":[]`):                            {"ipRanges"},
		one("iPv4CidrRange", "10.0.0.0/8"):             {"10.0.0.0/8", "longer than /8"},
		one("iPv4CidrRange", "10.0.0.0"):               {"ipRanges[0].cidrAddress", "10.0.0.0", "CIDR"},
		one("iPv6CidrRange", "::ffff:203.0.113.0/120"): {"write it as IPv4"},
		ip(`"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4Range","lowerAddress":"203.0.113.1","upperAddress":"203.0.113.9"}]`): {"ipRanges[0]", "CIDR"},
		country(`"countriesAndRegions":["Germany"]`):                                           {"countriesAndRegions", "Germany", "ISO 3166-1"},
		country(`"countriesAndRegions":[]`):                                                    {"countriesAndRegions"},
		country(`"countriesAndRegions":["DE"],"countryLookupMethod":"authenticatorAppGps"`):    {"countryLookupMethod", "authenticatorAppGps", "clientIpAddress"},
		country(`"countriesAndRegions":["DE"],"isTrusted":true`):                               {"isTrusted"},
		`{"@odata.type":"#microsoft.graph.countryNamedLocation","countriesAndRegions":["DE"]}`: {"displayName"},
	} {
		w.send("POST", locations, body).refused(400, words...)
	}
	if got := w.get(locations).want(200).values(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestATrustedLocationMustBeDistrustedBeforeItGoes(t *testing.T) {
	w := newWorld(t)
	one := locations + "/" + w.send("POST", locations, office).want(201).text("id")
	w.send("DELETE", one, "").refused(400, "isTrusted", "Office")
	w.send("PATCH", one, `{"@odata.type":"#microsoft.graph.ipNamedLocation","isTrusted":false}`).want(204)
	w.send("DELETE", one, "").want(204)
	w.get(one).refused(404)
}

func TestWhatWasDeletedCanBeSeenAndComesBack(t *testing.T) {
	w := newWorld(t)
	location := w.send("POST", locations, strings.Replace(office, "true", "false", 1)).want(201).text("id")
	policy := w.send("POST", policies, `{"displayName":"Report","state":"enabledForReportingButNotEnforced","conditions":{"clientAppTypes":["all"],
		"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`).want(201).text("id")
	for _, c := range []struct{ live, bin, id, has string }{
		{locations, deleted + "namedLocations", location, `{"displayName":"Office","@odata.type":"#microsoft.graph.ipNamedLocation"}`},
		{policies, deleted + "policies", policy, `{"displayName":"Report","state":"enabledForReportingButNotEnforced"}`},
	} {
		one, gone := c.live+"/"+c.id, c.bin+"/"+c.id
		before := w.get(one).want(200).text("createdDateTime")
		w.get(gone).refused(404)
		w.send("POST", gone+"/restore", "").refused(404)
		w.send("DELETE", one, "").want(204)
		w.get(one).refused(404)
		if got := w.get(c.bin).want(200).values(); len(got) != 1 || got[0]["id"] != c.id || got[0]["deletedDateTime"] == nil {
			t.Errorf("%s: %v", c.bin, got)
		}
		if n := w.get(c.bin + "/$count").want(200).raw; n != "1" {
			t.Errorf("%s: %s are counted", c.bin, n)
		}
		w.get(gone).want(200).has(c.has)
		w.send("POST", gone+"/restore", "").want(200).has(c.has)
		if got := w.get(one).want(200).has(c.has).text("createdDateTime"); got != before {
			t.Errorf("it was made at %s, not %s", got, before)
		}
		w.get(gone).refused(404)

		w.send("DELETE", one, "").want(204)
		w.send("POST", one+"/restore", "").want(200) // at its old address
		w.send("DELETE", one, "").want(204)
		w.send("DELETE", gone, "").want(204)
		w.send("DELETE", gone, "").refused(404)
		w.send("POST", gone+"/restore", "").refused(404)
	}
}

func TestWhoMayOnlyReadBringsNothingBack(t *testing.T) {
	w := newWorld(t)
	one := "/" + w.send("POST", locations, strings.Replace(office, "true", "false", 1)).want(201).text("id")
	w.send("DELETE", locations+one, "").want(204)
	w.who = oauth.Principal{Tenant: w.who.Tenant, Client: w.who.Client, Audience: directory.GraphAPI, Permissions: []string{directory.AccessRead}}
	w.get(deleted + "namedLocations" + one).want(200)
	w.send("POST", deleted+"namedLocations"+one+"/restore", "").refused(403)
	w.send("POST", locations+one+"/restore", "").refused(403)
	w.send("DELETE", deleted+"namedLocations"+one, "").refused(403)
	w.send("POST", locations, office).refused(403)
}
