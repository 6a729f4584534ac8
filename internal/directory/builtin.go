package directory

// Well-known applications, the same in every tenant.
const (
	// GraphAPI is the administration API as a resource. The identifier is
	// Microsoft Graph's, so that clients which hard-code it work.
	GraphAPI AppID = "00000003-0000-0000-c000-000000000000"
	// EnrollmentAPI is the bootstrap resource: device registration, enrolment,
	// check-in, policy fetch. Only compliantApplication and compliantDevice are
	// waived there.
	EnrollmentAPI AppID = "0a5e7f10-1c1b-4d53-9a47-6b7e10a4a001"
	// RemediationPortal is the bootstrap resource behind the remediation page.
	RemediationPortal AppID = "0a5e7f10-1c1b-4d53-9a47-6b7e10a4a002"
	// ThreatAPI is where threat connectors report.
	ThreatAPI AppID = "0a5e7f10-1c1b-4d53-9a47-6b7e10a4a003"
	// AgentClient is the public client of the agent and of SDK apps.
	AgentClient AppID = "0a5e7f10-1c1b-4d53-9a47-6b7e10a4a004"
	// DirectoryAPI is the audience judged when only OpenID scopes are asked
	// (conditional-access.md section 1.2).
	DirectoryAPI AppID = "00000002-0000-0000-c000-000000000000"
	// WindowsSecurityCenter is the partner identifier of the Windows Security
	// Center connector and the client identifier that connector signs in with.
	WindowsSecurityCenter AppID = "c2b688fe-48c0-464b-a89c-67041aa8fcb2"
)

// Bootstrap reports whether app is a resource that enrolment needs, where only
// compliantApplication and compliantDevice are waived so that enrolment can
// never deadlock (conditional-access.md, corner case 27).
func (app AppID) Bootstrap() bool {
	return app == EnrollmentAPI || app == RemediationPortal
}
