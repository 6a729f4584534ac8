package mamapi

import (
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/wire"
)

// undeclared is the code of a message with a member that wire.Ledger does not
// declare: it is refused as a whole, so that nothing of a PC gets here that its
// owner was not told of.
const undeclared = "undeclared"

// receive reads a message of at most limit bytes into v, a pointer to its type in
// package wire.
func receive(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	var doc json.RawMessage
	if err := problem.Receive(w, r, limit, &doc); err != nil {
		return err
	}
	if err := json.Unmarshal(doc, v); err != nil {
		return problem.DecodeFault(err, limit)
	}
	if err := wire.Undeclared(reflect.TypeOf(v).Elem().Name(), doc); err != nil {
		return &problem.Refusal{
			Code: undeclared, Steps: []string{"Leave it out, or update the service before its agents."}, Err: fault.New(fault.Invalid, "%s", err.Error()),
		}
	}
	return nil
}
