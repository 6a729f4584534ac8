// Package vectors holds published test vectors of Conditional Access, and runs
// them against any engine. README.md describes the files, which are the point:
// nothing in this package depends on the engine of this repository.
package vectors

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"
)

//go:embed conditional-access-*.json
var files embed.FS

// Vector is policies, a sign-in and what comes of it.
type Vector struct {
	ID    string `json:"id"`
	Title string `json:"title"` // what it is about
	// DenyUncovered says that access is refused where no enabled policy applies.
	DenyUncovered           bool              `json:"denyUncovered,omitempty"`
	Policies                []json.RawMessage `json:"policies"`                          // Graph: conditionalAccessPolicy
	NamedLocations          []json.RawMessage `json:"namedLocations,omitempty"`          // Graph: ipNamedLocation, countryNamedLocation
	AuthenticationStrengths []json.RawMessage `json:"authenticationStrengths,omitempty"` // Graph: authenticationStrengthPolicy
	Groups                  []Group           `json:"groups,omitempty"`                  // those that lie in others
	SignIn                  *SignIn           `json:"signIn,omitempty"`                  // nil: it is the policies that are judged
	Expected                *Answer           `json:"expected,omitempty"`                // nil: as an engine gets it
}

// Group is a group that is a member of others.
type Group struct {
	ID       string   `json:"id"`
	MemberOf []string `json:"memberOf"`
}

// SignIn is everything that is known when a policy is decided by. What is left
// out is not known, not given, or false.
type SignIn struct {
	At               time.Time `json:"at"`
	User             *User     `json:"user,omitempty"`
	ServicePrincipal string    `json:"servicePrincipal,omitempty"` // an app that signs in as itself; then there is no user

	Resources              []Resource `json:"resources,omitempty"`
	UserActions            []string   `json:"userActions,omitempty"`
	AuthenticationContexts []string   `json:"authenticationContexts,omitempty"`
	Bootstrap              bool       `json:"bootstrap,omitempty"` // every resource serves enrolment alone

	ClientAppType string  `json:"clientAppType,omitempty"`
	Platform      string  `json:"platform,omitempty"`
	IPAddress     string  `json:"ipAddress,omitempty"`
	Country       string  `json:"country,omitempty"`
	Device        *Device `json:"device,omitempty"` // nil: not identified

	SignInRiskLevel           string `json:"signInRiskLevel,omitempty"`
	UserRiskLevel             string `json:"userRiskLevel,omitempty"`
	InsiderRiskLevel          string `json:"insiderRiskLevel,omitempty"`
	ServicePrincipalRiskLevel string `json:"servicePrincipalRiskLevel,omitempty"`

	TransferMethod         string `json:"transferMethod,omitempty"`         // of this request
	OriginalTransferMethod string `json:"originalTransferMethod,omitempty"` // of the request that began the session

	Methods           []string  `json:"methods,omitempty"`        // used in this session
	MethodsOffered    []string  `json:"methodsOffered,omitempty"` // that the person could still use now
	SignedInAt        time.Time `json:"signedInAt,omitzero"`
	SecondFactorAt    time.Time `json:"secondFactorAt,omitzero"` // left out: there was none
	PasswordChangedAt time.Time `json:"passwordChangedAt,omitzero"`
	TermsAccepted     []string  `json:"termsAccepted,omitempty"`
	AppProtected      bool      `json:"appProtected,omitempty"`
	TokenBound        bool      `json:"tokenBound,omitempty"`
	Background        bool      `json:"background,omitempty"` // nobody waits for the answer
	Continues         bool      `json:"continues,omitempty"`  // the next step of what was entered before
}

// User is who signs in.
type User struct {
	ID     string   `json:"id"`
	Groups []string `json:"groups,omitempty"` // direct memberships; see Vector.Groups
	Roles  []string `json:"roles,omitempty"`  // role templates
	Guest  *Guest   `json:"guest,omitempty"`  // nil: a member
}

// Guest is what kind of guest or external user somebody is.
type Guest struct {
	Type       string `json:"type"`
	HomeTenant string `json:"homeTenant,omitempty"`
}

// Resource is an app that is asked for.
type Resource struct {
	AppID      string            `json:"appId"`
	Groups     []string          `json:"groups,omitempty"` // Office365, MicrosoftAdminPortals
	Attributes map[string]string `json:"customSecurityAttributes,omitempty"`
}

