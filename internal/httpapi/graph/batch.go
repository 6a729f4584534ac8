package graph

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
)

// maxBatch is how many requests a batch may hold (Graph: "Combine multiple
// requests in one HTTP call using JSON batching").
const maxBatch = 20

// maxAnswers bounds what the answers in a batch hold together, in bytes: all of
// them are in memory at once.
const maxAnswers = 32 << 20

type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body,omitempty"`
}

// batch plays up to twenty requests in their order. Each has the caller's own
// rights and its own outcome; one that depends on a failed one is not tried.
func (d *Door) batch(c *Call) error {
	if c.Request.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		return Coded(http.StatusMethodNotAllowed, "Request_BadRequest", fault.New(fault.Invalid, "method %s is not supported here; POST is", c.Request.Method))
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	var in struct {
		Requests []batchRequest `json:"requests"`
	}
	if err := json.Unmarshal(trimBOM(doc), &in); err != nil {
		return fault.New(fault.Invalid, "the batch is not valid: %v", err)
	}
	if err := checkBatch(in.Requests); err != nil {
		return err
	}
	out := struct {
		Responses []batchResponse `json:"responses"`
	}{Responses: make([]batchResponse, 0, len(in.Requests))}
	failed, left := map[string]bool{}, maxAnswers
	for _, q := range in.Requests {
		a := d.play(c, q, &recorder{header: http.Header{}, left: &left}, failed)
		failed[q.ID] = a.Status >= http.StatusBadRequest
		out.Responses = append(out.Responses, a)
	}
	body, err := encode(out)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusOK)
	_, err = c.w.Write(body)
	return ignoreGone(err)
}

// checkBatch refuses what cannot be played: dependencies must name requests
// before them, so that the order given is an order that works.
func checkBatch(requests []batchRequest) error {
	if len(requests) == 0 || len(requests) > maxBatch {
		return fault.New(fault.Invalid, "requests has %d entries; a batch holds 1 to %d", len(requests), maxBatch)
	}
	var seen []string
	for i, q := range requests {
		switch {
		case q.ID == "":
			return fault.New(fault.Invalid, "requests[%d].id is missing", i)
		case slices.Contains(seen, q.ID):
			return fault.New(fault.Invalid, "requests[%d].id is %q, which another request has", i, q.ID)
		case !slices.Contains([]string{"GET", "POST", "PATCH", "PUT", "DELETE"}, strings.ToUpper(q.Method)):
			return fault.New(fault.Invalid, "requests[%d].method is %q; valid are GET, POST, PATCH, PUT, DELETE", i, q.Method)
		case q.URL == "":
			return fault.New(fault.Invalid, "requests[%d].url is missing", i)
		}
		for _, on := range q.DependsOn {
			if !slices.Contains(seen, on) {
				return fault.New(fault.Invalid, "requests[%d].dependsOn names %q; it must name requests before this one", i, on)
			}
		}
		seen = append(seen, q.ID)
	}
	return nil
}

// play answers one request of a batch into w. Who asks, and from where, is what
// it is for the whole of it.
func (d *Door) play(c *Call, q batchRequest, w *recorder, failed map[string]bool) batchResponse {
	in := &Call{door: d, w: w, Ctx: c.Ctx, Who: c.Who, Version: c.Version, RequestID: newID(), address: c.address}
	r, err := http.NewRequestWithContext(c.Ctx, strings.ToUpper(q.Method), d.BaseURL, bytes.NewReader(body(q.Body)))
	if err == nil {
		in.Request, err = r, aim(r, q, c)
	}
	switch {
	case err != nil:
		in.Request = c.Request
		d.refuse(in, fault.New(fault.Invalid, "url is %q; it must be a path relative to the version, such as /users", q.URL))
	case slices.ContainsFunc(q.DependsOn, func(id string) bool { return failed[id] }):
		d.refuse(in, Coded(http.StatusFailedDependency, "FailedDependency", fault.New(fault.Conflict, "a request that this one depends on failed")))
	default:
		in.begin()
		if err := d.answer(in); err != nil {
			d.refuse(in, err)
		}
	}
	if w.full {
		room := maxAnswers // a refusal is short
		w = &recorder{header: http.Header{}, left: &room}
		in.w = w
		d.refuse(in, fault.New(fault.TooLarge, "the answers of this batch are larger than %d bytes; what was asked is done, so ask by itself for what it answers", maxAnswers))
	}
	return w.response(q.ID)
}

func body(raw json.RawMessage) []byte {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// aim points r at the part of the API that q names.
func aim(r *http.Request, q batchRequest, c *Call) error {
	u, err := url.Parse("/" + c.Version + "/" + strings.TrimLeft(q.URL, "/"))
	if err != nil || strings.Contains(strings.ToLower(u.Path), "$batch") {
		return fault.New(fault.Invalid, "no such request")
	}
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
	r.RemoteAddr = c.Request.RemoteAddr
	for name, value := range q.Headers {
		if !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "DPoP") {
			r.Header.Set(name, value)
		}
	}
	return nil
}

// recorder keeps an answer, as long as there is room for it.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	left   *int // of the room for all answers of a batch
	full   bool // there was none
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.full || len(b) > *w.left {
		w.full, w.body = true, bytes.Buffer{}
		return len(b), nil
	}
	*w.left -= len(b)
	return w.body.Write(b)
}

func (w *recorder) response(id string) batchResponse {
	w.WriteHeader(http.StatusOK)
	out := batchResponse{ID: id, Status: w.status, Headers: map[string]string{}}
	for name := range w.header {
		out.Headers[name] = w.header.Get(name)
	}
	switch {
	case w.body.Len() == 0:
	case strings.HasPrefix(w.header.Get("Content-Type"), "application/json"):
		out.Body = json.RawMessage(bytes.TrimSpace(w.body.Bytes()))
	case strings.HasPrefix(w.header.Get("Content-Type"), "text/plain"):
		out.Body = w.body.String()
	default:
		out.Body = w.body.Bytes() // as base64
	}
	return out
}
