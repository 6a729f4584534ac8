package graph

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/edm"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/odata"
)

// maxBody bounds a request body as sent and as inflated.
const maxBody = 1 << 20

// Call is one request on its way.
type Call struct {
	Request   *http.Request
	Ctx       context.Context
	Who       oauth.Principal
	Authority admin.Authority
	Version   string          // V1 or Beta
	Keys      []odata.Segment // what stood for {} in the pattern
	Options   odata.Options
	RequestID string

	door    *Door
	w       http.ResponseWriter
	route   Route
	held    *admin.Authority // by roles, once it was read
	address string           // where the request came from, also for what is inside of a batch
}

// Tenant is the caller's.
func (c *Call) Tenant() directory.TenantID { return c.Who.Tenant }

// Key is the text of the i-th key in the path.
func (c *Call) Key(i int) string { return c.Keys[i].Text }

// Base is the public URL with the version.
func (c *Call) Base() string { return c.door.BaseURL + "/" + c.Version }

// Actor is who asks, as the audit record keeps it.
func (c *Call) Actor() audit.Actor {
	return audit.Actor{
		User: c.Who.User, Client: c.Who.Client, Address: c.address, CorrelationID: c.RequestID,
	}
}

// force is the preference of callers who take the risk to lock out every admin.
const force = "postern.force"

// Room is the administration as the caller uses it: the record names the caller,
// and what would lock out every admin is saved if that is preferred.
func (c *Call) Room(s *admin.Service) *admin.Service {
	room := s.As(c.Actor())
	if c.Prefers(force) {
		return room.Forced()
	}
	return room
}

func (c *Call) model() *edm.Model { return c.door.models[c.Version] }

// path is what follows the version, still escaped.
func (c *Call) path() string {
	return strings.TrimPrefix(c.Request.URL.EscapedPath(), "/"+c.Version+"/")
}

// begin writes the headers that every answer has.
func (c *Call) begin() {
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("request-id", c.RequestID)
	h.Set("OData-Version", "4.0")
	if id := clientRequestID(c.Request); id != "" {
		h.Set("client-request-id", id)
	}
}

// clientRequestID is the caller's own name for the request, if it is harmless to echo.
func clientRequestID(r *http.Request) string {
	id := r.Header.Get("client-request-id")
	if len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c < '!' || c > '~' }) {
		return ""
	}
	return id
}

// Body reads the request body, one JSON object, and checks it against a type of
// the data model; "" for the parameters of an action. Graph's SDKs compress
// every body with gzip, however small. What first refuses is not checked any
// more: it can say more than the model.
func (c *Call) Body(kind string, first ...func(o *odata.Object)) (*odata.Object, error) {
	doc, err := c.document()
	if err != nil {
		return nil, err
	}
	o, err := odata.ParseObject(doc)
	if err != nil {
		return o, err
	}
	for _, judge := range first {
		judge(o)
	}
	if err := o.Err(); err != nil || kind == "" {
		return o, err
	}
	var members map[string]any
	if err := json.Unmarshal(trimBOM(doc), &members); err != nil {
		return nil, fault.New(fault.Invalid, "the body is not valid JSON: %v", err)
	}
	if faults := c.checkIn(kind, members); len(faults) > 0 {
		return nil, fault.New(fault.Invalid, "%s", strings.Join(faults, "; "))
	}
	return o, nil
}

// checkIn checks a body against its version. On v1.0 the types of beta do, too:
// apps of Windows, which Graph has on beta alone, are what all this is about.
func (c *Call) checkIn(kind string, members map[string]any) []string {
	faults := c.model().CheckIn(kind, members)
	if len(faults) > 0 && c.Version == V1 {
		return c.door.models[Beta].CheckIn(kind, members)
	}
	return faults
}

// Parameters reads the body of the action that the path ends in, on a kind of
// objects, and checks it against the data model.
func (c *Call) Parameters(kind string) (*odata.Object, error) {
	doc, err := c.document()
	if err != nil {
		return nil, err
	}
	o, err := odata.ParseObject(doc)
	if err != nil {
		return nil, err
	}
	action := LastSegment(c.Request.URL.EscapedPath())
	if _, ok := c.model().Operation(kind, action); !ok {
		return o, nil // one of ours, or one that Graph does not describe
	}
	var members map[string]any
	if err := json.Unmarshal(trimBOM(doc), &members); err != nil {
		return nil, fault.New(fault.Invalid, "the body is not valid JSON: %v", err)
	}
	faults := c.model().CheckAction(kind, action, members)
	if len(faults) > 0 && c.Version == V1 { // as checkIn
		faults = c.door.models[Beta].CheckAction(kind, action, members)
	}
	if len(faults) > 0 {
		return nil, fault.New(fault.Invalid, "%s", strings.Join(faults, "; "))
	}
	return o, nil
}

func trimBOM(doc []byte) []byte { return []byte(strings.TrimPrefix(string(doc), "\xef\xbb\xbf")) }

func (c *Call) document() ([]byte, error) {
	r := c.Request
	if t := r.Header.Get("Content-Type"); t != "" {
		media, _, err := mime.ParseMediaType(t)
		if err != nil || media != "application/json" {
			return nil, fault.New(fault.Unsupported, "Content-Type is %q; it must be application/json", t)
		}
	}
	var from io.Reader = http.MaxBytesReader(c.w, r.Body, maxBody)
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		// A retry of Graph's SDKs may say gzip of a body that is plain by now.
		plain := bufio.NewReader(from)
		if magic, err := plain.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
			z, err := gzip.NewReader(plain)
			if err != nil {
				return nil, fault.New(fault.Invalid, "the body is not gzip, although Content-Encoding says so")
			}
			from = z
		} else {
			from = plain
		}
	default:
		return nil, fault.New(fault.Unsupported, "Content-Encoding is %q; only gzip is read", encoding)
	}
	doc, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || len(doc) > maxBody {
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes", maxBody)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "the body ends early or is damaged")
	}
	return doc, nil
}

// Expands reports whether $expand asks for name.
func (c *Call) Expands(name string) bool {
	for _, e := range c.Options.Expand {
		if e.Name == name {
			return true
		}
	}
	return false
}

// pageSize is how many entities a page holds.
func (c *Call) pageSize() int {
	size := c.wanted()
	if len(c.Options.Expand) > 0 {
		return min(size, defaultPage) // each of them costs more queries; the next link leads on
	}
	return size
}

// wanted is how many entities of a page the caller asks for.
func (c *Call) wanted() int {
	if c.Options.Top > 0 {
		return c.Options.Top
	}
	for _, preference := range strings.Split(c.Request.Header.Get("Prefer"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		n, err := strconv.Atoi(value)
		if strings.EqualFold(name, "odata.maxpagesize") && err == nil && n > 0 && n <= odata.MaxTop {
			c.w.Header().Set("Preference-Applied", "odata.maxpagesize="+value)
			return n
		}
	}
	return defaultPage
}

// Prefers reports whether the caller states a preference that has no value (RFC 7240).
func (c *Call) Prefers(name string) bool {
	for _, line := range c.Request.Header.Values("Prefer") {
		for _, preference := range strings.Split(line, ",") {
			if strings.EqualFold(strings.TrimSpace(preference), name) {
				return true
			}
		}
	}
	return false
}

// eventual reports whether the caller accepts advanced queries, as Graph wants
// to be told.
func (c *Call) eventual() bool {
	return strings.EqualFold(c.Request.Header.Get("ConsistencyLevel"), "eventual")
}
