package graph

import (
	"net/http"
	"time"

	"github.com/postern-mam/postern/internal/directory"
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

func (d *Door) viewConnector(c *call, v threat.Connector) (any, error) {
	after := v.UnresponsiveAfter
	if after <= 0 {
		after = threat.DefaultUnresponsiveAfter
	}
	out := mobileThreatDefenseConnector{
		Type: "#microsoft.graph.mobileThreatDefenseConnector", ID: string(v.ID), LastHeartbeatDateTime: "0001-01-01T00:00:00Z",
		PartnerState:                             string(v.State(d.Now().UTC())),
		PartnerUnresponsivenessThresholdInDays:   int(after / day),
		WindowsDeviceBlockedOnMissingPartnerData: v.BlockOnSilence,
	}
	if s := stamp(v.HeartbeatAt); s != nil {
		out.LastHeartbeatDateTime = *s
	}
	if c.version == "beta" {
		out.WindowsMobileApplicationManagementEnabled = &v.EnabledForWindows
	}
	return out, nil
}

func (d *Door) connectors() resource[threat.Connector] {
	return resource[threat.Connector]{
		path: "deviceManagement/mobileThreatDefenseConnectors", items: d.Admin.Connectors(), patched: http.StatusOK,
		id:       func(v threat.Connector) string { return string(v.ID) },
		revision: func(v threat.Connector) int64 { return v.Revision },
		view:     d.viewConnector,
		read:     readConnector,
		props: map[string]func(threat.Connector) string{
			"id":           func(v threat.Connector) string { return string(v.ID) },
			"partnerState": func(v threat.Connector) string { return string(v.State(d.Now().UTC())) },
		},
	}
}

// readConnector takes over what an admin may set. The partner's own standing,
// partnerState and lastHeartbeatDateTime, comes from the partner alone; the
// flags of other platforms have nothing to switch.
func readConnector(c *call, o *odata.Object, v *threat.Connector) {
	if v.Revision == 0 {
		v.Tenant = c.tenant()
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
