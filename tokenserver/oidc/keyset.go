package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// algorithms are those with public keys. HMAC would take a public key for the secret.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// minModulus is the shortest RSA key for these algorithms, in bits, according to RFC 7518 section 3.3.
const minModulus = 2048

// publicKeys are the keys of an issuer by key ID, of which several keys may have the same.
type publicKeys map[string][]publicKey

type publicKey struct {
	key       jwt.VerificationKey
	algorithm string // the only one to use it with; empty: all that suit the key
}

// An unusableKey of a key set, by its ID or else its position.
type unusableKey struct {
	name   string
	reason error
}

// parseKeySet returns the usable keys of a JSON Web Key Set. It is an error if there are none.
func parseKeySet(document []byte) (publicKeys, []unusableKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, nil, fmt.Errorf("the key set is malformed: %w", err)
	}
	keys := make(publicKeys)
	var unusable []unusableKey
	for i, member := range set.Keys {
		id, key, err := parseKey(member)
		if err == nil {
			keys[id] = append(keys[id], key)
			continue
		}
		if id == "" {
			id = fmt.Sprint("number ", i+1)
		}
		unusable = append(unusable, unusableKey{id, err})
	}
	if len(keys) == 0 {
		return nil, unusable, errors.New("the key set has no usable key")
	}
	return keys, unusable, nil
}

// keyMembers are the members of a JSON Web Key that matter. Those about certificates do not: nothing here uses them, and
// they are often malformed.
type keyMembers struct {
	KeyID      string   `json:"kid,omitempty"`
	Type       string   `json:"kty,omitempty"`
	Use        string   `json:"use,omitempty"`
	Operations []string `json:"key_ops,omitempty"`
	Algorithm  string   `json:"alg,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
}

func parseKey(raw []byte) (id string, key publicKey, err error) {
	var members keyMembers
	if err := json.Unmarshal(raw, &members); err != nil {
		return members.KeyID, publicKey{}, err
	}
	if err := members.check(); err != nil {
		return members.KeyID, publicKey{}, err
	}
	normalized, err := json.Marshal(members)
	if err != nil {
		return members.KeyID, publicKey{}, err
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(normalized); err != nil {
		return members.KeyID, publicKey{}, err
	}
	if key, ok := parsed.Key.(*rsa.PublicKey); ok && key.N.BitLen() < minModulus {
		return members.KeyID, publicKey{}, fmt.Errorf("an RSA key of fewer than %d bits", minModulus)
	}
	return members.KeyID, publicKey{parsed.Key, members.Algorithm}, nil
}

func (m keyMembers) check() error {
	switch {
	case m.KeyID == "":
		return errors.New("no kid")
	case m.Use != "" && m.Use != "sig":
		return errors.New("use is not sig")
	case len(m.Operations) > 0 && !slices.Contains(m.Operations, "verify"):
		return errors.New("key_ops lacks verify")
	case m.Algorithm != "" && !slices.Contains(algorithms, m.Algorithm):
		return errors.New("alg is not one of " + strings.Join(algorithms, ", "))
	case !slices.Contains([]string{"RSA", "EC", "OKP"}, m.Type):
		return errors.New("kty is not RSA, EC or OKP")
	}
	return nil
}

// find returns the keys with the ID that the algorithm may use, and whether there are any with the ID.
func (k publicKeys) find(id, algorithm string) (set jwt.VerificationKeySet, isKnown bool) {
	for _, candidate := range k[id] {
		if candidate.fits(algorithm) {
			set.Keys = append(set.Keys, candidate.key)
		}
	}
	return set, len(k[id]) > 0
}

// curves are those of the ECDSA algorithms. Package jwt does not compare them with the key's.
var curves = map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

func (k publicKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return curves[algorithm] == key.Curve.Params().Name
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
