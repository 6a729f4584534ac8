package access

import (
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
)

// Request asks for a decision on a session reaching resources.
type Request struct {
	Tenant        directory.TenantID
	Session       directory.SessionID // whose; none for a workload
	Workload      bool                // an app signs in as itself
	Client        directory.AppID
	Resources     []directory.AppID
	Actions       []UserAction
	Contexts      []ContextID
	ClientAppType ClientAppType  // empty: what the client's registration says
	Transfer      TransferMethod // how this request was handed over; the session's own history is read
	UserAgent     string         // claimed, never proof
	IP            string
	Protocol      string // "authorizationCode", "refreshToken", "clientCredentials", "deviceCode", "proxy", "portal"
	Interactive   bool
	Background    bool // no person waits for the answer
	Continues     bool // what was entered before goes on
	Bound         bool // tokens will be bound to a key
	CorrelationID string
}

// Remedy is one thing a person can do to get access (shown on the remediation page).
type Remedy struct {
	Code  string   `json:"code"`
	Title string   `json:"title"`
	Why   string   `json:"why"`
	Steps []string `json:"steps"`
}

// Ruling is a decision with what follows from it.
type Ruling struct {
	Decision Decision
	Facts    Facts // that the policies were held against; zero when none was
	Remedies []Remedy
	Steps    []Step                // the smallest set that would grant access; empty when it is granted, or none would
	Terms    []agreement.Agreement // that must be accepted first
	Basis    directory.Revisions   // what the decision was made from
	Record   Record                // to be stored with what the decision permits
	// Lapsed: it is refused, and the device of the session has not proved itself
	// lately. To sign in again, without a word from the person, may be all it takes.
	Lapsed    bool
	DecidedAt time.Time
}

// ProofFor is for how long a device that proved itself in a session counts in
// decisions on it, unless an admin sets it otherwise. A session is a cookie, which
// can be carried off; the key of the device cannot so easily.
const ProofFor = 5 * time.Minute

// Record is the entry of the sign-in log (Graph: signIn).
type Record struct {
	ID                string
	Tenant            directory.TenantID
	CorrelationID     string
	User              directory.UserID
	UserPrincipalName string
	UserDisplayName   string `json:",omitempty"`
	Client            directory.AppID
	ClientName        string
	Resource          directory.AppID
	ResourceName      string
	IP                string
	UserAgent         string
	ClientAppType     ClientAppType
	Platform          Platform
	Device            directory.DeviceID
	DeviceName        string `json:",omitempty"`
	App               directory.PackageID
	Registration      directory.RegistrationID
	Session           directory.SessionID `json:",omitempty"`
	Protocol          string
	Interactive       bool
	Outcome           Outcome
	Code              int
	Reason            string
	// Applied are the policies that applied, with what they came to. Records of
	// before Set was kept hold every policy.
	Applied []Applied
	// Facts and Set are what the decision can be made anew from. Set is empty when
	// no policy was asked.
	Facts    *Facts        `json:",omitempty"`
	Set      SetID         `json:",omitempty"`
	Controls *Session      `json:",omitempty"` // session controls that were granted under
	Took     time.Duration `json:",omitempty"` // to decide
	At       time.Time
}

// Mark is a place in the sign-in log, which is in the order of time and then of
// identifiers.
type Mark struct {
	At time.Time // whole milliseconds
	ID string
}

// Mark returns the entry's place in the log.
func (r Record) Mark() Mark { return Mark{At: r.At.UTC().Truncate(time.Millisecond), ID: r.ID} }

// RecordQuery says which entries of the sign-in log are asked for. What is empty
// is not asked; the case of letters does not matter.
type RecordQuery struct {
	User              directory.UserID
	UserPrincipalName string // of then
	Client            directory.AppID
	CorrelationID     string
	Refused           bool      // access was not granted
	From, To          time.Time // both included, in whole milliseconds
	After             Mark      // only what comes behind it, in the order asked for
	OldestFirst       bool      // otherwise the newest come first
	Limit             int       // at most so many; 0: what the store finds fit
}
