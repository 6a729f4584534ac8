package graph

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

// maxBody bounds a request body as sent and as inflated.
const maxBody = 1 << 20

// body reads the request body, one JSON object. Graph's SDKs compress every
// body with gzip, however small.
func (c *call) body() (*odata.Object, error) {
	if t := c.r.Header.Get("Content-Type"); t != "" {
		media, _, err := mime.ParseMediaType(t)
		if err != nil || media != "application/json" {
			return nil, fault.New(fault.Unsupported, "Content-Type is %q; it must be application/json", t)
		}
	}
	var from io.Reader = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	switch encoding := strings.ToLower(c.r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the body is not gzip, although Content-Encoding says so")
		}
		from = z
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
	return odata.ParseObject(doc)
}
