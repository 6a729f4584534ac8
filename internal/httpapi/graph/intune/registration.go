package intune

import (
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
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
		Type: "#microsoft.graph.managedAppOperation", ID: op.ID, DisplayName: op.DisplayName, LastModifiedDateTime: graph.Stamp(op.ModifiedAt),
		State: string(op.State), Version: graph.ETag(op.Revision),
		Postern: receipt{op.RequestedBy, graph.Stamp(op.RequestedAt), graph.Text(op.Receipt)},
	}
}

func viewRegistration(_ *graph.Call, r mam.Registration) any {
	out := windowsManagedAppRegistration{
		Type: "#microsoft.graph.windowsManagedAppRegistration", ID: string(r.Standing.Registration), AppIdentifier: appIdentifier(r.App),
		ApplicationVersion: r.AppVersion, AzureADDeviceID: string(r.Device), CreatedDateTime: graph.Stamp(r.EnrolledAt),
		DeviceManufacturer: graph.Text(r.Manufacturer), DeviceModel: graph.Text(r.DeviceModel), DeviceName: r.DeviceName, DeviceTag: string(r.Device),
		DeviceType: "Windows", FlaggedReasons: []string{}, LastSyncDateTime: graph.Stamp(r.LastSyncAt), ManagementSDKVersion: r.SDKVersion,
		PlatformVersion: r.OSVersion, UserID: string(r.User), Version: graph.ETag(r.Revision),
		Postern: registrationPostern{
			ComplianceState: r.Verdict.State.String(), Action: r.Verdict.Action.String(), Reasons: []reason{}, WipePending: r.WipePending,
			Development: r.Development, EndedDateTime: graph.Stamp(r.EndedAt), EndedFor: graph.Text(r.EndedFor),
		},
	}
	for _, why := range r.Verdict.Reasons {
		out.Postern.Reasons = append(out.Postern.Reasons, reason{why.Code, why.Action.String(), why.Have, why.Want, why.Text})
	}
	return out
}

func (d *Area) expandRegistration(c *graph.Call, r mam.Registration, e odata.Expansion) (any, error) {
	ops, err := d.Registrations.History(c.Ctx, c.Tenant(), r.Standing.Registration)
	return viewOperations(ops), err
}

func viewOperations(ops []mam.Operation) []any {
	out := []any{}
	for _, op := range ops {
		out = append(out, viewOperation(op))
	}
	return out
}

// list is registrations as clients query them. A user or a device in $filter is
// looked up by an index. Ended registrations stay findable by their identifier;
// lists show living ones.
func (d *Area) list(c *graph.Call, path string, f mam.Filter) graph.List {
	if user, ok := c.Options.Filter.Equals("userId"); ok {
		f.User = directory.UserID(user)
	}
	for _, property := range []string{"deviceTag", "azureADDeviceId"} {
		if device, ok := c.Options.Filter.Equals(property); ok {
			f.Device = directory.DeviceID(device)
		}
	}
	return graph.List{Path: path, Kind: "graph.managedAppRegistration", Expands: registrationExpands(), Page: func(after string, limit int) ([]graph.Row, error) {
		f.After, f.Limit = directory.RegistrationID(after), limit
		found, err := d.Registrations.List(c.Ctx, c.Tenant(), f)
		var rows []graph.Row
		for _, r := range found {
			rows = append(rows, d.row(c, r))
		}
		return rows, err
	}}
}

func registrationExpands() []string { return []string{"operations"} }

func (d *Area) row(c *graph.Call, r mam.Registration) graph.Row {
	return graph.Row{ID: string(r.Standing.Registration), View: viewRegistration(c, r), Expand: func(e odata.Expansion) (any, error) {
		return d.expandRegistration(c, r, e)
	}}
}

func (d *Area) listRegistrations(c *graph.Call) error {
	return c.Answer(d.list(c, registrationsPath, mam.Filter{}))
}

func (d *Area) countRegistrations(c *graph.Call) error {
	return c.Total(d.list(c, registrationsPath, mam.Filter{}))
}

func (d *Area) ofUser(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
		if err != nil {
			return err
		}
		return answer(c, d.list(c, "users/"+string(u.ID)+"/managedAppRegistrations", mam.Filter{User: u.ID}))
	}
}

func (d *Area) getRegistration(c *graph.Call) error {
	if err := c.Expandable(registrationExpands()); err != nil {
		return err
	}
	r, err := d.Registrations.Get(c.Ctx, c.Tenant(), directory.RegistrationID(c.Key(0)))
	if err != nil {
		return err
	}
	return c.One(http.StatusOK, registrationsPath, d.row(c, r))
}

func (d *Area) operations(c *graph.Call) ([]mam.Operation, error) {
	id := directory.RegistrationID(c.Key(0))
	if _, err := d.Registrations.Get(c.Ctx, c.Tenant(), id); err != nil {
		return nil, err
	}
	return d.Registrations.History(c.Ctx, c.Tenant(), id)
}

func (d *Area) listOperations(c *graph.Call) error {
	ops, err := d.operations(c)
	if err != nil {
		return err
	}
	return c.Answer(graph.Rows(registrationsPath+"/"+c.Key(0)+"/operations", "graph.managedAppOperation", viewOperations(ops)))
}

func (d *Area) getOperation(c *graph.Call) error {
	ops, err := d.operations(c)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if strings.EqualFold(op.ID, c.Key(1)) {
			return c.Entity(http.StatusOK, registrationsPath+"/"+c.Key(0)+"/operations", viewOperation(op))
		}
	}
	return fault.New(fault.NotFound, "there is no operation %q", c.Key(1))
}