// Device is what is known of an identified device, named as device filters do.
type Device struct {
	DeviceID               string            `json:"deviceId,omitempty"`
	DisplayName            string            `json:"displayName,omitempty"`
	TrustType              string            `json:"trustType,omitempty"`
	IsCompliant            bool              `json:"isCompliant"`
	IsManaged              bool              `json:"isManaged"`
	DeviceOwnership        string            `json:"deviceOwnership,omitempty"`
	Manufacturer           string            `json:"manufacturer,omitempty"`
	Model                  string            `json:"model,omitempty"`
	OperatingSystemVersion string            `json:"operatingSystemVersion,omitempty"`
	SystemLabels           []string          `json:"systemLabels,omitempty"`
	ExtensionAttributes    map[string]string `json:"extensionAttributes,omitempty"`
}

// The results of a sign-in.
const (
	Granted     = "granted"
	Interrupted = "interrupted" // the person can do what is missing, now
	Blocked     = "blocked"
	Refused     = "refused" // a policy may not be saved as it is
)

// Answer is what an engine says of a vector. The order of lists does not count.
type Answer struct {
	ID              string   `json:"id,omitempty"` // of the vector, as an engine repeats it
	Result          string   `json:"result"`
	ErrorCode       int      `json:"errorCode,omitempty"` // as Entra numbers them; 0 when granted
	MissingControls []string `json:"missingControls,omitempty"`
	Session         *Session `json:"session,omitempty"` // nil: nothing is demanded of it
	Policies        []Policy `json:"policies,omitempty"`
}

// Session is what all satisfied policies together demand of the session.
type Session struct {
	SignInFrequency                 *Frequency `json:"signInFrequency,omitempty"`
	PersistentBrowser               string     `json:"persistentBrowser,omitempty"`
	CloudAppSecurity                string     `json:"cloudAppSecurity,omitempty"`
	ContinuousAccessEvaluation      string     `json:"continuousAccessEvaluation,omitempty"`
	ApplicationEnforcedRestrictions bool       `json:"applicationEnforcedRestrictions,omitempty"`
	DisableResilienceDefaults       bool       `json:"disableResilienceDefaults,omitempty"`
	SecureSignInSession             bool       `json:"secureSignInSession,omitempty"`
}

// Frequency is how often somebody must sign in anew.
type Frequency struct {
	FrequencyInterval  string `json:"frequencyInterval"` // timeBased or everyTime
	Hours              int    `json:"hours,omitempty"`   // when timeBased
	AuthenticationType string `json:"authenticationType"`
}

// Policy is what one policy came to (Graph: appliedConditionalAccessPolicy).
type Policy struct {
	ID               string   `json:"id"`
	Result           string   `json:"result"`
	ConditionsNotMet []string `json:"conditionsNotMet,omitempty"` // properties of conditionalAccessConditionSet
	UnmetControls    []string `json:"unmetControls,omitempty"`
}

// All returns every published vector, file by file, in their order.
func All() ([]Vector, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, name := range names {
		some, err := File(name)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// File returns the vectors of one published file. What it does not know it does
// not skip: a member without a meaning here is an error.
func File(name string) ([]Vector, error) {
	doc, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	read := json.NewDecoder(bytes.NewReader(doc))
	read.DisallowUnknownFields()
	var out []Vector
	if err := read.Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// Write is the inverse of File: a document that people read and compare, with a
// policy, a location, a sign-in on one line each.
func Write(all []Vector) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, v := range all {
		if i > 0 {
			b.WriteString(",\n")
		}
		if err := write(&b, v); err != nil {
			return nil, fmt.Errorf("%s: %w", v.ID, err)
		}
	}
	b.WriteString("\n]\n")
	return b.Bytes(), nil
}

func write(b *bytes.Buffer, v Vector) (err error) {
	put := func(name string, value any) {
		doc, failed := encode(value)
		if err = failed; err == nil {
			fmt.Fprintf(b, ",\n  %q: %s", name, doc)
		}
	}
	each := func(name string, documents []json.RawMessage) {
		if len(documents) > 0 {
			fmt.Fprintf(b, ",\n  %q: [\n    %s\n  ]", name, bytes.Join(raw(documents), []byte(",\n    ")))
		}
	}
	id, _ := encode(v.ID)
	fmt.Fprintf(b, " {\"id\": %s", id)
	put("title", v.Title)
	if v.DenyUncovered {
		put("denyUncovered", true)
	}
	each("policies", v.Policies)
	each("namedLocations", v.NamedLocations)
	each("authenticationStrengths", v.AuthenticationStrengths)
	for _, last := range []struct {
		name  string
		value any
		there bool
	}{{"groups", v.Groups, len(v.Groups) > 0}, {"signIn", v.SignIn, v.SignIn != nil}, {"expected", v.Expected, v.Expected != nil}} {
		if last.there && err == nil {
			put(last.name, last.value)
		}
	}
	b.WriteString("}")
	return err
}

func raw(documents []json.RawMessage) [][]byte {
	out := make([][]byte, len(documents))
	for i, d := range documents {
		out[i] = d
	}
	return out
}

// encode writes what people read: no escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
