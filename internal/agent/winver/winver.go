// Package winver tells what Windows this is, on what PC, and whether an
// organisation manages it.
package winver

import (
	"cmp"
	"fmt"
	"strings"
)

// Release is a Windows as it tells about itself.
type Release struct {
	Major, Minor, Build uint32 // RtlGetVersion
	UBR                 uint32 // the update build revision of the registry; zero when it is missing
	Edition             string // EditionID of the registry, for example "Core"
	Display             string // DisplayVersion of the registry, for example "23H2"
}

// Version is the four-part version, for example "10.0.22631.4317". A revision that
// is not known is 0, older than any.
func (r Release) Version() string {
	return fmt.Sprintf("%d.%d.%d.%d", r.Major, r.Minor, r.Build, r.UBR)
}

// firstEleven is the first build of Windows 11; version and product name of the
// registry still say 10.
const firstEleven = 22000

// String names the release as people know it, for example "Windows 11 Pro 23H2".
func (r Release) String() string {
	name := fmt.Sprintf("Windows %d.%d", r.Major, r.Minor)
	if r.Major == 10 {
		name = "Windows 10"
		if r.Build >= firstEleven {
			name = "Windows 11"
		}
	}
	known := map[string]string{"Core": "Home", "CoreSingleLanguage": "Home Single Language", "CoreN": "Home N", "Professional": "Pro", "ProfessionalN": "Pro N"}
	return strings.Join(strings.Fields(name+" "+cmp.Or(known[r.Edition], r.Edition)+" "+r.Display), " ")
}

// PC names the machine.
type PC struct {
	Name, Manufacturer, Model string // empty when it is not known
}

// The kinds of an enrolment (DEVICEREGISTRATIONTYPE of MDMRegistration.h, also the
// value EnrollmentType of the registry).
const (
	mdmOnly             = 0
	mamOnly             = 5 // apps are managed, the PC is not
	mdmWithEntra        = 6
	mdmOfAUserWithEntra = 13
)

// enrolled is the EnrollmentState of an enrolment that stands.
const enrolled = 1

// Enrolment is one key under HKLM\SOFTWARE\Microsoft\Enrollments.
type Enrolment struct {
	State     uint64 // EnrollmentState
	Kind      uint64 // EnrollmentType
	HasKind   bool
	Discovery string // DiscoveryServiceFullURL: where the service is that manages
}

// Registered is what IsDeviceRegisteredWithManagement of MDMRegistration.dll said.
type Registered struct {
	Known, Yes bool
}

// Managed decides whether an MDM service manages the PC.
//
// Windows' own word counts where there is one. It does not tell MDM from a
// management of apps alone, so a yes needs an enrolment that is not known to be
// of that kind. Without a word the registry decides: an enrolment that stands, is
// not of apps alone, and has a service. Windows keeps further keys there for
// itself, which have none.
func Managed(r Registered, all []Enrolment) bool {
	apps, pc := false, false
	for _, e := range all {
		if e.State != enrolled {
			continue
		}
		switch {
		case e.HasKind && e.Kind == mamOnly:
			apps = true
		case e.Discovery != "":
			pc = true
		case e.HasKind && r.Known && (e.Kind == mdmOnly || e.Kind == mdmWithEntra || e.Kind == mdmOfAUserWithEntra):
			pc = true
		}
	}
	if !r.Known {
		return pc
	}
	return r.Yes && (pc || !apps)
}

// The kinds of a join.
const (
	domain     = 3 // NetSetupDomainName of NETSETUP_JOIN_STATUS
	deviceJoin = 1 // DSREG_DEVICE_JOIN; a work account that was added (2) leaves the PC personal
)

// Join is what Windows says of the directories that the PC belongs to.
type Join struct {
	Status     uint32 // NETSETUP_JOIN_STATUS of NetGetJoinInformation
	EntraKnown bool   // NetGetAadJoinInformation answered
	EntraType  uint32 // DSREG_JOIN_TYPE; zero when there is none
	EntraKeys  int    // keys under HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo
}

// Joined reports whether the PC belongs to an organisation's directory: Active
// Directory, or Entra ID by Windows' own word, or by the registry where there is none.
func (j Join) Joined() bool {
	if j.Status == domain {
		return true
	}
	if j.EntraKnown {
		return j.EntraType == deviceJoin
	}
	return j.EntraKeys > 0
}
