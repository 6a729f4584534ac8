package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/wire"
)

// ordered: an administrator requests the wipe; access is cut at once.
func (s *story) ordered(ctx context.Context) (outcome, error) {
	st := s.pc.client.Status()
	path := "/v1.0/users/" + st.UserID + "/wipeManagedAppRegistrationsByDeviceTag"
	if err := s.admin.Do(ctx, http.MethodPost, path, map[string]any{"deviceTag": st.DeviceID}, nil); err != nil {
		return outcome{}, err
	}
	ops, err := s.operations(ctx)
	if err != nil {
		return outcome{}, err
	}
	p, err := s.browser.Open(ctx, s.siteURL())
	return outcome{
		answer:   "204; operation " + ops[0].DisplayName + ": " + ops[0].State + "; the browser: " + p.summary(),
		why:      "access is cut from the request on, however long the PC stays away",
		observed: len(ops) == 1 && ops[0].State == "pending" && p.Status == http.StatusForbidden && p.names("wipePending"),
	}, err
}

// wiped: the agent finds the order before anything else and carries it out.
func (s *story) wiped(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	s.pc.run(ctx)
	if err := s.pc.wait(ctx); err != nil { // Run ends by itself once a wipe is done
		return outcome{}, err
	}
	_, unreadable := s.pc.client.Vault().Load(noteName)
	left, err := filepath.Glob(filepath.Join(s.pc.state, "organization*"))
	if err != nil {
		return outcome{}, err
	}
	own, err := os.ReadFile(s.pc.own)
	if err != nil {
		return outcome{}, err
	}
	st := s.pc.client.Status()
	return outcome{
		answer:   fmt.Sprintf("organization file: %v; sealed files and keys left: %d; the person's own file: %q, untouched", unreadable, len(left), own),
		why:      "the order was signed by the service this app enrolled with, and named this registration and this device key; any other is refused before anything is deleted",
		observed: !st.WipedAt.IsZero() && !st.Enrolled && unreadable != nil && len(left) == 0 && string(own) == ownText,
	}, nil
}

// operation is what Graph shows of an order.
type operation struct {
	DisplayName string `json:"displayName"`
	State       string `json:"state"`
	Postern     struct {
		Receipt string `json:"receipt"`
	} `json:"postern"`
}

// operations lists the orders of the PC's registration; there is at least one.
func (s *story) operations(ctx context.Context) ([]operation, error) {
	var ops struct {
		Value []operation `json:"value"`
	}
	path := "/beta/deviceAppManagement/managedAppRegistrations/" + s.pc.registration() + "/operations"
	err := s.admin.Do(ctx, http.MethodGet, path, nil, &ops)
	if err == nil && len(ops.Value) == 0 {
		err = errors.New("graph shows no operation")
	}
	return ops.Value, err
}

// acknowledged reads the receipt as an administrator does, and holds its key
// against the one that the directory knows of the PC.
func (s *story) acknowledged(ctx context.Context) (outcome, error) {
	ops, err := s.operations(ctx)
	if err != nil {
		return outcome{}, err
	}
	jws, err := jose.ParseSignedCompact(ops[0].Postern.Receipt, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return outcome{}, fmt.Errorf("receipt: %w", err)
	}
	var r wire.WipeReceipt
	// The service verified the signature; the key's thumbprint is compared below.
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &r); err != nil {
		return outcome{}, fmt.Errorf("receipt: %w", err)
	}
	var device struct {
		Postern struct {
			KeyThumbprint string `json:"keyThumbprint"`
		} `json:"postern"`
	}
	if err := s.admin.Do(ctx, http.MethodGet, "/v1.0/devices/"+s.pc.device(), nil, &device); err != nil {
		return outcome{}, err
	}
	var items []string
	for _, i := range r.Items {
		items = append(items, fmt.Sprintf("%s, removed: %t", i.Name, i.Removed))
	}
	signer := jws.Signatures[0].Protected.KeyID
	return outcome{
		answer:   ops[0].DisplayName + ": " + ops[0].State + "; " + strings.Join(items, "; "),
		why:      "the receipt is signed by key " + signer + ", which is the key this PC registered with",
		observed: len(ops) == 1 && ops[0].State == "done" && r.Succeeded && r.Registration == s.pc.registration() && signer == device.Postern.KeyThumbprint,
	}, nil
}

// out: nothing is left that could prove itself.
func (s *story) out(ctx context.Context) (outcome, error) {
	p, err := s.browser.Open(ctx, s.siteURL())
	return outcome{
		answer:   p.summary(),
		why:      "the registration ended with the wipe; only enrolling anew, which policy decides on, leads back in",
		observed: p.Status == http.StatusForbidden && p.code() == "53009",
	}, err
}

// holds reports whether any file below dir contains text.
func holds(dir, text string) (found bool, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		doc, err := os.ReadFile(path)
		found = found || bytes.Contains(doc, []byte(text))
		return err
	})
	return found, err
}
