package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

const (
	stateFile = "state.json"
	stateLock = "state.lock"
)

// state is what survives a restart.
type state struct {
	Device       string          `json:"device,omitempty"`
	Registration string          `json:"registration,omitempty"`
	Tenant       string          `json:"tenant,omitempty"`
	User         string          `json:"user,omitempty"`
	OrderKeys    json.RawMessage `json:"orderKeys,omitempty"`
	RefreshToken string          `json:"refreshToken,omitempty"`
	SignedPolicy string          `json:"signedPolicy,omitempty"` // compact JWS
	Lease        string          `json:"lease,omitempty"`        // compact JWS

	LastCheckInAt time.Time           `json:"lastCheckInAt,omitzero"`
	LastSent      *wire.CheckIn       `json:"lastSent,omitempty"`
	Controls      []wire.Control      `json:"controls,omitempty"` // of Report
	ControlsAt    time.Time           `json:"controlsAt,omitzero"`
	LastResult    *wire.CheckInResult `json:"lastResult,omitempty"`
	// LatestAt is the latest time this PC ever showed, so that a clock set back
	// gains nothing.
	LatestAt time.Time `json:"latestAt,omitzero"`
	// Disabled is set once the identity service confirmed that the account is disabled.
	Disabled bool `json:"disabled,omitempty"`

	// Ended is why the service ended this registration, in words.
	Ended string `json:"ended,omitempty"`

	Wiping   *wiping   `json:"wiping,omitempty"`   // an order being carried out: resumed at the next start
	Leaving  bool      `json:"leaving,omitempty"`  // the person signed out, and not all of it is done
	Removing bool      `json:"removing,omitempty"` // a removal without an order, begun and not finished
	WipedAt  time.Time `json:"wipedAt,omitzero"`

	// What follows from the above, and is not written.
	Policy    wire.Policy `json:"-"`
	HasPolicy bool        `json:"-"`
	Leased    *wire.Lease `json:"-"` // nil: not judged yet
	Forged    bool        `json:"-"` // policy or lease is not as the service signed it
}

// wiping is a verified order being carried out.
type wiping struct {
	Operation string          `json:"operation"`
	Items     []wire.WipeItem `json:"items,omitempty"`
	Receipt   string          `json:"receipt,omitempty"` // signed, perhaps not yet delivered
}

// reload reads what this or another process last kept.
func (c *Client) reload() error {
	return c.locked(func() error {
		s, err := c.read()
		if err == nil {
			c.state = s
		}
		return err
	})
}

// update changes the state and returns once the change is on disk.
func (c *Client) update(change func(*state)) error {
	return c.locked(func() error {
		next, err := c.read()
		if err != nil {
			return err
		}
		change(&next)
		c.derive(&next)
		doc, err := json.MarshalIndent(next, "", " ")
		if err != nil {
			return err
		}
		sealed, err := c.cfg.Sealer.Seal(stateFile, doc)
		if err != nil {
			return err
		}
		if err := disk.Replace(filepath.Join(c.cfg.Dir, stateFile), sealed); err != nil {
			return err
		}
		c.state = next
		c.change()
		return nil
	})
}

// locked runs f as the only one of all threads and processes on this directory.
func (c *Client) locked(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	release, err := disk.Lock(c.cfg.Dir, stateLock)
	if err != nil {
		return err
	}
	defer release()
	return f()
}

func (c *Client) read() (s state, err error) {
	sealed, err := os.ReadFile(filepath.Join(c.cfg.Dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.Trim(sealed, "\x00")) == 0 { // Forget was cut short
		return s, nil
	}
	if err != nil {
		return s, err
	}
	doc, err := c.cfg.Sealer.Open(stateFile, sealed)
	if err == nil {
		err = json.Unmarshal(doc, &s)
	}
	if err != nil {
		return s, fmt.Errorf("sdk: %s cannot be read; delete the directory %s and enrol again: %w", stateFile, c.cfg.Dir, err)
	}
	c.derive(&s)
	return s, nil
}

// derive fills in what follows from what is kept.
func (c *Client) derive(s *state) {
	s.Policy, s.HasPolicy, s.Leased = wire.Policy{}, false, nil
	g, err := c.unseal(*s)
	s.Forged = err != nil
	if g.policy != nil {
		s.Policy, s.HasPolicy = g.policy.Policy, true
	}
	s.Leased = g.lease
}

func (c *Client) snapshot() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}
