// Package pipe serves local apps in any language: JSON, one object a line, over a
// named pipe of Windows or a Unix socket. docs/spec/pipe.md describes it.
//
// Only programs of the same person can connect, and any of them can speak for any
// app: what an app is told is worth what the person's own session is worth.
package pipe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

const (
	// MaxMessage bounds a message either way, in bytes, without the end of the line.
	MaxMessage = 1 << 20
	// MaxChunk bounds what one message carries of a file, in bytes before base64.
	MaxChunk = 256 << 10

	maxName  = 1024 // of a file, in bytes
	maxWord  = 128  // of what an app says of itself, in bytes
	maxItems = 64   // of a receipt
)

// Message is what is said either way; docs/spec/pipe.md has which member belongs
// to which type.
type Message struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"` // of a question, repeated in its answer

	App     string `json:"app,omitempty"` // hello
	Version string `json:"version,omitempty"`
	Library string `json:"library,omitempty"`

	State *sdk.Protection `json:"state,omitempty"` // state

	Transfer string `json:"transfer,omitempty"` // may
	Allowed  *bool  `json:"allowed,omitempty"`  // answer
	Reason   string `json:"reason,omitempty"`

	Name  string   `json:"name,omitempty"` // save, load, remove
	At    int64    `json:"at,omitempty"`   // save, load: where Data begins in the file, in bytes
	More  bool     `json:"more,omitempty"` // save, data, names: this is not the end
	Data  []byte   `json:"data,omitempty"` // save, data
	Size  *int64   `json:"size,omitempty"` // data: of the whole file
	After string   `json:"after,omitempty"`
	Names []string `json:"names,omitempty"`

	Items []wire.WipeItem `json:"items,omitempty"` // wiped
	Error string          `json:"error,omitempty"`
}

// transfers returns what "may" can ask for.
func transfers() map[string]sdk.Transfer {
	return map[string]sdk.Transfer{"receive": sdk.Receive, "send": sdk.Send, "copy": sdk.CopyOut, "paste": sdk.PasteIn, "print": sdk.Print}
}

// types returns what an app can say, in the order of the description.
func types() []string {
	return []string{"hello", "may", "enroll", "sign-out", "sync", "save", "load", "list", "remove", "wiped"}
}

// errMalformed ends a connection: what follows cannot be trusted to be a message.
var errMalformed = errors.New("pipe: not a message")

// Parse reads one line that an app said. The error names what is wrong and what
// would be valid; the message is good enough to answer by its ID even then.
func Parse(line []byte) (Message, error) {
	var m Message
	if len(line) > MaxMessage {
		return m, tooLong()
	}
	if err := json.Unmarshal(line, &m); err != nil || !bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
		return Message{}, fmt.Errorf("%w: want one JSON object a line, such as {\"type\":\"hello\"}", errMalformed)
	}
	if len(m.ID) > maxWord {
		m.ID = ""
		return m, fmt.Errorf("id is longer than %d bytes", maxWord)
	}
	return m, m.check()
}

func tooLong() error {
	return fmt.Errorf("%w: longer than %d bytes; send files in chunks of at most %d bytes before base64", errMalformed, MaxMessage, MaxChunk)
}

func (m Message) check() error {
	switch m.Type {
	case "hello":
		return m.checkHello()
	case "may":
		if _, known := transfers()[m.Transfer]; !known {
			return fmt.Errorf("transfer is %q; want receive, send, copy, paste or print", clip(m.Transfer))
		}
	case "save", "load", "remove":
		if !validName(m.Name) {
			return fmt.Errorf("name is %q; want 1 to %d bytes of UTF-8 without control characters", clip(m.Name), maxName)
		}
		if m.At < 0 || len(m.Data) > MaxChunk {
			return fmt.Errorf("at is %d, with %d bytes of data; want a place that is not negative, and at most %d bytes", m.At, len(m.Data), MaxChunk)
		}
	case "wiped":
		if len(m.Items) > maxItems {
			return fmt.Errorf("items has %d entries; at most %d are taken", len(m.Items), maxItems)
		}
	}
	if !slices.Contains(types(), m.Type) {
		return fmt.Errorf("type is %q; want one of %s", clip(m.Type), strings.Join(types(), ", "))
	}
	if m.ID == "" {
		return errors.New("id is missing; give any text, which the answer repeats")
	}
	return nil
}

func (m Message) checkHello() error {
	if !ValidApp(m.App) {
		return fmt.Errorf("app is %q; want a package identifier, such as com.example.notes", clip(m.App))
	}
	if m.Version == "" || len(m.Version) > maxWord || len(m.Library) > maxWord {
		return fmt.Errorf("version is %q; want the version of the app, and nothing longer than %d bytes", clip(m.Version), maxWord)
	}
	return nil
}

// ValidApp reports whether a text is a package identifier that can have a
// directory of its own on every system.
func ValidApp(app string) bool {
	return len(app) <= maxWord && regexp.MustCompile(`^[A-Za-z0-9]+([._-][A-Za-z0-9]+)+$`).MatchString(app)
}

func validName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// lines returns a scanner of whole lines. What ends without an end of line was cut
// short, and is not a message.
func lines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, MaxMessage+2) // "\r\n"
	s.Split(func(data []byte, end bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i], nil
		}
		if end && len(data) > 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		return 0, nil, nil
	})
	return s
}

// encode returns m as a line.
func encode(m Message) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // or a name could grow sixfold
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	if out.Len() > MaxMessage+1 {
		return nil, fmt.Errorf("pipe: a message of %d bytes; at most %d are sent", out.Len(), MaxMessage)
	}
	return out.Bytes(), nil
}
