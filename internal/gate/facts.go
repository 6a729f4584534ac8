package gate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/strength"
)

// facts are what policies are held against, from what was read.
func (s *Service) facts(r access.Request, f Facts, d *demands, now time.Time) access.Facts {
	a := access.Facts{
		Actions: r.Actions, Contexts: r.Contexts, Bootstrap: bootstrap(r.Resources),
		ClientAppType: r.ClientAppType, Platform: platform(r, f), Transfer: r.Transfer,
		Background: r.Background, Continues: r.Continues, Now: now,
	}
	if a.ClientAppType == "" {
		if a.ClientAppType = access.Browser; f.Client.Public {
			a.ClientAppType = access.MobileAndDesktop
		}
	}
	for _, app := range slices.Concat(f.Resources, f.Bound) {
		a.Resources = append(a.Resources, access.ResourceOf(app))
	}
	if ip, err := netip.ParseAddr(r.IP); err == nil {
		a.IP = ip.Unmap().WithZone("")
		a.Country = s.country(a.IP)
	}
	if r.Workload {
		a.Workload, a.WorkloadRisk = r.Client, access.RiskNone
		return a
	}
	a.Identify(f.User, f.Groups)
	a.SignInRisk = signInRisk(r, f)
	a.OriginalTransfer = access.TransferMethod(f.Session.Transfer)
	a.Methods, a.Offers = methods(f.Session.Methods), strength.Password|strength.SoftwareOath
	a.AuthAt, a.MFAAt, a.PasswordChangedAt = f.Session.AuthAt, f.Session.MFAAt, f.Session.PasswordAt
	a.Terms = accepted(d.agreements, f, now)
	a.Device = device(f.Device)
	a.Bound = r.Bound || a.Device != nil && !f.Client.Public // a device binds its browser; tokens elsewhere are bound by a key
	return a
}

// device is an enabled device that proved itself. All of them are personal.
func device(d *directory.Device) *access.Device {
	if d == nil || !d.Enabled {
		return nil
	}
	system := d.Platform
	if access.Platform(d.Platform) == access.Windows {
		system = "Windows"
	}
	return &access.Device{
		ID: d.ID, DisplayName: d.DisplayName, Ownership: "Personal", TrustType: access.Registered, Compliant: d.Compliant,
		ProfileType: "RegisteredDevice", Manufacturer: d.Manufacturer, Model: d.Model,
		OperatingSystem: system, OperatingSystemVersion: d.OSVersion,
	}
}

// methods are the authentication methods of a session, from its amr values (RFC 8176).
func methods(amr []string) strength.Methods {
	var m strength.Methods
	for _, name := range amr {
		switch name {
		case "pwd":
			m |= strength.Password
		case "otp":
			m |= strength.SoftwareOath
		}
	}
	return m
}

// signInRisk is low when a browser claims another platform than its device has,
// and none otherwise.
func signInRisk(r access.Request, f Facts) access.Risk {
	claimed := access.PlatformOf(r.UserAgent)
	if f.Device != nil && f.Device.Platform != "" && claimed != "" && claimed != access.Platform(f.Device.Platform) {
		return access.RiskLow
	}
	return access.RiskNone
}

// accepted are the agreements whose text in force the person accepted.
func accepted(agreements []agreement.Agreement, f Facts, now time.Time) []agreement.ID {
	var out []agreement.ID
	var on directory.DeviceID
	if f.Device != nil {
		on = f.Device.ID
	}
	for _, g := range agreements {
		if slices.ContainsFunc(f.Acceptances, func(a agreement.Acceptance) bool { return g.InForce(a, on, now) }) {
			out = append(out, g.ID)
		}
	}
	return out
}

// platform is the recorded one of the device behind the session, for a user
// agent is a claim; without a device the claim is all there is.
func platform(r access.Request, f Facts) access.Platform {
	if f.Device != nil && f.Device.Platform != "" {
		return access.Platform(f.Device.Platform)
	}
	return access.PlatformOf(r.UserAgent)
}

// bootstrap reports whether every resource is one that enrolment needs. Asking
// for one more forfeits the waiver for all.
func bootstrap(resources []directory.AppID) bool {
	for _, app := range resources {
		if !app.Bootstrap() {
			return false
		}
	}
	return len(resources) > 0
}
