package admin

import (
	"context"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// Query narrows a list. Zero fields do not narrow.
type Query struct {
	Name  string // exact display name (for users: user principal name), without case
	After string // list what sorts after this identifier
	Limit int    // 0 means 100
}

// Note is what is kept together with a change: the facts it announces and its
// entry in the audit record.
type Note struct {
	Events []event.Event
	Entry  *audit.Entry // nil: none
}

// Objects keeps the objects of one kind, by identifier, in one tenant each.
type Objects[T any] interface {
	// Get returns fault.NotFound when id is unknown in the tenant.
	Get(ctx context.Context, t directory.TenantID, id string) (T, error)
	// List returns objects in identifier order.
	List(ctx context.Context, t directory.TenantID, q Query) ([]T, error)
	// Save creates (Revision 0) or compares and swaps, and returns what was
	// stored. fault.Conflict when the revision moved or a unique name is taken.
	Save(ctx context.Context, v T, events ...event.Event) (T, error)
	// Delete removes the object and everything that cannot be without it;
	// fault.NotFound when there is none.
	Delete(ctx context.Context, t directory.TenantID, id string, events ...event.Event) error
}

// Members keeps who is in which group.
type Members interface {
	// Members lists the direct members of a group.
	Members(ctx context.Context, t directory.TenantID, g directory.GroupID) ([]directory.Member, error)
	// MemberOf lists the groups that a user or a group is a direct member of.
	MemberOf(ctx context.Context, t directory.TenantID, id string) ([]directory.Group, error)
	// AddMember is fault.NotFound for an unknown group or member and
	// fault.Conflict for one that is in already.
	AddMember(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, events ...event.Event) error
	// RemoveMember is fault.NotFound when m is no direct member.
	RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, events ...event.Event) error
}

// Store is all that the room keeps. Saving an access policy, protection policy,
// group, member, application, device, connector or tenant moves the tenant's
// revision; saving a user moves that user's.
type Store interface {
	Users() Objects[directory.User]
	Groups() Objects[directory.Group]
	Apps() Objects[directory.App] // by AppID
	Devices() Objects[directory.Device]
	AccessPolicies() Objects[access.Policy]
	ProtectionPolicies() Objects[protection.Policy]
	Connectors() Objects[threat.Connector]
	Tenants() Objects[directory.Tenant] // id is the tenant's own
	Members
	// SaveUserWithPassword saves a user and what verifies the password together.
	SaveUserWithPassword(ctx context.Context, u directory.User, p Password, events ...event.Event) (directory.User, error)
	// Found creates the first tenant with all that belongs to it, or returns
	// fault.Conflict when the database holds a tenant already.
	Found(ctx context.Context, f Founding) error
}

// Password is what verifies a password, hashed already.
type Password struct {
	Hash       string // argon2id, PHC string
	MustChange bool
}

// Founding is a first tenant.
type Founding struct {
	Tenant   directory.Tenant
	Admin    directory.User
	Password Password
	Apps     []directory.App
}
