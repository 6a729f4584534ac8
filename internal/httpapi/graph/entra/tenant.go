package entra

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
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
	AllowDevelopmentHealth bool    `json:"allowDevelopmentHealth"`
	MaxUsersPerDevice      int     `json:"maxUsersPerDevice"`
	ProtectionOff          bool    `json:"protectionOff"`
	EntitledGroup          *string `json:"entitledGroup"`
	DenyUncovered          bool    `json:"denyUncovered"`
	AllowDeviceCode        bool    `json:"allowDeviceCode"`
}

func viewTenant(t directory.Tenant) organization {
	return organization{
		Type: "#microsoft.graph.organization", ID: string(t.ID), CreatedDateTime: graph.Stamp(t.CreatedAt), DisplayName: t.DisplayName,
		VerifiedDomains: []verifiedDomain{{Name: t.Domain, IsDefault: true, IsInitial: true}},
		Postern: tenantPostern{
			t.Settings.AllowDevelopmentHealth, t.Settings.MaxUsersPerDevice, t.Settings.ProtectionOff, graph.Text(string(t.Settings.EntitledGroup)),
			t.Settings.DenyUncovered, t.Settings.AllowDeviceCode,
		},
	}
}

// tenants serves the caller's own tenant and no other.
func (d *Area) tenants() graph.Set[directory.Tenant] {
	return graph.Set[directory.Tenant]{
		Path:  "organization",
		Items: func(c *graph.Call) admin.Collection[directory.Tenant] { return d.as(c).Tenants() },
		Kind:  "graph.organization", Read: directory.OrganizationRead, Write: directory.OrganizationWrite, Patched: http.StatusNoContent,
		ID:       func(t directory.Tenant) string { return string(t.ID) },
		Revision: func(t directory.Tenant) int64 { return t.Revision },
		View:     func(_ *graph.Call, t directory.Tenant) (any, error) { return viewTenant(t), nil },
		Find: func(c *graph.Call, key odata.Segment) (directory.Tenant, error) {
			if key.Text != string(c.Tenant()) {
				return directory.Tenant{}, fault.New(fault.NotFound, "there is no organization %q", key.Text)
			}
			return d.as(c).Tenants().Get(c.Ctx, c.Tenant(), key.Text)
		},
		Take: func(_ *graph.Call, o *odata.Object, t *directory.Tenant) {
			o.Text("displayName", &t.DisplayName)
			if p := o.Object("postern"); p != nil {
				p.Flag("allowDevelopmentHealth", &t.Settings.AllowDevelopmentHealth)
				p.Number("maxUsersPerDevice", &t.Settings.MaxUsersPerDevice)
				p.Flag("protectionOff", &t.Settings.ProtectionOff)
				p.Flag("denyUncovered", &t.Settings.DenyUncovered)
				p.Flag("allowDeviceCode", &t.Settings.AllowDeviceCode)
				entitled := string(t.Settings.EntitledGroup)
				p.Text("entitledGroup", &entitled)
				t.Settings.EntitledGroup = directory.GroupID(entitled)
				p.RefuseRest("there is no such setting")
			}
		},
	}
}

func (d *Area) listTenants(c *graph.Call) error {
	t, err := d.as(c).Tenants().Get(c.Ctx, c.Tenant(), string(c.Tenant()))
	if err != nil {
		return err
	}
	return c.Answer(graph.Rows("organization", "graph.organization", []any{viewTenant(t)}))
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
		IsCompliant: v.Compliant, Manufacturer: graph.Text(v.Manufacturer), Model: graph.Text(v.Model), OperatingSystem: system,
		OperatingSystemVersion: v.OSVersion, RegistrationDateTime: graph.Stamp(v.CreatedAt), TrustType: "Workplace",
		Postern: devicePostern{string(v.Owner), string(v.KeyProtection), v.KeyThumbprint},
	}
}

func (d *Area) devices() graph.Set[directory.Device] {
	return graph.Set[directory.Device]{
		Path:  "devices",
		Items: func(c *graph.Call) admin.Collection[directory.Device] { return d.as(c).Devices() },
		Kind:  "graph.device", Read: directory.DeviceRead, Write: directory.DeviceWrite, Directory: true, Name: "displayName",
		Patched:  http.StatusNoContent,
		ID:       func(v directory.Device) string { return string(v.ID) },
		Revision: func(v directory.Device) int64 { return v.Revision },
		View:     func(_ *graph.Call, v directory.Device) (any, error) { return viewDevice(v), nil },
		Find: func(c *graph.Call, key odata.Segment) (directory.Device, error) {
			if key.Property != "" && key.Property != "deviceId" {
				return directory.Device{}, fault.New(fault.Invalid, "key property %q is not supported on devices; use the id or deviceId", key.Property)
			}
			return d.as(c).Devices().Get(c.Ctx, c.Tenant(), key.Text)
		},
		Take: func(_ *graph.Call, o *odata.Object, v *directory.Device) {
			o.Flag("accountEnabled", &v.Enabled)
			o.Text("displayName", &v.DisplayName)
		},
	}
}

func (d *Area) deviceRoutes() []graph.Route {
	devices := d.devices()
	routes := slices.DeleteFunc(devices.Routes(), func(rt graph.Route) bool { return rt.Method == http.MethodPost })
	return append(routes,
		get("devices/{}/registeredOwners", directory.DeviceRead, d.ownersOfDevice),
		get("devices/{}/registeredUsers", directory.DeviceRead, d.ownersOfDevice),
		get("devices/{}/memberOf", directory.DeviceRead, nothing(devices, "memberOf", "graph.directoryObject")),
		get("devices/{}/transitiveMemberOf", directory.DeviceRead, nothing(devices, "transitiveMemberOf", "graph.directoryObject")),
	)
}

// ownersOfDevice answers who registered a device.
func (d *Area) ownersOfDevice(c *graph.Call) error {
	v, err := d.devices().One(c)
	if err != nil {
		return err
	}
	var views []any
	if u, err := d.as(c).Users().Get(c.Ctx, c.Tenant(), string(v.Owner)); err == nil {
		views = append(views, viewUser(u))
	} else if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return c.Answer(graph.Rows("devices/"+c.Key(0)+"/registeredOwners", "graph.directoryObject", views))
}

// devicesOf lists the devices that a user registered.
func (d *Area) devicesOf(c *graph.Call) error {
	u, err := d.users().One(c)
	if err != nil {
		return err
	}
	l := d.devices()
	l.Kept = func(_ *graph.Call, v directory.Device) bool { return v.Owner == u.ID }
	list := l.List(c)
	list.Path, list.Kind = "users/"+string(u.ID)+"/ownedDevices", "graph.directoryObject"
	return c.Answer(list)
}
