package tenantadmin

import (
	"net/http"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/threat"
)

const day = 24 * time.Hour

// mobileThreatDefenseConnector has the flags of other platforms, which are
// always false here.
type mobileThreatDefenseConnector struct {
	Type                                      string  `json:"@odata.type"`
	ID                                        string  `json:"id"`
	AndroidDeviceBlockedOnMissingPartnerData  bool    `json:"androidDeviceBlockedOnMissingPartnerData"`
	AndroidEnabled                            bool    `json:"androidEnabled"`
	AndroidMobileApplicationManagementEnabled bool    `json:"androidMobileApplicationManagementEnabled"`
	IosDeviceBlockedOnMissingPartnerData      bool    `json:"iosDeviceBlockedOnMissingPartnerData"`
	IosEnabled                                bool    `json:"iosEnabled"`
	IosMobileApplicationManagementEnabled     bool    `json:"iosMobileApplicationManagementEnabled"`
	LastHeartbeatDateTime                     string  `json:"lastHeartbeatDateTime"`
	MicrosoftDefenderForEndpointAttachEnabled bool    `json:"microsoftDefenderForEndpointAttachEnabled"`
	PartnerState                              string  `json:"partnerState"`
	PartnerUnresponsivenessThresholdInDays    int     `json:"partnerUnresponsivenessThresholdInDays"`
	PartnerUnsupportedOsVersionBlocked        bool    `json:"partnerUnsupportedOsVersionBlocked"`
	WindowsDeviceBlockedOnMissingPartnerData  bool    `json:"windowsDeviceBlockedOnMissingPartnerData"`
	WindowsEnabled                            bool    `json:"windowsEnabled"`
	WindowsMobileApplicationManagementEnabled *bool   `json:"windowsMobileApplicationManagementEnabled,omitempty"` // beta
	Version                                   *string `json:"version,omitempty"`
}

func (d *Area) viewConnector(c *graph.Call, v threat.Connector) (any, error) {
	after := v.UnresponsiveAfter
	if after <= 0 {
		after = threat.DefaultUnresponsiveAfter
	}
	out := mobileThreatDefenseConnector{
		Type: "#microsoft.graph.mobileThreatDefenseConnector", ID: string(v.ID), LastHeartbeatDateTime: graph.Never,
		PartnerState:                             string(v.State(d.Now().UTC())),
		PartnerUnresponsivenessThresholdInDays:   int(after / day),
		WindowsDeviceBlockedOnMissingPartnerData: v.BlockOnSilence,
	}
	if s := graph.Stamp(v.HeartbeatAt); s != nil {
		out.LastHeartbeatDateTime = *s
	}
	if c.Version == graph.Beta {
		out.WindowsMobileApplicationManagementEnabled = &v.EnabledForWindows
	}
	return out, nil
}

func (d *Area) connectors() graph.Set[threat.Connector] {
	return graph.Set[threat.Connector]{
		Path:  "deviceManagement/mobileThreatDefenseConnectors",
		Items: func(c *graph.Call) admin.Collection[threat.Connector] { return d.as(c).Connectors() },
		Kind:  "graph.mobileThreatDefenseConnector", Read: directory.ConnectorRead, Write: directory.ConnectorWrite, Patched: http.StatusOK,
		Actions:  graph.Actions{Read: directory.ThreatRead, Create: directory.ThreatModify, Update: directory.ThreatModify, Delete: directory.ThreatModify},
		ID:       func(v threat.Connector) string { return string(v.ID) },
		Revision: func(v threat.Connector) int64 { return v.Revision },
		View:     d.viewConnector,
		Take:     readConnector,
	}
}

// readConnector takes over what an admin may set. The partner's own standing,
// partnerState and lastHeartbeatDateTime, comes from the partner alone; the
// flags of other platforms have nothing to switch.
func readConnector(c *graph.Call, o *odata.Object, v *threat.Connector) {
	if v.Revision == 0 {
		v.Tenant = c.Tenant()
		id := string(directory.WindowsSecurityCenter)
		if o.Has("id") {
			o.Text("id", &id)
		}
		v.ID = directory.AppID(id)
	}
	o.Flag("windowsMobileApplicationManagementEnabled", &v.EnabledForWindows)
	o.Flag("windowsDeviceBlockedOnMissingPartnerData", &v.BlockOnSilence)
	if o.Has("partnerUnresponsivenessThresholdInDays") {
		days := 0
		o.Number("partnerUnresponsivenessThresholdInDays", &days)
		if days < 0 || days > 90 {
			o.Refuse("partnerUnresponsivenessThresholdInDays", "is %d; it must be between 1 and 90, or 0 for 7", days)
		}
		v.UnresponsiveAfter = time.Duration(days) * day
	}
}
