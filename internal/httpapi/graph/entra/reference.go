package entra

import (
	"net/http"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// alreadyReferenced has the words that Terraform's azuread provider looks for.
func alreadyReferenced(property string) error {
	return graph.Coded(http.StatusBadRequest, "Request_BadRequest",
		fault.New(fault.Conflict, "One or more added object references already exist for the following modified properties: '%s'.", property))
}

// unresolvedReference has the words that Terraform's azuread provider looks for.
func unresolvedReference(id string) error {
	return graph.Coded(http.StatusNotFound, "Request_ResourceNotFound",
		fault.New(fault.NotFound, "Resource '%s' does not exist or one of its queried reference-property objects are not present.", id))
}

func unresolved(err error, id string) error {
	if fault.KindOf(err) == fault.NotFound {
		return unresolvedReference(id)
	}
	return err
}

func notTwice(err error, property string) error {
	if fault.KindOf(err) == fault.Conflict {
		return alreadyReferenced(property)
	}
	return err
}

// reference reads the body of a POST to $ref.
func reference(c *graph.Call) (string, error) {
	o, err := c.Body("")
	if err != nil {
		return "", err
	}
	var url string
	o.Text("@odata.id", &url)
	if url == "" {
		o.Refuse("@odata.id", "is missing; it must be the URL of a directory object")
	}
	return graph.LastSegment(url), o.Err()
}
