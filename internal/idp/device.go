package idp

import (
	"context"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/wire"
)

const (
	deviceProofFor  = 60 * time.Second
	deviceProofSkew = 60 * time.Second
)

// ProveDevice takes the proof that the device of a refused sign-in makes: a JWS
// by the device's key over the nonce of the refusal. When it holds, the session
// is the device's registration's from now on, and the sign-in is decided again.
// The nonce is spent by the first proof, good or bad.
func (s *Service) ProveDevice(ctx context.Context, v Visit, proof string) (Step, error) {
	j, _, err := s.signedIn(ctx, v)
	if err != nil {
		return Step{}, err
	}
	nonce := j.flow.Nonce
	j.flow.Nonce = ""
	if j.flow, err = s.store.SaveFlow(ctx, j.flow); err != nil {
		return Step{}, raced(err)
	}
	registration, why, err := s.checkDevice(ctx, j, proof, nonce)
	if err != nil {
		return Step{}, err
	}
	if why != "" {
		st, err := s.advance(ctx, j)
		st.Ruling.Remedies = append([]access.Remedy{{
			Code: "deviceProof", Title: "The device could not prove itself", Why: why,
			Steps: []string{"Reload this page and let the agent answer again.", "If that does not help, enrol this app on this PC again."},
		}}, st.Ruling.Remedies...)
		return st, err
	}
	j.session.Registration, j.session.ProvedAt = registration, s.now()
	if j.session, err = s.store.SaveSession(ctx, j.session); err != nil {
		return Step{}, raced(err)
	}
	return s.advance(ctx, j)
}

// checkDevice returns the registration that a proof speaks for, or why it speaks
// for none.
func (s *Service) checkDevice(ctx context.Context, j *journey, proof, nonce string) (id directory.RegistrationID, why string, err error) {
	c, device, why, err := s.readProof(ctx, j.tenant.ID, proof)
	if err != nil || why != "" {
		return "", why, err
	}
	if why := s.deviceClaims(c, nonce); why != "" {
		return "", why, nil
	}
	return s.installed(ctx, j.user, c, device)
}

// readProof returns what a proof says and the device whose key signed it, or why
// nobody vouches for it.
func (s *Service) readProof(ctx context.Context, t directory.TenantID, proof string) (c wire.DeviceProof, device directory.Device, why string, err error) {
	jws, kid, why := parseDeviceProof(proof)
	if why != "" {
		return c, device, why, nil
	}
	device, err = s.store.DeviceByKey(ctx, t, kid)
	if err != nil {
		return c, device, "No device with this key is registered in this organization.", ifNotFound(err)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(device.Key); err != nil {
		return c, device, "", err
	}
	if jkt, err := thumbprint(key); err != nil || jkt != kid {
		return c, device, "", errors.New("idp: a stored device key does not fit its thumbprint")
	}
	if jws.Claims(key.Key, &c) != nil {
		return c, device, "The proof is not signed by the device's key.", nil
	}
	if c.Device != string(device.ID) || !device.Enabled {
		return c, device, "The proof is for another device, or the device is disabled.", nil
	}
	return c, device, "", nil
}

// installed returns the user's registration of the app that a proof names, on the
// device that signed it.
func (s *Service) installed(ctx context.Context, u directory.User, c wire.DeviceProof, device directory.Device) (id directory.RegistrationID, why string, err error) {
	id, err = s.store.ProvingRegistration(ctx, u.Tenant, u.ID, directory.PackageID(c.App), device.KeyThumbprint)
	if err != nil {
		return "", "This app is not enrolled for you on this PC.", ifNotFound(err)
	}
	return id, "", nil
}

// parseDeviceProof reads a proof without trusting it.
func parseDeviceProof(proof string) (t *jwt.JSONWebToken, kid, why string) {
	const malformed = "The proof is not a " + wire.TypeDeviceProof + " signed with ES256."
	if len(proof) > maxJWS {
		return nil, "", malformed
	}
	t, err := jwt.ParseSigned(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, "", malformed
	}
	h := t.Headers[0]
	if h.ExtraHeaders[jose.HeaderType] != wire.TypeDeviceProof || h.JSONWebKey != nil || h.KeyID == "" || len(h.KeyID) > 64 {
		return nil, "", malformed
	}
	return t, h.KeyID, ""
}

// deviceClaims returns what is wrong with the claims of a verified proof.
func (s *Service) deviceClaims(c wire.DeviceProof, nonce string) string {
	now := s.now().Unix()
	skew := int64(deviceProofSkew / time.Second)
	switch {
	case nonce == "" || c.Nonce != nonce:
		return "The proof answers another page, or answers a second time."
	case c.Audience != s.origin():
		return "The proof is for another site."
	case c.ExpiresAt <= now || c.ExpiresAt-c.IssuedAt > int64(deviceProofFor/time.Second):
		return "The proof has expired, or is good for too long; check the clock of the PC."
	case c.IssuedAt > now+skew || c.IssuedAt < now-skew-int64(deviceProofFor/time.Second):
		return "The proof was made at another time than now; check the clock of the PC."
	case c.ID == "" || c.App == "" || len(c.App) > 256:
		return "The proof is incomplete."
	}
	return ""
}

// ifNotFound returns nil for fault.NotFound, which the caller has put in words.
func ifNotFound(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}
