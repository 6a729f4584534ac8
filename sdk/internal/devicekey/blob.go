package devicekey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/binary"
	"fmt"
)

const (
	half       = 32         // bytes of a coordinate, and of each half of a signature, on P-256
	blobMagic  = 0x31534345 // BCRYPT_ECDSA_PUBLIC_P256_MAGIC, "ECS1"
	blobHeader = 8          // BCRYPT_ECCKEY_BLOB: magic and length of a coordinate, little-endian
)

// ParseBlob reads the public key that CNG exports as ECCPUBLICBLOB: the header
// BCRYPT_ECCKEY_BLOB, then X and Y, big-endian (Microsoft's bcrypt.h). It fails
// for another curve or purpose, and for what is no point of the curve.
func ParseBlob(blob []byte) (*ecdsa.PublicKey, error) {
	if len(blob) != blobHeader+2*half {
		return nil, fmt.Errorf("a public key has %d bytes; one on P-256 has %d", len(blob), blobHeader+2*half)
	}
	magic, size := binary.LittleEndian.Uint32(blob), binary.LittleEndian.Uint32(blob[4:])
	if magic != blobMagic || size != half {
		return nil, fmt.Errorf("a public key has magic %#x and %d bytes; ECDSA on P-256 has %#x and %d", magic, size, blobMagic, half)
	}
	point := append([]byte{4}, blob[blobHeader:]...) // uncompressed (SEC 1 section 2.3.3)
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}
