package page

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/access"
)

//go:embed templates/live.js
var live string // looks whether a refusal is still the same, every five seconds for half an hour

// State names what a ruling tells a person: another state is another page.
func State(r access.Ruling) string {
	parts := []string{r.Decision.Outcome.String(), strconv.Itoa(r.Decision.Code)}
	for _, remedy := range r.Remedies {
		parts = append(parts, remedy.Code)
	}
	return strings.Join(parts, " ")
}

// WriteState answers the script of a refusal with the state of now, as JSON.
func WriteState(w http.ResponseWriter, r access.Ruling) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"state": State(r)}) // the browser is gone; nothing to do
}
