// Package configuration holds app configuration policies: what an administrator
// tells an app, as pairs of a name and a value.
//
// A policy carries free pairs, which mean something to the app alone, and typed
// settings of Microsoft Edge, which Catalogue knows by name, type and values. A
// free pair that names a key of the catalogue is that key: it is checked and
// delivered like a typed setting, under the exact spelling. What is nearly a key
// of the catalogue is refused, because Edge ignores names it does not know, and
// nobody notices.
//
// # Values
//
// The value of a key of the catalogue is JSON text in one form (see Key.Parse), so
// that equal values are equal texts. Every other value is what the administrator
// wrote. Tokens such as {{mail}} stand for facts about the person; Expand says which.
//
// # Errors
//
// Bad input is fault.Invalid and names the field, the value and what is valid.
//
// # Sources
//
// Policies follow the Graph beta resource targetedManagedAppConfiguration; keys
// follow Microsoft's public "Microsoft Edge - Policies" reference. How several
// policies merge is our own decision: docs/spec/windows-mam.md section 7.
package configuration

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

// PolicyID names an app configuration policy (Graph: "A_" and a GUID).
type PolicyID string

// DefaultPriority is the priority of a policy that says nothing about it, and
// LowestPriority the largest number that a policy may have.
const (
	DefaultPriority = 100
	LowestPriority  = 10_000
)

// Setting is a name and a value.
type Setting struct {
	Name  string
	Value string // free: delivered as written after tokens are expanded; of the catalogue: JSON text
}

// Policy is an app configuration policy (Graph beta: targetedManagedAppConfiguration).
type Policy struct {
	ID          PolicyID
	Tenant      directory.TenantID
	DisplayName string
	Description string
	Settings    []Setting // free pairs (Graph: customSettings)
	Catalog     []Setting // typed settings of Edge (Graph: settings); the name is that of the Edge policy
	Apps        []directory.PackageID
	Assignments []targeting.Assignment
	Priority    int // the smaller number wins a conflict; 0 is the highest priority
	// ManagementLevel is kept as it was given: every app that can be here is on an
	// unmanaged PC (Graph: targetedAppManagementLevels).
	ManagementLevel string `json:",omitempty"`
	ScopeTags       []string
	CreatedAt       time.Time
	ModifiedAt      time.Time
	Revision        int64
}

// clip keeps an error readable when someone sends a megabyte as a name.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
