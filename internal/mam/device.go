package mam

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/version"
	"github.com/postern-mam/postern/wire"
)

const (
	maxName = 256       // runes in what people read: device names, models
	windows = "windows" // the platform that may register
)

// RegisterDevice makes the PC behind the caller's key known and returns it. The
// key is the PC's identity: registering again with the same key returns the same
// device, with what it tells about itself brought up to date.
//
// A managed PC is refused (windows-mam.md section 3.2), as are an unknown
// platform, a version that does not parse, and a device that an admin disabled.
func (s *Service) RegisterDevice(ctx context.Context, c Caller, r wire.RegisterDevice) (directory.Device, error) {
	told, err := describe(r)
	if err != nil {
		return directory.Device{}, err
	}
	if err := personal(told, r.Management); err != nil {
		return directory.Device{}, err
	}
	if err := checkKey(c.Proof.Key, c.Proof.JKT); err != nil {
		return directory.Device{}, err
	}
	var stored directory.Device
	err = retry(func() error {
		var err error
		stored, err = s.saveDevice(ctx, c, told)
		return err
	})
	if err != nil {
		return directory.Device{}, fmt.Errorf("register device: %w", err)
	}
	return stored, nil
}

func (s *Service) saveDevice(ctx context.Context, c Caller, told directory.Device) (directory.Device, error) {
	d, err := s.cfg.Store.DeviceByKey(ctx, c.Tenant, c.Proof.JKT)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		d = directory.Device{
			ID: directory.DeviceID(newID()), Tenant: c.Tenant, Owner: c.User, Enabled: true,
			KeyThumbprint: c.Proof.JKT, Key: c.Proof.Key, CreatedAt: s.cfg.Now(),
		}
	case err != nil:
		return directory.Device{}, err
	case !d.Enabled:
		return directory.Device{}, refuse(fault.Forbidden, disabledDevice())
	case sameTale(d, told):
		return d, nil
	}
	d.DisplayName, d.Platform, d.OSVersion = told.DisplayName, told.Platform, told.OSVersion
	d.Model, d.Manufacturer, d.KeyProtection = told.Model, told.Manufacturer, told.KeyProtection
	return s.cfg.Store.SaveDevice(ctx, d, &c.Proof)
}

func sameTale(a, b directory.Device) bool {
	return a.DisplayName == b.DisplayName && a.Platform == b.Platform && a.OSVersion == b.OSVersion &&
		a.Model == b.Model && a.Manufacturer == b.Manufacturer && a.KeyProtection == b.KeyProtection
}

// describe checks what a PC tells about itself.
func describe(r wire.RegisterDevice) (directory.Device, error) {
	d := directory.Device{
		DisplayName: strings.TrimSpace(r.DisplayName), Platform: r.Platform,
		Model: strings.TrimSpace(r.Model), Manufacturer: strings.TrimSpace(r.Manufacturer),
	}
	if d.DisplayName == "" {
		return d, fault.New(fault.Invalid, "displayName is empty; send the name of the PC")
	}
	for _, f := range []struct{ name, value string }{
		{"displayName", d.DisplayName}, {"model", d.Model}, {"manufacturer", d.Manufacturer},
	} {
		if err := checkName(f.name, f.value); err != nil {
			return d, err
		}
	}
	if d.Platform != windows {
		return d, fault.New(fault.Invalid, "platform is %q; it must be %q", d.Platform, windows)
	}
	os, err := parseOS("osVersion", r.OSVersion)
	if err != nil {
		return d, err
	}
	d.OSVersion = os.String()
	d.KeyProtection = directory.KeyProtection(r.KeyProtection)
	if !slices.Contains(directory.KeyProtections(), d.KeyProtection) {
		return d, fault.New(fault.Invalid, "keyProtection is %q; it must be one of tpm, cng, dpapi, software", r.KeyProtection)
	}
	return d, nil
}

// personal refuses a managed PC. Whether its Windows is supported is a question
// for enrolment: updates come between the two.
func personal(d directory.Device, m wire.Management) error {
	all := compliance.Supported(compliance.Candidate{
		Platform: d.Platform, OSVersion: d.OSVersion, DirectoryJoined: m.DirectoryJoined, MDMEnrolled: m.MDMEnrolled,
	})
	return refused(slices.DeleteFunc(all, func(r compliance.Refusal) bool { return r.Code != compliance.Managed }))
}

func checkName(field, value string) error {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return fault.New(fault.Invalid, "%s is %q; control characters are not allowed", field, value)
	}
	if n := utf8.RuneCountInString(value); n > maxName {
		return fault.New(fault.Invalid, "%s has %d characters; at most %d are allowed", field, n, maxName)
	}
	return nil
}

// parseOS and parseVersion name the field that is wrong.
func parseOS(field, value string) (version.Version, error) {
	return named(field, value, version.ParseWindows)
}

func parseVersion(field, value string) (version.Version, error) {
	return named(field, value, version.Parse)
}

func named(field, value string, parse func(string) (version.Version, error)) (version.Version, error) {
	v, err := parse(value)
	if err != nil {
		return v, &fault.Error{
			Kind: fault.Invalid, Err: err,
			Detail: fmt.Sprintf("%s is %q; it must be one to four numbers with dots between them, for example 10.0.22631.3155", field, value),
		}
	}
	return v, nil
}

// checkKey makes sure that the key kept for receipts is the one that was proven.
func checkKey(key []byte, jkt string) error {
	k, err := parseKey(key)
	if err != nil {
		return fmt.Errorf("register device: %w", err)
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("register device: thumbprint: %w", err)
	}
	if base64.RawURLEncoding.EncodeToString(sum) != jkt {
		return fault.New(fault.Unauthenticated, "the key does not belong to the proof")
	}
	return nil
}

func parseKey(key []byte) (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if err := json.Unmarshal(key, &k); err != nil {
		return k, fmt.Errorf("device key: %w", err)
	}
	if !k.Valid() || !k.IsPublic() {
		return k, fmt.Errorf("device key: not a public key")
	}
	return k, nil
}

func disabledDevice() compliance.Refusal {
	return compliance.Refusal{
		Code: "deviceDisabled", Text: "An administrator disabled this PC for the organization",
		Steps: []string{"Ask your administrator to enable this PC."},
	}
}
