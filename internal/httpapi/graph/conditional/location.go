package conditional

import (
	"net/http"
	"net/netip"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/odata"
)

const (
	locationPath = "identity/conditionalAccess/namedLocations"
	ofRanges     = "ipNamedLocation"
	ofCountries  = "countryNamedLocation"
	byAddress    = "clientIpAddress" // a countryLookupMethod
)

// namedLocation is what both kinds have in common.
type namedLocation struct {
	Type             string  `json:"@odata.type"`
	ID               string  `json:"id"`
	CreatedDateTime  *string `json:"createdDateTime"`
	ModifiedDateTime *string `json:"modifiedDateTime"`
	DisplayName      string  `json:"displayName"`
}

type ipNamedLocation struct {
	namedLocation
	IsTrusted bool        `json:"isTrusted"`
	IPRanges  []cidrRange `json:"ipRanges"`
}

type cidrRange struct {
	Type        string `json:"@odata.type"`
	CIDRAddress string `json:"cidrAddress"`
}

type countryNamedLocation struct {
	namedLocation
	CountriesAndRegions               []string `json:"countriesAndRegions"`
	IncludeUnknownCountriesAndRegions bool     `json:"includeUnknownCountriesAndRegions"`
	CountryLookupMethod               string   `json:"countryLookupMethod"`
}

func viewLocation(_ *graph.Call, l location.Location) (any, error) {
	out := namedLocation{
		Type: "#microsoft.graph." + locationKind(l), ID: string(l.ID), DisplayName: l.DisplayName,
		CreatedDateTime: graph.Stamp(l.CreatedAt), ModifiedDateTime: graph.Stamp(l.ModifiedAt),
	}
	if len(l.Ranges) == 0 {
		return countryNamedLocation{out, graph.Texts(l.Countries), l.UnknownCountries, byAddress}, nil
	}
	ranges := make([]cidrRange, len(l.Ranges))
	for i, r := range l.Ranges {
		ranges[i] = cidrRange{"#microsoft.graph." + rangeKind(r), r.String()}
		if i < len(l.Written) {
			ranges[i].CIDRAddress = l.Written[i]
		}
	}
	return ipNamedLocation{out, l.Trusted, ranges}, nil
}

func locationKind(l location.Location) string {
	if len(l.Ranges) > 0 {
		return ofRanges
	}
	return ofCountries
}

func rangeKind(r netip.Prefix) string {
	if r.Addr().Is4() {
		return "iPv4CidrRange"
	}
	return "iPv6CidrRange"
}

func (d *Area) locations() graph.Set[location.Location] {
	return graph.Set[location.Location]{
		Path:  locationPath,
		Items: func(c *graph.Call) admin.Collection[location.Location] { return d.as(c).NamedLocations() },
		Kind:  "graph.namedLocation", Read: directory.AccessRead, Write: directory.AccessWrite, Name: "displayName",
		Patched:  http.StatusNoContent,
		ID:       func(l location.Location) string { return string(l.ID) },
		Revision: func(l location.Location) int64 { return l.Revision },
		View:     viewLocation, First: namesLocationKind, Take: readLocation,
	}
}

// locationRoutes are those of the set, with a PATCH that knows the kind of what
// it changes: Graph wants to be told, and not every client does.
func (d *Area) locationRoutes() []graph.Route {
	s := d.locations()
	routes := s.Routes()
	i := slices.IndexFunc(routes, func(r graph.Route) bool { return r.Method == http.MethodPatch })
	routes[i].Do = func(c *graph.Call) error {
		l, err := s.One(c)
		if err != nil {
			return err
		}
		s.Kind, s.First = "graph."+locationKind(l), func(o *odata.Object) {
			if kind := o.Type(); kind != "" && kind != locationKind(l) {
				o.Refuse("@odata.type", "is %q; this named location is a #microsoft.graph.%s and stays one", kind, locationKind(l))
			}
		}
		return s.Patch(c)
	}
	return routes
}

// namesLocationKind wants a kind of which there are locations here.
func namesLocationKind(o *odata.Object) {
	switch kind := o.Type(); kind {
	case ofRanges, ofCountries:
	case "":
		o.Refuse("@odata.type", "is missing; valid are #microsoft.graph.%s and #microsoft.graph.%s", ofRanges, ofCountries)
	default:
		o.Refuse("@odata.type", "is %q, which there is not here; valid are #microsoft.graph.%s and #microsoft.graph.%s", kind, ofRanges, ofCountries)
	}
}

// readLocation takes over the body of a named location. Lists are replaced as
// sent.
func readLocation(c *graph.Call, o *odata.Object, l *location.Location) {
	if l.Revision == 0 {
		l.Tenant = c.Tenant()
	}
	o.Text("displayName", &l.DisplayName)
	o.Flag("isTrusted", &l.Trusted)
	if o.Has("ipRanges") {
		readRanges(o, l)
	}
	o.Texts("countriesAndRegions", &l.Countries)
	o.Flag("includeUnknownCountriesAndRegions", &l.UnknownCountries)
	var method string
	if o.Text("countryLookupMethod", &method); method != "" && method != byAddress {
		o.Refuse("countryLookupMethod", "is %q; only %s is valid: no authenticator app tells us where a phone is", method, byAddress)
	}
	o.RefuseRest("it is no property that can be set", "id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "version")
}

// readRanges goes by the address: Terraform's azuread calls every range an
// iPv4CidrRange, and Graph takes it.
func readRanges(o *odata.Object, l *location.Location) {
	l.Ranges, l.Written = nil, nil
	asPrinted := true
	for _, r := range o.Objects("ipRanges") {
		var text string
		r.Text("cidrAddress", &text)
		kind := r.Type()
		if kind == "iPv4Range" || kind == "iPv6Range" {
			r.Refuse("@odata.type", "is %s, from one address to another; write it as CIDR, as #microsoft.graph.iPv4CidrRange or #microsoft.graph.iPv6CidrRange", kind)
			continue
		}
		p, err := location.ParseRange(text)
		if err != nil {
			r.Refuse("cidrAddress", "is %q; valid is CIDR, for example 203.0.113.0/24 or 2001:db8::/32", text)
		}
		l.Ranges, l.Written = append(l.Ranges, p), append(l.Written, text)
		asPrinted = asPrinted && p.String() == text
	}
	if asPrinted {
		l.Written = nil
	}
}
