package report

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Columns names the columns of a report, in order.
func Columns(n Name) []string {
	installation := []string{
		"User", "Email", "App", "AppVersion", "SdkVersion", "AppInstanceId", "DeviceName", "DeviceType", "AADDeviceID", "ManagementType",
		"Platform", "PlatformVersion", "AndroidPatchVersion", "Policy", "LastSync", "Manufacturer", "Model", "MDMDeviceID",
	}
	switch n {
	case ProtectionStatus:
		return append(installation, "AppProtectionStatus", "CheckedIn", "UpToDate", "ComplianceState", "Reasons", "Enforcement")
	case ConfigurationStatus:
		return append(installation, "AppConfigurationStatus", "CheckedIn", "UpToDate")
	case FlaggedUsers:
		return []string{"User", "Email", "App", "AppInstanceId", "DeviceName", "Flag", "Detail", "LastSync"}
	case SelectiveWipes:
		return []string{
			"User", "Email", "App", "DeviceName", "DeviceType", "State", "RequestedBy", "Reason", "Requested", "LastChange", "OperationId", "AppInstanceId",
		}
	}
	return nil
}

// status is one row of a status report about the policies whose identifiers
// begin with kind: 'T' for app protection, 'A' for app configuration.
func status(i Installation, kind byte) []string {
	var names []string
	for _, p := range i.Intended {
		if strings.HasPrefix(p.ID, string(kind)) {
			names = append(names, named(p))
		}
	}
	targeted := "Unprotected"
	if kind == 'A' {
		targeted = "NotConfigured"
	}
	if len(names) > 0 {
		targeted = map[byte]string{'T': "Protected", 'A': "Configured"}[kind]
	}
	row := []string{
		i.User.UserPrincipalName, i.User.Mail, string(i.App), i.AppVersion, i.SDKVersion, string(i.Registration), i.DeviceName, "Windows",
		string(i.Device), "Unmanaged", "Windows", i.OSVersion, "", strings.Join(names, "; "), stamp(i.LastSyncAt), i.Manufacturer, i.Model, "",
		targeted, yes(!i.LastSyncAt.IsZero(), "Checked in", "Not checked in"), yes(i.UpToDate, "Yes", "No"),
	}
	if kind == 'A' {
		return row
	}
	var reasons []string
	for _, r := range i.Verdict.Reasons {
		reasons = append(reasons, r.Code)
	}
	var controls []string
	for _, c := range i.Controls {
		controls = append(controls, c.Control+"="+string(c.State))
	}
	return append(row, i.Verdict.State.String(), strings.Join(reasons, "; "), strings.Join(controls, "; "))
}

func named(p Policy) string {
	if p.Name == "" {
		return p.ID + " (deleted)"
	}
	return p.Name
}

func flagged(i Installation, f Flag) []string {
	return []string{
		i.User.UserPrincipalName, i.User.Mail, string(i.App), string(i.Registration), i.DeviceName, f.Reason, f.Detail, stamp(i.LastSyncAt),
	}
}

func order(o Operation) []string {
	i := o.Installation
	return []string{
		i.User.UserPrincipalName, i.User.Mail, string(i.App), i.DeviceName, "Windows", o.State, o.RequestedBy, o.Reason,
		stamp(o.RequestedAt), stamp(o.ModifiedAt), o.ID, string(i.Registration),
	}
}

func yes(really bool, is, isNot string) string {
	if really {
		return is
	}
	return isNot
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Cell makes a value safe in a spreadsheet, which would run what looks like a
// formula (OWASP: CSV injection). Where a comma is part of a number, spreadsheets
// split lines at semicolons: what follows one begins a cell, too.
func Cell(s string) string {
	parts := strings.Split(s, ";")
	for i, part := range parts {
		if first, _ := utf8.DecodeRuneInString(part); part != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
			parts[i] = "'" + part
		}
	}
	return strings.Join(parts, ";")
}
