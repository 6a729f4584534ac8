package admin

import (
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Require refuses a caller whose token is for another resource or lacks the
// permission; the refusal names what is needed. Permission to write implies
// permission to read.
func Require(p oauth.Principal, permission string) error {
	if p.Audience != directory.GraphAPI {
		return fault.New(fault.Forbidden, "the access token is for %q; this API is %q", p.Audience, directory.GraphAPI)
	}
	if !holds(p.Permissions, permission) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; %s is needed", needed(permission))
	}
	return nil
}

// MayEmpower refuses a caller who would give, or gain through another, any of
// permissions without holding it. Without this, permission to manage
// applications or users would be permission to do everything.
func MayEmpower(p oauth.Principal, permissions []string) error {
	for _, needed := range permissions {
		if !holds(p.Permissions, needed) {
			return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; only a caller who holds %s may do this", needed)
		}
	}
	return nil
}

// PowersOf lists the permissions that directory roles give.
func PowersOf(roles []directory.Role) []string {
	if slices.Contains(roles, directory.GlobalAdministrator) {
		return directory.Permissions()
	}
	return nil
}

func holds(have []string, want string) bool {
	if slices.Contains(have, want) {
		return true
	}
	wider, ok := wider(want)
	return ok && slices.Contains(have, wider)
}

func wider(permission string) (string, bool) {
	if permission == directory.AccessRead {
		return directory.AccessWrite, true
	}
	prefix, ok := strings.CutSuffix(permission, ".Read.All")
	return prefix + ".ReadWrite.All", ok
}

func needed(permission string) string {
	if w, ok := wider(permission); ok && permission != directory.AuditRead {
		return permission + " or " + w
	}
	return permission
}
