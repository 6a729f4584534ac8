package store

import (
	"cmp"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
)

// folded is a name as it is compared: without case. SQL's lower() knows ASCII
// only on SQLite, so Go does it for both engines.
func folded(name string) string { return strings.ToLower(name) }

var tenantTable = define(table[directory.Tenant]{
	name: "tenants", noun: "tenant", unique: "name",
	key:      func(v *directory.Tenant) (string, string) { return string(v.ID), string(v.ID) },
	revision: func(v *directory.Tenant) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *directory.Tenant) []any { return []any{folded(v.DisplayName)} },
})

var userTable = define(table[directory.User]{
	name: "users", noun: "user", unique: "user principal name",
	key:      func(v *directory.User) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *directory.User) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *directory.User) []any { return []any{folded(v.UserPrincipalName)} },
})

var credentialTable = define(table[idp.Credential]{
	name: "credentials", noun: "credential of user", unique: "user",
	key:      func(v *idp.Credential) (string, string) { return string(v.Tenant), string(v.User) },
	revision: func(v *idp.Credential) *int64 { return &v.Revision },
})

var groupTable = define(table[directory.Group]{
	name: "user_groups", noun: "group", unique: "unique name",
	key:      func(v *directory.Group) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *directory.Group) *int64 { return &v.Revision },
	columns:  []string{"name", "unique_name"},
	values:   func(v *directory.Group) []any { return []any{folded(v.DisplayName), v.UniqueName} },
})

var appTable = define(table[directory.App]{
	name: "apps", noun: "application", unique: "host of a published site",
	key:      func(v *directory.App) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *directory.App) *int64 { return &v.Revision },
	columns:  []string{"name", "site_host", "object_id"},
	values:   func(v *directory.App) []any { return []any{folded(v.DisplayName), siteHost(v.Site), v.ObjectID} },
})

func siteHost(s *directory.Site) string {
	if s == nil {
		return ""
	}
	return folded(s.Host)
}

var deviceTable = define(table[directory.Device]{
	name: "devices", noun: "device", unique: "key",
	key:      func(v *directory.Device) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *directory.Device) *int64 { return &v.Revision },
	columns:  []string{"name", "jkt"},
	values:   func(v *directory.Device) []any { return []any{folded(v.DisplayName), v.KeyThumbprint} },
})

var accessTable = define(table[access.Policy]{
	name: "access_policies", noun: "conditional access policy", unique: "name",
	key:      func(v *access.Policy) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *access.Policy) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *access.Policy) []any { return []any{folded(v.DisplayName)} },
})

var configurationTable = define(table[configuration.Policy]{
	name: "configurations", noun: "app configuration policy", unique: "name",
	key:      func(v *configuration.Policy) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *configuration.Policy) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *configuration.Policy) []any { return []any{folded(v.DisplayName)} },
})

var filterTable = define(table[targeting.Filter]{
	name: "filters", noun: "assignment filter", unique: "name",
	key:      func(v *targeting.Filter) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *targeting.Filter) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *targeting.Filter) []any { return []any{folded(v.DisplayName)} },
})

var protectionTable = define(table[protection.Policy]{
	name: "protection_policies", noun: "app protection policy", unique: "name",
	key:      func(v *protection.Policy) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *protection.Policy) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *protection.Policy) []any { return []any{folded(v.DisplayName)} },
})

var connectorTable = define(table[threat.Connector]{
	name: "connectors", noun: "threat connector", unique: "partner",
	key:      func(v *threat.Connector) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *threat.Connector) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *threat.Connector) []any { return []any{folded(string(v.ID))} },
})

var registrationTable = define(table[mam.Registration]{
	name: "registrations", noun: "registration", unique: "user, app and device", steady: true,
	key: func(v *mam.Registration) (string, string) {
		return string(v.Tenant), string(v.Standing.Registration)
	},
	revision: func(v *mam.Registration) *int64 { return &v.Standing.Revision },
	columns:  []string{"user_id", "device_id", "app", "ended_at", "seen_day"},
	values: func(v *mam.Registration) []any {
		return []any{string(v.User), string(v.Device), string(v.App), ms(v.EndedAt), max(day(v.EnrolledAt), day(v.LastSyncAt))}
	},
})

// day is the day of Unix time; 0 for the zero time.
func day(t time.Time) int64 { return ms(t) / (24 * time.Hour).Milliseconds() }

var operationTable = define(table[mam.Operation]{
	name: "operations", noun: "operation", unique: "identifier",
	key:      func(v *mam.Operation) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *mam.Operation) *int64 { return &v.Revision },
	columns:  []string{"registration_id", "requested_at", "kind", "state", "modified_at"},
	values: func(v *mam.Operation) []any {
		return []any{string(v.Registration), ms(v.RequestedAt), string(cmp.Or(v.Kind, mam.Wipe)), string(v.State), ms(v.ModifiedAt)}
	},
})

var sessionTable = define(table[idp.Session]{
	name: "sessions", noun: "session", unique: "cookie",
	key:      func(v *idp.Session) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *idp.Session) *int64 { return &v.Revision },
	columns:  []string{"user_id", "cookie_hash", "registration_id", "expires_at", "revoked_at"},
	values: func(v *idp.Session) []any {
		return []any{string(v.User), v.CookieHash, string(v.Registration), ms(v.ExpiresAt), ms(v.RevokedAt)}
	},
})

var flowTable = define(table[idp.Flow]{
	name: "flows", noun: "sign-in", unique: "identifier",
	key:      func(v *idp.Flow) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *idp.Flow) *int64 { return &v.Revision },
	columns:  []string{"expires_at"},
	values:   func(v *idp.Flow) []any { return []any{ms(v.ExpiresAt)} },
})

// The column previous_hash holds the hash of what the family's tokens share.
var grantTable = define(table[idp.Grant]{
	name: "grants", noun: "grant", unique: "refresh token",
	key:      func(v *idp.Grant) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *idp.Grant) *int64 { return &v.Revision },
	columns:  []string{"client_id", "session_id", "refresh_hash", "previous_hash", "expires_at"},
	values: func(v *idp.Grant) []any {
		return []any{string(v.Client), string(v.Session), v.RefreshHash, v.FamilyHash, ms(v.ExpiresAt)}
	},
})
