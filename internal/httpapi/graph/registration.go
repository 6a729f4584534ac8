package graph

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
)

const registrationsPath = "deviceAppManagement/managedAppRegistrations"

type windowsManagedAppRegistration struct {
	Type                 string               `json:"@odata.type"`
	ID                   string               `json:"id"`
	AppIdentifier        windowsAppIdentifier `json:"appIdentifier"`
	ApplicationVersion   string               `json:"applicationVersion"`
	AzureADDeviceID      string               `json:"azureADDeviceId"`
	CreatedDateTime      *string              `json:"createdDateTime"`
	DeviceManufacturer   *string              `json:"deviceManufacturer"`
	DeviceModel          *string              `json:"deviceModel"`
	DeviceName           string               `json:"deviceName"`
	DeviceTag            string               `json:"deviceTag"`
	DeviceType           string               `json:"deviceType"`
	FlaggedReasons       []string             `json:"flaggedReasons"`
	LastSyncDateTime     *string              `json:"lastSyncDateTime"`
	ManagedDeviceID      *string              `json:"managedDeviceId"`
	ManagementSDKVersion string               `json:"managementSdkVersion"`
	PlatformVersion      string               `json:"platformVersion"`
	UserID               string               `json:"userId"`
	Version              string               `json:"version"`
	Operations           []operation          `json:"operations,omitempty"`
	Postern              registrationPostern  `json:"postern"`
}

type windowsAppIdentifier struct {
	Type         string `json:"@odata.type"`
	WindowsAppID string `json:"windowsAppId"`
}

func appIdentifier(app directory.PackageID) windowsAppIdentifier {
	return windowsAppIdentifier{"#microsoft.graph.windowsAppIdentifier", string(app)}
}

// registrationPostern is the newest verdict, for display. Access is decided
// afresh each time and never reads it.
type registrationPostern struct {
	ComplianceState string   `json:"complianceState"`
	Action          string   `json:"action"`
	Reasons         []reason `json:"reasons"`
	WipePending     bool     `json:"wipePending"`
	Development     bool     `json:"developmentHealth"`
	EndedDateTime   *string  `json:"endedDateTime"`
	EndedFor        *string  `json:"endedFor"`
}

type reason struct {
	Code   string `json:"code"`
	Action string `json:"action"`
	Have   string `json:"have"`
	Want   string `json:"want"`
	Text   string `json:"text"`
}

type operation struct {
	Type                 string  `json:"@odata.type"`
	ID                   string  `json:"id"`
	DisplayName          string  `json:"displayName"`
	LastModifiedDateTime *string `json:"lastModifiedDateTime"`
	State                string  `json:"state"`
	Version              string  `json:"version"`
	Postern              receipt `json:"postern"`
}

type receipt struct {
	RequestedBy       string  `json:"requestedBy"`
	RequestedDateTime *string `json:"requestedDateTime"`
	Receipt           *string `json:"receipt"`
}

func viewOperation(op mam.Operation) operation {
	return operation{
		Type: "#microsoft.graph.managedAppOperation", ID: op.ID, DisplayName: op.DisplayName, LastModifiedDateTime: stamp(op.ModifiedAt),
		State: string(op.State), Version: etag(op.Revision),
		Postern: receipt{op.RequestedBy, stamp(op.RequestedAt), text(op.Receipt)},
	}
}

func (d *Door) viewRegistration(c *call, r mam.Registration) (any, error) {
	out := windowsManagedAppRegistration{
		Type: "#microsoft.graph.windowsManagedAppRegistration", ID: string(r.Standing.Registration), AppIdentifier: appIdentifier(r.App),
		ApplicationVersion: r.AppVersion, AzureADDeviceID: string(r.Device), CreatedDateTime: stamp(r.EnrolledAt),
		DeviceManufacturer: text(r.Manufacturer), DeviceModel: text(r.DeviceModel), DeviceName: r.DeviceName, DeviceTag: string(r.Device),
		DeviceType: "Windows", FlaggedReasons: []string{}, LastSyncDateTime: stamp(r.LastSyncAt), ManagementSDKVersion: r.SDKVersion,
		PlatformVersion: r.OSVersion, UserID: string(r.User), Version: etag(r.Revision),
		Postern: registrationPostern{
			ComplianceState: r.Verdict.State.String(), Action: r.Verdict.Action.String(), Reasons: []reason{}, WipePending: r.WipePending,
			Development: r.Development, EndedDateTime: stamp(r.EndedAt), EndedFor: text(r.EndedFor),
		},
	}
	for _, why := range r.Verdict.Reasons {
		out.Postern.Reasons = append(out.Postern.Reasons, reason{why.Code, why.Action.String(), why.Have, why.Want, why.Text})
	}
	if !c.expands("operations") {
		return out, nil
	}
	ops, err := d.Registrations.History(c.ctx, c.tenant(), r.Standing.Registration)
	for _, op := range ops {
		out.Operations = append(out.Operations, viewOperation(op))
	}
	return out, err
}

