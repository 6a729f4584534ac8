package access

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/strength"
)

// Facts are what is known about one sign-in. As JSON they are what a recorded
// decision is made anew from.
type Facts struct {
	User       directory.UserID           `json:"user,omitempty"`
	Groups     []directory.GroupID        `json:"groups,omitempty"` // direct and nested
	Roles      []directory.RoleTemplateID `json:"roles,omitempty"`  // held now, for the whole tenant
	Guest      directory.GuestKind        `json:"guest,omitempty"`  // "": a member
	HomeTenant directory.TenantID         `json:"homeTenant,omitempty"`
	// Workload is the app that signs in as itself; then there is no User.
	Workload directory.AppID `json:"workload,omitempty"`

	Resources []Resource   `json:"resources,omitempty"` // every audience asked for; policies of all apply
	Actions   []UserAction `json:"actions,omitempty"`
	Contexts  []ContextID  `json:"contexts,omitempty"`
	Bootstrap bool         `json:"bootstrap,omitempty"` // every resource is a bootstrap resource

	ClientAppType ClientAppType `json:"clientAppType,omitempty"`
	Platform      Platform      `json:"platform,omitempty"` // "" when unknown
	IP            netip.Addr    `json:"ip,omitzero"`        // the zero address when unknown
	Country       string        `json:"country,omitempty"`  // ISO 3166-1 alpha-2; "" when unknown
	SignInRisk    Risk          `json:"signInRisk,omitempty"`
	UserRisk      Risk          `json:"userRisk,omitempty"`
	InsiderRisk   Risk          `json:"insiderRisk,omitempty"`
	WorkloadRisk  Risk          `json:"workloadRisk,omitempty"`
	Device        *Device       `json:"device,omitempty"` // nil: not identified
	// Transfer is how this request was handed over; OriginalTransfer how the
	// session behind it once was, which it never loses.
	Transfer         TransferMethod `json:"transfer,omitempty"`
	OriginalTransfer TransferMethod `json:"originalTransfer,omitempty"`

	Methods strength.Methods `json:"methods,omitempty"` // used in this session
	Offers  strength.Methods `json:"offers,omitempty"`  // that this sign-in can still ask for

	AuthAt            time.Time      `json:"authAt,omitzero"` // first factor of this session
	MFAAt             time.Time      `json:"mfaAt,omitzero"`  // zero: no second factor was shown
	PasswordChangedAt time.Time      `json:"passwordChangedAt,omitzero"`
	Terms             []agreement.ID `json:"terms,omitempty"` // accepted, and in force
	// CompliantApplication: the app is protected and healthy for this person on this device.
	CompliantApplication bool `json:"compliantApplication,omitempty"`
	// Bound: tokens or session are bound to a key of the device.
	Bound bool `json:"bound,omitempty"`
	// Background: no person waits for the answer, so that nobody can be asked.
	Background bool `json:"background,omitempty"`
	// Continues: what was entered before goes on, such as the next page of a site.
	Continues bool      `json:"continues,omitempty"`
	Now       time.Time `json:"now"`
}

// Identify says who signs in: a user, in groups direct and nested. A user whom
// nobody found at risk is at none.
func (f *Facts) Identify(u directory.User, groups []directory.GroupID) {
	f.User, f.Groups, f.Guest, f.HomeTenant, f.Roles = u.ID, groups, u.Guest, u.HomeTenant, nil
	for _, role := range u.Roles {
		if id := role.Template(); id != "" {
			f.Roles = append(f.Roles, id)
		}
	}
	f.UserRisk = RiskNone
	if u.AtRisk != "" {
		f.UserRisk = Risk(u.AtRisk)
	}
}

// Resource is an audience with what policies select it by.
type Resource struct {
	ID         directory.AppID   `json:"id"`
	Groups     []AppGroup        `json:"groups,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"` // custom security attributes, set_name to values, one a line
}

// ResourceOf returns an application as policies select it. What administers is an
// admin portal, whoever tags it.
func ResourceOf(a directory.App) Resource {
	r := Resource{ID: a.ID, Attributes: a.Attributes}
	for _, tag := range a.Tags {
		r.Groups = append(r.Groups, AppGroup(tag))
	}
	if a.ID == directory.GraphAPI && !slices.Contains(r.Groups, MicrosoftAdminPortals) {
		r.Groups = append(r.Groups, MicrosoftAdminPortals)
	}
	return r
}

