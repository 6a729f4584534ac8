package admin

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
)

// defaultLimit is how long a list is when nobody says.
const defaultLimit = 100

// Query narrows a list. Zero fields do not narrow.
type Query struct {
	Name  string // exact display name (for users: user principal name), without case
	After string // list what sorts after this identifier
	Limit int    // 0 means 100
}

// Note is what is kept together with a change, in its transaction: the facts it
// announces and its entry in the audit record. A change that the room makes has
// one; one that nobody needs to hear of has none.
type Note struct {
	Events []event.Event
	Entry  *audit.Entry // nil: none
	// Seen is the revision of what is to be deleted as it was judged and is on
	// record; 0: whatever is there is deleted.
	Seen int64
	// Basis is the revision of the tenant's configuration that the change was judged
	// by; 0: whatever it is. Of another one nothing is saved: ErrMoved.
	Basis int64
}

// ErrMoved says that the configuration is not the one that a change was judged by
// any more.
var ErrMoved = errors.New("admin: the configuration moved")

// Objects keeps the objects of one kind, by identifier, in one tenant each.
type Objects[T any] interface {
	// Get returns fault.NotFound when id is unknown in the tenant.
	Get(ctx context.Context, t directory.TenantID, id string) (T, error)
	// List returns objects in identifier order.
	List(ctx context.Context, t directory.TenantID, q Query) ([]T, error)
	// Count returns how many there are.
	Count(ctx context.Context, t directory.TenantID) (int, error)
	// Save creates (Revision 0) or compares and swaps, and returns what was
	// stored. fault.Conflict when the revision moved or a unique name is taken.
	Save(ctx context.Context, v T, notes ...Note) (T, error)
	// Delete removes the object and everything that cannot be without it;
	// fault.NotFound when there is none, fault.Conflict when it is not what was seen.
	Delete(ctx context.Context, t directory.TenantID, id string, notes ...Note) error
}

// Members keeps who is in which group and who owns it. Lists are in identifier
// order; Query.Name does not narrow them.
type Members interface {
	// Members lists the direct members of a group.
	Members(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error)
	// TransitiveMembers lists the members of a group, direct and nested.
	TransitiveMembers(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error)
	// MemberOf lists the groups that a user or a group is a direct member of.
	MemberOf(ctx context.Context, t directory.TenantID, id string, q Query) ([]directory.Group, error)
	// TransitiveMemberOf lists the groups that a user or a group is a member of, direct and nested.
	TransitiveMemberOf(ctx context.Context, t directory.TenantID, id string, q Query) ([]directory.Group, error)
	// AddMember is fault.NotFound for an unknown group or member and
	// fault.Conflict for one that is in already.
	AddMember(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, notes ...Note) error
	// RemoveMember is fault.NotFound when m is no direct member.
	RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, notes ...Note) error
}

// Owners keeps who owns which group: users and applications (by object identifier).
type Owners interface {
	// Owners lists the owners of a group.
	Owners(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error)
	// AddOwner is fault.NotFound for an unknown group and fault.Conflict for an owner that it has already.
	AddOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, notes ...Note) error
	// RemoveOwner is fault.NotFound when the group has no such owner.
	RemoveOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, notes ...Note) error
}

// EntryQuery narrows the audit record. Zero fields do not narrow.
type EntryQuery struct {
	Kinds    []audit.Kind
	Target   string    // identifier of the object
	After    string    // list what is older than this entry
	From, To time.Time // from From on, before To
	Limit    int       // 0 means 100
}

// Record is the append-only record of changes.
type Record interface {
	// Entries lists entries newest first.
	Entries(ctx context.Context, t directory.TenantID, q EntryQuery) ([]audit.Entry, error)
	// Entry returns one, or fault.NotFound.
	Entry(ctx context.Context, t directory.TenantID, id string) (audit.Entry, error)
	// Keep appends an entry about something that changed nothing.
	Keep(ctx context.Context, e audit.Entry) error
}

// Store is all that the room keeps. Saving an access policy, protection or
// configuration policy, filter, named location, group, member, application, device, connector or
// tenant moves the tenant's revision; saving a user moves that user's.
type Store interface {
	Users() Objects[directory.User]
	Groups() Objects[directory.Group]
	Apps() Objects[directory.App] // by AppID
	Devices() Objects[directory.Device]
	AccessPolicies() Objects[access.Policy]
	ProtectionPolicies() Objects[protection.Policy]
	Configurations() Objects[configuration.Policy]
	Filters() Objects[targeting.Filter]
	Connectors() Objects[threat.Connector]
	Tenants() Objects[directory.Tenant] // id is the tenant's own
	RoleDefinitions() Objects[directory.RoleDefinition]
	RoleAssignments() Objects[directory.RoleAssignment]
	ScopeTags() Objects[directory.ScopeTag]
	Members
	Owners
	Record
	Demands
	Bin
	NamedLocations() Objects[location.Location]
	// AppByObjectID returns fault.NotFound when there is none.
	AppByObjectID(ctx context.Context, t directory.TenantID, id string) (directory.App, error)
	// GroupByUniqueName returns fault.NotFound when there is none.
	GroupByUniqueName(ctx context.Context, t directory.TenantID, name string) (directory.Group, error)
	// RolesOf lists the role assignments that a user holds through groups, direct and nested.
	RolesOf(ctx context.Context, t directory.TenantID, u directory.UserID) ([]directory.RoleAssignment, error)
	// SaveUserWithPassword saves a user and what verifies the password together.
	SaveUserWithPassword(ctx context.Context, u directory.User, p Password, notes ...Note) (directory.User, error)
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
	Entries  []audit.Entry
}
