package wire_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/postern-mam/postern/wire"
)

// signed is one signature as a vector: enough to verify it, and enough to make
// it again. The keys are for tests alone. Signatures are deterministic (RFC
// 6979), so that writing the vectors anew changes nothing.
type signed struct {
	Key     jwk             `json:"key"` // with the private part
	JKT     string          `json:"jkt"`
	Header  map[string]any  `json:"header"`
	Payload json.RawMessage `json:"payload"`
	Compact string          `json:"compact"`
}

type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	D   string `json:"d,omitempty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Use string `json:"use,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

func testKey(name string) *ecdsa.PrivateKey {
	d := sha256.Sum256([]byte("postern test vectors: " + name))
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
	if err != nil {
		return nil
	}
	return k
}

func serviceKey() *ecdsa.PrivateKey { return testKey("service") }
func deviceKey() *ecdsa.PrivateKey  { return testKey("device") }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func bare(k *ecdsa.PrivateKey) jwk {
	point, _ := k.PublicKey.Bytes() // uncompressed: 4, X, Y
	return jwk{Kty: "EC", Crv: "P-256", X: b64(point[1:33]), Y: b64(point[33:])}
}

func public(k *ecdsa.PrivateKey) jwk {
	j := bare(k)
	j.Kid, j.Alg, j.Use = thumbprint(k), "ES256", "sig"
	return j
}

func private(k *ecdsa.PrivateKey) jwk {
	j := bare(k)
	d, _ := k.Bytes()
	j.D = b64(d)
	return j
}

// thumbprint is RFC 7638.
func thumbprint(k *ecdsa.PrivateKey) string {
	j := bare(k)
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + j.X + `","y":"` + j.Y + `"}`))
	return b64(sum[:])
}

func sign(k *ecdsa.PrivateKey, header map[string]any, payload any) signed {
	h, _ := json.Marshal(header)
	p, _ := json.Marshal(payload)
	input := b64(h) + "." + b64(p)
	digest := sha256.Sum256([]byte(input))
	der, _ := k.Sign(nil, digest[:], crypto.SHA256)
	var s struct{ R, S *big.Int }
	_, _ = asn1.Unmarshal(der, &s)
	raw := append(s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))...)
	return signed{Key: private(k), JKT: thumbprint(k), Header: header, Payload: p, Compact: input + "." + b64(raw)}
}

func order() signed { return orderTo("wipe") }

func orderTo(action string) signed {
	k := serviceKey()
	return sign(k, map[string]any{"alg": "ES256", "kid": thumbprint(k), "typ": wire.TypeWipeOrder}, wire.WipeOrder{
		Issuer: authority, Operation: wipe, IssuedAt: at().Unix(), Tenant: tenant, User: user,
		Registration: registration, Device: device, KeyThumb: thumbprint(deviceKey()), Action: action,
	})
}

func receipt() signed {
	k := deviceKey()
	return sign(k, map[string]any{"alg": "ES256", "kid": thumbprint(k), "typ": wire.TypeWipeReceipt}, wire.WipeReceipt{
		Operation: wipe, Registration: registration, FinishedAt: at().Unix() + 2, Succeeded: true,
		Items: []wire.WipeItem{{Name: "work profile", Removed: true}, {Name: "key of the sealed store", Removed: true, Detail: "12 files are unreadable now"}},
	})
}

// dpop is a proof as RFC 9449 section 4.2 defines it.
type dpop struct {
	JTI    string `json:"jti"`
	Method string `json:"htm"`
	URL    string `json:"htu"`
	At     int64  `json:"iat"`
	Nonce  string `json:"nonce"`
	Ath    string `json:"ath,omitempty"`
}

const accessToken = "an.access.token"

func proof(claims dpop) signed {
	k := deviceKey()
	return sign(k, map[string]any{"alg": "ES256", "jwk": bare(k), "typ": "dpop+jwt"}, claims)
}

func tokenProof() signed {
	ath := sha256.Sum256([]byte(accessToken))
	return proof(dpop{
		JTI: "vector-1", Method: "POST", URL: authority + "/mam/v1/registrations/" + registration + "/check-in",
		At: at().Unix(), Nonce: "a-nonce-of-the-service", Ath: b64(ath[:]),
	})
}

func loneProof() signed {
	return proof(dpop{
		JTI: "vector-2", Method: "GET", URL: authority + "/mam/v1/registrations/" + registration + "/operations",
		At: at().Unix(), Nonce: "a-nonce-of-the-service",
	})
}

func deviceProof() signed {
	k := deviceKey()
	return sign(k, map[string]any{"alg": "ES256", "kid": thumbprint(k), "typ": wire.TypeDeviceProof}, wire.DeviceProof{
		Nonce: "a-nonce-of-the-page", Audience: "https://postern.example", IssuedAt: at().Unix(), ExpiresAt: at().Unix() + 60,
		ID: "vector-3", Device: device, App: "com.microsoft.edge", AppVersion: "122.0.2365.52",
	})
}

func bound() wire.Bound {
	return wire.Bound{
		Issuer: authority, IssuedAt: at().Unix(), Tenant: tenant, User: user, Registration: registration, Device: device, KeyThumb: thumbprint(deviceKey()),
	}
}

func signedPolicy() signed {
	k := serviceKey()
	return sign(k, map[string]any{"alg": "ES256", "kid": thumbprint(k), "typ": wire.TypePolicy}, wire.SignedPolicy{Bound: bound(), Policy: policy()})
}

func lease() signed {
	k := serviceKey()
	return sign(k, map[string]any{"alg": "ES256", "kid": thumbprint(k), "typ": wire.TypeLease}, wire.Lease{
		Bound: bound(), PolicyETag: policy().ETag, Action: "allow",
	})
}

func TestSignaturesReadAndWriteTheirVectors(t *testing.T) {
	for name, v := range map[string]struct {
		signed signed
		claims any
	}{
		"wipe-order.json":        {order(), &wire.WipeOrder{}},
		"diagnostics-order.json": {orderTo("diagnostics"), &wire.WipeOrder{}},
		"signed-policy.json":     {signedPolicy(), &wire.SignedPolicy{}},
		"lease.json":             {lease(), &wire.Lease{}},
		"wipe-receipt.json":      {receipt(), &wire.WipeReceipt{}},
		"dpop-token.json":        {tokenProof(), &dpop{}},
		"dpop-device.json":       {loneProof(), &dpop{}},
		"device-proof.json":      {deviceProof(), &wire.DeviceProof{}},
	} {
		t.Run(name, func(t *testing.T) {
			var read signed
			strict(t, golden(t, name, v.signed), &read)
			payload := verify(t, read)
			strict(t, payload, v.claims)
			var shown any
			if err := json.Unmarshal(read.Payload, &shown); err != nil {
				t.Fatal(err)
			}
			var carried any
			if err := json.Unmarshal(payload, &carried); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(shown, carried) {
				t.Errorf("the vector shows %v and signs %v", shown, carried)
			}
		})
	}
}

// verify checks a vector the way a reader of another language would: from the
// key in the file alone.
func verify(t *testing.T, s signed) (payload []byte) {
	t.Helper()
	parts := strings.Split(s.Compact, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	decoded := make([][]byte, 3)
	for i, p := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			t.Fatal(err)
		}
	}
	x, _ := base64.RawURLEncoding.DecodeString(s.Key.X)
	y, _ := base64.RawURLEncoding.DecodeString(s.Key.Y)
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig := decoded[2]
	if len(sig) != 64 || !ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Error("the signature does not verify")
	}
	return decoded[1]
}
