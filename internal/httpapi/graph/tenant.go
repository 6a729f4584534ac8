package graph

import (
	"net/http"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

type organization struct {
	Type            string           `json:"@odata.type"`
	ID              string           `json:"id"`
	CreatedDateTime *string          `json:"createdDateTime"`
	DisplayName     string           `json:"displayName"`
	VerifiedDomains []verifiedDomain `json:"verifiedDomains"`
	Postern         tenantPostern    `json:"postern"`
}

type verifiedDomain struct {
	Name      string `json:"name"`
	IsDefault bool   `json:"isDefault"`
	IsInitial bool   `json:"isInitial"`
}

// tenantPostern is the settings that Graph has no word for.
type tenantPostern struct {
	AllowDevelopmentHealth bool `json:"allowDevelopmentHealth"`
	MaxUsersPerDevice      int  `json:"maxUsersPerDevice"`
}

func viewTenant(t directory.Tenant) organization {
	return organization{
		Type: "#microsoft.graph.organization", ID: string(t.ID), CreatedDateTime: stamp(t.CreatedAt), DisplayName: t.DisplayName,
		VerifiedDomains: []verifiedDomain{{Name: t.Domain, IsDefault: true, IsInitial: true}},
		Postern:         tenantPostern{t.Settings.AllowDevelopmentHealth, t.Settings.MaxUsersPerDevice},
	}
}

// tenants serves the caller's own tenant and no other.
func (d *Door) tenants() resource[directory.Tenant] {
	return resource[directory.Tenant]{
		path: "organization", items: d.Admin.Tenants(), patched: http.StatusNoContent,
		id:       func(t directory.Tenant) string { return string(t.ID) },
		revision: func(t directory.Tenant) int64 { return t.Revision },
		view:     func(_ *call, t directory.Tenant) (any, error) { return viewTenant(t), nil },
		find: func(c *call, key odata.Segment) (directory.Tenant, error) {
			if key.Text != string(c.tenant()) {
				return directory.Tenant{}, fault.New(fault.NotFound, "there is no organization %q", key.Text)
			}
			return d.Admin.Tenants().Get(c.ctx, c.tenant(), key.Text)
		},
		read: func(_ *call, o *odata.Object, t *directory.Tenant) {
			o.Text("displayName", &t.DisplayName)
			if p := o.Object("postern"); p != nil {
				p.Flag("allowDevelopmentHealth", &t.Settings.AllowDevelopmentHealth)
				p.Number("maxUsersPerDevice", &t.Settings.MaxUsersPerDevice)
				p.RefuseRest("there is no such setting")
			}
		},
	}
}

func (d *Door) listTenants(c *call) error {
	t, err := d.Admin.Tenants().Get(c.ctx, c.tenant(), string(c.tenant()))
	if err != nil {
		return err
	}
	return c.small("organization", []any{viewTenant(t)})
}

type device struct {
	Type                   string        `json:"@odata.type"`
	ID                     string        `json:"id"`
	DeviceID               string        `json:"deviceId"`
	AccountEnabled         bool          `json:"accountEnabled"`
	DisplayName            string        `json:"displayName"`
	IsCompliant            bool          `json:"isCompliant"`
	IsManaged              bool          `json:"isManaged"`
	Manufacturer           *string       `json:"manufacturer"`
	Model                  *string       `json:"model"`
	OperatingSystem        string        `json:"operatingSystem"`
	OperatingSystemVersion string        `json:"operatingSystemVersion"`
	RegistrationDateTime   *string       `json:"registrationDateTime"`
	TrustType              string        `json:"trustType"`
	Postern                devicePostern `json:"postern"`
}

type devicePostern struct {
	Owner         string `json:"owner"`
	KeyProtection string `json:"keyProtection"`
	KeyThumbprint string `json:"keyThumbprint"`
}

var systems = map[string]string{"windows": "Windows", "linux": "Linux"}

func viewDevice(v directory.Device) device {
	system := systems[v.Platform]
	if system == "" {
		system = v.Platform
	}
	return device{
		Type: "#microsoft.graph.device", ID: string(v.ID), DeviceID: string(v.ID), AccountEnabled: v.Enabled, DisplayName: v.DisplayName,
		IsCompliant: v.Compliant, Manufacturer: text(v.Manufacturer), Model: text(v.Model), OperatingSystem: system,
		OperatingSystemVersion: v.OSVersion, RegistrationDateTime: stamp(v.CreatedAt), TrustType: "Workplace",
		Postern: devicePostern{string(v.Owner), string(v.KeyProtection), v.KeyThumbprint},
	}
}

func (d *Door) devices() resource[directory.Device] {
	return resource[directory.Device]{
		path: "devices", items: d.Admin.Devices(), name: "displayName", patched: http.StatusNoContent,
		id:       func(v directory.Device) string { return string(v.ID) },
		revision: func(v directory.Device) int64 { return v.Revision },
		view:     func(_ *call, v directory.Device) (any, error) { return viewDevice(v), nil },
		find: func(c *call, key odata.Segment) (directory.Device, error) {
			if key.Property != "" && key.Property != "deviceId" {
				return directory.Device{}, fault.New(fault.Invalid, "key property %q is not supported on devices; use the id or deviceId", key.Property)
			}
			return d.Admin.Devices().Get(c.ctx, c.tenant(), key.Text)
		},
		read: func(_ *call, o *odata.Object, v *directory.Device) {
			o.Flag("accountEnabled", &v.Enabled)
			o.Text("displayName", &v.DisplayName)
		},
		props: map[string]func(directory.Device) string{
			"id":          func(v directory.Device) string { return string(v.ID) },
			"deviceId":    func(v directory.Device) string { return string(v.ID) },
			"displayName": func(v directory.Device) string { return v.DisplayName },
		},
	}
}

type servicePrincipal struct {
	Type                   string    `json:"@odata.type"`
	ID                     string    `json:"id"`
	AccountEnabled         bool      `json:"accountEnabled"`
	AppDisplayName         string    `json:"appDisplayName"`
	AppID                  string    `json:"appId"`
	AppOwnerOrganizationID string    `json:"appOwnerOrganizationId"`
	AppRoles               []appRole `json:"appRoles"`
	DisplayName            string    `json:"displayName"`
	ServicePrincipalNames  []string  `json:"servicePrincipalNames"`
	ServicePrincipalType   string    `json:"servicePrincipalType"`
}

type appRole struct {
	AllowedMemberTypes []string `json:"allowedMemberTypes"`
	DisplayName        string   `json:"displayName"`
	IsEnabled          bool     `json:"isEnabled"`
	Value              string   `json:"value"`
}

// principals is the read-only other face of applications: here an application
// and its service principal are one.
func (d *Door) principals() resource[directory.App] {
	r := d.apps()
	r.path = "servicePrincipals"
	r.view = func(_ *call, a directory.App) (any, error) {
		out := servicePrincipal{
			Type: "#microsoft.graph.servicePrincipal", ID: a.ObjectID, AccountEnabled: true, AppDisplayName: a.DisplayName, AppID: string(a.ID),
			AppOwnerOrganizationID: string(a.Tenant), AppRoles: []appRole{}, DisplayName: a.DisplayName, ServicePrincipalType: "Application",
			ServicePrincipalNames: append([]string{string(a.ID)}, a.IdentifierURIs...),
		}
		if a.ID == directory.GraphAPI {
			for _, p := range directory.Permissions() {
				out.AppRoles = append(out.AppRoles, appRole{[]string{"Application"}, p, true, p})
			}
		}
		return out, nil
	}
	return r
}