// registrations finds one page. Ended registrations stay findable by their
// identifier; lists show living ones.
func (d *Door) registrations(c *call, f mam.Filter) ([]mam.Registration, string, error) {
	if c.query.OrderBy != "" {
		return nil, "", unsupportedQuery(fault.New(fault.Invalid, "$orderby is not supported on %s", registrationsPath))
	}
	if eq := c.query.Filter; eq != nil {
		switch eq.Property {
		case "userId":
			f.User = directory.UserID(eq.Value)
		case "deviceTag", "azureADDeviceId":
			f.Device = directory.DeviceID(eq.Value)
		default:
			return nil, "", unsupportedQuery(fault.New(fault.Invalid,
				"$filter by %q is not supported here; supported are userId, deviceTag, azureADDeviceId", eq.Property))
		}
	}
	top := cmp.Or(c.query.Top, defaultPage)
	f.After, f.Limit = directory.RegistrationID(c.query.SkipToken), top+1
	found, err := d.Registrations.List(c.ctx, c.tenant(), f)
	if err != nil || len(found) <= top {
		return found, "", err
	}
	return found[:top], string(found[top-1].Standing.Registration), nil
}

func (d *Door) listRegistrations(c *call) error {
	return d.pageRegistrations(c, registrationsPath, mam.Filter{})
}

func (d *Door) listUserRegistrations(c *call) error {
	u, err := d.users().one(c)
	if err != nil {
		return err
	}
	return d.pageRegistrations(c, "users/"+string(u.ID)+"/managedAppRegistrations", mam.Filter{User: u.ID})
}

func (d *Door) pageRegistrations(c *call, path string, f mam.Filter) error {
	if err := c.expandable([]string{"operations"}); err != nil {
		return err
	}
	found, next, err := d.registrations(c, f)
	if err != nil {
		return err
	}
	p := page{path: path, next: next}
	for _, r := range found {
		v, err := d.viewRegistration(c, r)
		if err != nil {
			return err
		}
		p.items = append(p.items, v)
	}
	if c.query.Count {
		if p.count, err = d.totalRegistrations(c, f); err != nil {
			return err
		}
	}
	return c.page(p)
}

func (d *Door) countRegistrations(c *call) error {
	n, err := d.totalRegistrations(c, mam.Filter{})
	if err != nil {
		return err
	}
	return c.number(n)
}

func (d *Door) totalRegistrations(c *call, f mam.Filter) (int, error) {
	all := *c
	all.query.SkipToken, all.query.Top = "", 999
	n := 0
	for {
		found, next, err := d.registrations(&all, f)
		n += len(found)
		if err != nil || next == "" {
			return n, err
		}
		all.query.SkipToken = next
	}
}

func (d *Door) getRegistration(c *call) error {
	if err := c.expandable([]string{"operations"}); err != nil {
		return err
	}
	r, err := d.Registrations.Get(c.ctx, c.tenant(), directory.RegistrationID(c.key(0)))
	if err != nil {
		return err
	}
	v, err := d.viewRegistration(c, r)
	if err != nil {
		return err
	}
	return c.entity(http.StatusOK, registrationsPath, v)
}

func (d *Door) operations(c *call) ([]mam.Operation, error) {
	id := directory.RegistrationID(c.key(0))
	if _, err := d.Registrations.Get(c.ctx, c.tenant(), id); err != nil {
		return nil, err
	}
	return d.Registrations.History(c.ctx, c.tenant(), id)
}

func (d *Door) listOperations(c *call) error {
	ops, err := d.operations(c)
	if err != nil {
		return err
	}
	var items []any
	for _, op := range ops {
		items = append(items, viewOperation(op))
	}
	return c.small(registrationsPath+"/"+c.key(0)+"/operations", items)
}

func (d *Door) getOperation(c *call) error {
	ops, err := d.operations(c)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if strings.EqualFold(op.ID, c.key(1)) {
			return c.entity(http.StatusOK, registrationsPath+"/"+c.key(0)+"/operations", viewOperation(op))
		}
	}
	return fault.New(fault.NotFound, "there is no operation %q", c.key(1))
}
