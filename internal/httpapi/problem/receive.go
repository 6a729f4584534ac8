package problem

import (
	"compress/gzip"
	"io"
	"mime"
	"net/http"

	"github.com/postern-mam/postern/internal/fault"
)

// Receive reads a JSON body into v like Decode, and accepts it compressed with
// gzip. The limit holds before and after inflating, so that a small body cannot
// grow into a large one. Another encoding or media type is fault.Unsupported.
func Receive(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if t := r.Header.Get("Content-Type"); t != "" {
		if kind, _, err := mime.ParseMediaType(t); err != nil || kind != "application/json" {
			return fault.New(fault.Unsupported, "the body is %q; it must be application/json", t)
		}
	}
	switch e := r.Header.Get("Content-Encoding"); e {
	case "", "identity":
		return Decode(w, r, limit, v)
	case "gzip":
	default:
		return fault.New(fault.Unsupported, "the body is encoded with %q; it must be plain or gzip", e)
	}
	z, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Detail: "the body is not gzip, though its Content-Encoding says so", Err: err}
	}
	inflated := r.Clone(r.Context())
	inflated.Body = io.NopCloser(z)
	return Decode(w, inflated, limit, v)
}
