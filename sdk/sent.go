package sdk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

const (
	sentFile = "sent.json"
	sentLock = "sent.lock"
	// keptBody is how long a body may be to be kept, in bytes: there is one of each kind.
	keptBody = 64 << 10
)

// Sent tells of one kind of message what left this PC since the app was enrolled.
type Sent struct {
	Message string    `json:"message"` // as wire.Ledger names it
	Count   int       `json:"count"`
	At      time.Time `json:"at"` // of the newest
	// Body is the newest as it was sent, JSON; secrets are named and not shown.
	Body json.RawMessage `json:"body,omitempty"`
	// TooLong is the length in bytes of a newest body that is too long to be kept.
	TooLong int `json:"tooLong,omitempty"`
}

// parcel is one message on its way out.
type parcel struct {
	message string
	doc     []byte
}

// departure collects what leaves with one request. Nothing leaves that
// wire.Ledger does not declare: err is the first that it does not.
type departure struct {
	parcels []parcel
	err     error
}

// add takes a message that is sent as JSON, or shown as such.
func (d *departure) add(message string, v any) {
	doc, err := json.Marshal(v)
	d.addDoc(message, doc, err)
}

func (d *departure) addDoc(message string, doc []byte, err error) {
	if err == nil {
		err = wire.Undeclared(message, doc)
	}
	if d.err == nil {
		d.err = err
	}
	d.parcels = append(d.parcels, parcel{message, doc})
}

// addSigned takes what a compact JWS says, and its header.
func (d *departure) addSigned(message, compact string) {
	header, rest, _ := strings.Cut(compact, ".")
	payload, _, _ := strings.Cut(rest, ".")
	for _, part := range []struct{ message, encoded string }{{"Signature", header}, {message, payload}} {
		doc, err := base64.RawURLEncoding.DecodeString(part.encoded)
		d.addDoc(part.message, doc, err)
	}
}

// addForm takes a form, or the query of an address.
func (d *departure) addForm(message string, form url.Values) {
	all := map[string]string{}
	for name := range form {
		all[name] = strings.Join(form[name], " ")
	}
	d.add(message, all)
}

// body takes what a call carries, by the name of its type.
func (d *departure) body(in any, doc []byte) {
	d.addDoc(reflect.TypeOf(in).Name(), doc, nil)
	if r, ok := in.(wire.ReceiptEnvelope); ok {
		d.addSigned("WipeReceipt", r.Receipt)
	}
}

// request takes what goes with every request: where to, and the headers of ours.
// path is the one below the authority or the base of the protocol.
func (d *departure) request(r *http.Request, path string) {
	proof := r.Header.Get("DPoP")
	all := map[string]string{"method": r.Method, "path": path, "dpop": proof}
	for name, header := range map[string]string{"authorization": "Authorization", "ifNoneMatch": "If-None-Match"} {
		if value := r.Header.Get(header); value != "" {
			all[name] = value
		}
	}
	d.addSigned("DPoPProof", proof)
	d.add("Request", all)
}

// depart lets d leave, and remembers it: an error when something in it is not
// declared, and then nothing may be sent.
func (c *Client) depart(d departure) error {
	if d.err != nil {
		c.note("not sent: " + c.plain(d.err))
		return d.err
	}
	if err := c.remember(d.parcels); err != nil {
		c.note("sent: " + c.plain(err)) // it is shown to nobody then, and stops nothing
	}
	return nil
}

// remember adds parcels to what was sent.
func (c *Client) remember(parcels []parcel) error {
	release, err := disk.Lock(c.cfg.Dir, sentLock)
	if err != nil {
		return err
	}
	defer release()
	all := c.readSent()
	for _, p := range parcels {
		s := Sent{Message: p.message, At: c.cfg.Now().UTC(), Count: all[p.message].Count + 1}
		if shown, err := wire.Shown(p.message, p.doc); err == nil && len(shown) <= keptBody {
			s.Body = shown
		} else {
			s.TooLong = len(p.doc)
		}
		all[p.message] = s
	}
	doc, err := json.Marshal(all)
	if err != nil {
		return err
	}
	sealed, err := c.cfg.Sealer.Seal(sentFile, doc)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(c.cfg.Dir, sentFile), sealed)
}

// readSent is by message. What cannot be read counts anew.
func (c *Client) readSent() map[string]Sent {
	all := map[string]Sent{}
	sealed, err := os.ReadFile(filepath.Join(c.cfg.Dir, sentFile))
	if err != nil {
		return all
	}
	doc, err := c.cfg.Sealer.Open(sentFile, sealed)
	if err != nil || json.Unmarshal(doc, &all) != nil {
		return map[string]Sent{}
	}
	return all
}

// Sent lists what really left this PC since the app was enrolled, in the order of
// wire.Messages: the newest of each kind, without secrets.
func (c *Client) Sent() []Sent {
	release, err := disk.Lock(c.cfg.Dir, sentLock)
	if err != nil {
		return nil
	}
	defer release()
	all := c.readSent()
	var out []Sent
	for _, m := range wire.Messages() {
		if s, ok := all[m.Name]; ok {
			out = append(out, s)
		}
	}
	return out
}

// forgetSent removes what is remembered, with what a crash left of it.
func (c *Client) forgetSent() error {
	release, err := disk.Lock(c.cfg.Dir, sentLock)
	if err != nil {
		return err
	}
	defer release()
	path := filepath.Join(c.cfg.Dir, sentFile)
	var errs []error
	for _, p := range append(disk.Leftovers(path), path) {
		if err := os.Remove(p); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
