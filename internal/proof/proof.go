// Package proof answers questions about a whole set of Conditional Access
// policies: may anybody get in who must not (Prove), which policies cannot do what
// they say (Lint), and does an admin still get in (Lockout). It is pure.
//
// # Method
//
// Policies can tell only finitely many sign-ins apart. For every dimension of one
// (who, where from, on what device and so on) the proof finds the classes that no
// policy tells apart, with one representative of each, and asks the evaluator
// itself which policies let it through: there is no second opinion on what a
// condition means. A search then goes through the dimensions. All that matters of
// the choices made is which policies are left, so that a state that led nowhere
// is not looked at twice, and a class that leaves more policies than another is
// never needed. Grant controls are monotone: what may be met is taken as met.
//
// A witness is shown only after the evaluator has granted it. What cannot be
// exhausted is answered by Unknown, with the reason, never by No.
//
// # What exists
//
// People and apps are those of a World, or, where it names none, whoever and
// whatever the policies can tell apart. One sign-in asks for one target; claims
// such as the platform can be made by anybody and are all possible.
package proof

import (
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// World is who and what exists.
type World struct {
	// People are all there are. nil: anybody, in any groups and roles that policies name.
	People []Person
	// Apps are what is known of apps; one that is asked for need not be among them.
	Apps []App
	// Names are display names by identifier, for words.
	Names map[string]string
}

// Person is somebody who may sign in.
type Person struct {
	User       directory.UserID
	Groups     []directory.GroupID // direct and nested
	Roles      []directory.RoleTemplateID
	Guest      directory.GuestKind
	HomeTenant directory.TenantID
	// Attains are controls beyond those of Attainable that this person can have, for
	// questions about lock-outs.
	Attains access.Controls
}

// App is a resource, or a public client, which is none.
type App struct {
	access.Resource
	Public bool
}

// Question asks whether there is a sign-in. What is empty restricts nothing.
type Question struct {
	Users     []directory.UserID // one of these
	NotUsers  []directory.UserID
	Groups    []directory.GroupID // a member of each
	NotGroups []directory.GroupID // a member of none
	Roles     []directory.RoleTemplateID
	NotRoles  []directory.RoleTemplateID

	Apps     []directory.AppID   // for one of these, or
	Actions  []access.UserAction // one of these
	Contexts []access.ContextID  // all of them asked for

	ClientAppTypes []access.ClientAppType
	Platforms      []access.Platform // "" is an unknown one
	Locations      []location.ID     // in one of them
	NotLocations   []location.ID     // in none of them
	SignInRisk     []access.Risk     // "" is not known
	UserRisk       []access.Risk
	InsiderRisk    []access.Risk
	Methods        strength.Methods // that there are; 0: every one
	// Without are controls that the sign-in does not have. Every other that a person
	// or a device can have it may have.
	Without access.Controls
	// Refused asks for a sign-in that is not granted, instead of one that is.
	Refused bool
	// States bounds how many are looked at before the answer is Unknown; 0: two million.
	States int
	// Now is when; the zero time is as good as any other.
	Now time.Time
}

// Verdict is the answer in a word. The zero value claims nothing.
type Verdict uint8

// The verdicts.
const (
	Unknown Verdict = iota
	No
	Yes
)

// Answer is what a question came to.
type Answer struct {
	Verdict Verdict
	Witness *Witness // of Yes
	Why     string   // of Unknown
	States  int      // looked at
}

// Witness is a sign-in that shows it.
type Witness struct {
	Facts    access.Facts
	Who      string           // in words
	How      string           // in words
	Decision access.Outcome   // by the evaluator
	Applied  []access.Applied // the policies that applied
}

// Prove answers a question about the policies of a set that are enforced. It
// fails, with fault.Invalid, on a question that names what there is not.
func Prove(set *access.Set, w World, q Question) (Answer, error) {
	if err := q.check(set, w); err != nil {
		return Answer{}, err
	}
	x := newSearch(set, w, q)
	return x.answer(), nil
}

func (v Verdict) String() string {
	switch v {
	case No:
		return "no"
	case Yes:
		return "yes"
	default:
		return "unknown"
	}
}
