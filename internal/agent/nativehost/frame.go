// Package nativehost speaks with the browser extension over the native messaging
// of Chrome and Edge: JSON behind a length, on standard input and output.
//
// The browser starts one host for each profile and names the extension that
// asks. Whoever that is learns nothing unless its identifier is one of ours; any
// program of the same person could speak like this, so that an answer is worth
// what the person's own session is worth.
//
// Norms: "Native messaging" of Chrome's extension documentation: at most 1 MiB to
// the browser, 64 MiB from it, of which we take 1 MiB as well.
package nativehost

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxMessage bounds a message either way.
const maxMessage = 1 << 20

// Name is how browsers know the host.
const Name = "org.postern.agent"

// ExtensionID is the identifier of the extension that comes with the agent: it
// follows from the public key in its manifest.
const ExtensionID = "maepegeoaemajhhpakkbkagghbfbnpih"

// Caller returns the extension that a browser names in a program's arguments, or
// false when no browser started the program.
func Caller(args []string) (id string, ok bool) {
	const scheme = "chrome-extension://"
	for _, a := range args {
		if rest, found := strings.CutPrefix(a, scheme); found {
			return strings.TrimSuffix(rest, "/"), true
		}
	}
	return "", false
}

// read returns the next message, or io.EOF when the browser has gone.
func read(r io.Reader) (message, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return message{}, err
	}
	n := binary.NativeEndian.Uint32(length[:])
	if n > maxMessage {
		return message{}, fmt.Errorf("nativehost: a message of %d bytes; at most %d are taken", n, maxMessage)
	}
	doc := make([]byte, n)
	if _, err := io.ReadFull(r, doc); err != nil {
		return message{}, fmt.Errorf("nativehost: a message that ends early: %w", err)
	}
	var m message
	if err := json.Unmarshal(doc, &m); err != nil {
		return message{}, fmt.Errorf("nativehost: a message that is no JSON object: %w", err)
	}
	return m, nil
}

// write sends one message.
func write(w io.Writer, m message) error {
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(doc) > maxMessage {
		return fmt.Errorf("nativehost: a message of %d bytes; browsers take %d", len(doc), maxMessage)
	}
	_, err = w.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(doc))), doc...)) // #nosec G115 -- bounded above
	return err
}
