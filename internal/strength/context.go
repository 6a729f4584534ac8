package strength

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// Context is an authentication context: a name under which an app asks for what
// policies demand for it (Graph: authenticationContextClassReference).
type Context struct {
	ID          string // "c1" to "c99"; what tokens carry in acrs
	Tenant      directory.TenantID
	DisplayName string
	Description string
	Available   bool // published: apps are offered it (Graph: isAvailable)
	CreatedAt   time.Time
	ModifiedAt  time.Time
	Revision    int64
}

// maxContexts is the highest number of a context, as in Entra.
const maxContexts = 99

// CheckContextID refuses what is not c1 to c99. There is one spelling of each:
// lower case, no leading zero.
func CheckContextID(id string) error {
	digits, ok := strings.CutPrefix(id, "c")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || n > maxContexts || digits != strconv.Itoa(n) {
		return fmt.Errorf("id is %q; an authentication context is one of c1 to c%d", id, maxContexts)
	}
	return nil
}

// ValidateContext returns every rule that c breaks, joined. A context needs no
// name: Graph creates one from an empty object.
func ValidateContext(c Context) error {
	return errors.Join(CheckContextID(c.ID), text("displayName", c.DisplayName, 0, maxName), text("description", c.Description, 0, maxDescription))
}