// Fact returns the value of a custom security attribute, as a filter names it.
func (r *Resource) Fact(property string) (value string, known bool) {
	_, name, _ := strings.Cut(property, ".")
	value, known = r.Attributes[name]
	return value, known
}

// TrustType is how a device belongs to the organisation, as device filters spell it.
type TrustType string

// The trust types.
const (
	Joined       TrustType = "AzureAD"
	HybridJoined TrustType = "ServerAD"
	Registered   TrustType = "Workplace"
)

// Device is what policies may ask of an identified device. What is empty was not
// reported.
type Device struct {
	ID                     directory.DeviceID `json:"id,omitempty"`
	DisplayName            string             `json:"displayName,omitempty"`
	Ownership              string             `json:"ownership,omitempty"` // Personal or Company
	TrustType              TrustType          `json:"trustType,omitempty"`
	Compliant              bool               `json:"compliant,omitempty"`
	Managed                bool               `json:"managed,omitempty"`
	MDMAppID               string             `json:"mdmAppId,omitempty"`
	ProfileType            string             `json:"profileType,omitempty"`
	EnrollmentProfileName  string             `json:"enrollmentProfileName,omitempty"`
	Manufacturer           string             `json:"manufacturer,omitempty"`
	Model                  string             `json:"model,omitempty"`
	OperatingSystem        string             `json:"operatingSystem,omitempty"`
	OperatingSystemVersion string             `json:"operatingSystemVersion,omitempty"`
	PhysicalIDs            []string           `json:"physicalIds,omitempty"`
	SystemLabels           []string           `json:"systemLabels,omitempty"`
	ExtensionAttributes    [15]string         `json:"extensionAttributes,omitzero"`
}

// Fact returns the value of a property as device filters name it. Extension
// attributes can be read of devices alone that are managed, compliant or hybrid
// joined, for anybody can write them on others.
func (d *Device) Fact(property string) (value string, known bool) {
	name, _ := strings.CutPrefix(property, "device.")
	switch name {
	case "deviceId":
		value = string(d.ID)
	case "displayName":
		value = d.DisplayName
	case "deviceOwnership":
		value = d.Ownership
	case "trustType":
		value = string(d.TrustType)
	case "isCompliant":
		value = "False"
		if d.Compliant {
			value = "True"
		}
	case "mdmAppId":
		value = d.MDMAppID
	case "profileType":
		value = d.ProfileType
	case "enrollmentProfileName":
		value = d.EnrollmentProfileName
	case "manufacturer":
		value = d.Manufacturer
	case "model":
		value = d.Model
	case "operatingSystem":
		value = d.OperatingSystem
	case "operatingSystemVersion":
		value = d.OperatingSystemVersion
	case "physicalIds":
		value = lines(d.PhysicalIDs)
	case "systemLabels":
		value = lines(d.SystemLabels)
	default:
		value = d.extension(name)
	}
	return value, value != ""
}

// extension returns extensionAttribute1 to 15.
func (d *Device) extension(name string) string {
	number, ok := strings.CutPrefix(name, "extensionAttribute")
	if !ok || !d.Managed && !d.Compliant && d.TrustType != HybridJoined {
		return ""
	}
	n := 0
	for _, digit := range number {
		n = n*10 + int(digit-'0')
	}
	if n < 1 || n > len(d.ExtensionAttributes) {
		return ""
	}
	return d.ExtensionAttributes[n-1]
}

// lines joins the elements of a collection as filters read them.
func lines(elements []string) string {
	if len(elements) == 1 {
		return elements[0]
	}
	return strings.Join(elements, "\n")
}

// Clone returns a copy of f that shares no memory that anybody changes: what is
// changed in the copy stays there.
func (f *Facts) Clone() Facts {
	out := *f
	out.Groups, out.Roles, out.Resources = slices.Clone(f.Groups), slices.Clone(f.Roles), slices.Clone(f.Resources)
	out.Actions, out.Contexts, out.Terms = slices.Clone(f.Actions), slices.Clone(f.Contexts), slices.Clone(f.Terms)
	if f.Device != nil {
		d := *f.Device
		out.Device = &d
	}
	return out
}
