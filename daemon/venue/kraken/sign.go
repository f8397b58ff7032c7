package kraken

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxCredentialBytes bounds what is read of a credential's file: a real one has about 100.
const maxCredentialBytes = 4 << 10

// credentials are the API key and the private key. They print as nothing.
type credentials struct {
	key     string
	private []byte
}

// String implements fmt.Stringer, GoString fmt.GoStringer: neither shows anything.
func (credentials) String() string   { return "(credentials)" }
func (credentials) GoString() string { return "(credentials)" }

// readCredentials reads both files. Its errors name the file and never its content.
func readCredentials(keyFile, secretFile string) (c credentials, err error) {
	if c.key, err = readCredential(keyFile); err != nil {
		return credentials{}, err
	}
	secret, err := readCredential(secretFile)
	if err != nil {
		return credentials{}, err
	}
	if c.private, err = base64.StdEncoding.DecodeString(secret); err != nil || len(c.private) == 0 {
		return credentials{}, fmt.Errorf("%s: expected a private key in base64, found something else", secretFile)
	}
	return c, nil
}

func readCredential(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: expected a readable file: %w", path, errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxCredentialBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s: expected a readable file: %w", path, errors.Unwrap(err))
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > maxCredentialBytes || bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: expected one line of at most %d printable characters, found %d bytes", path, maxCredentialBytes, len(text))
	}
	return string(text), nil
}

// sign is the header API-Sign of a request: HMAC-SHA512 under the private key of the path and SHA-256 of nonce and body, in base64.
func (c credentials) sign(path, nonce, body string) string {
	inner := sha256.Sum256([]byte(nonce + body))
	mac := hmac.New(sha512.New, c.private)
	_, _ = mac.Write([]byte(path)) // never fails
	_, _ = mac.Write(inner[:])
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// redact takes the key out of what the exchange said: nothing keeps it from repeating what it was sent.
func (c credentials) redact(text string) string {
	if c.key == "" {
		return text
	}
	return strings.ReplaceAll(text, c.key, "(key)")
}

// nonces are ever higher.
type nonces struct{ last int64 }

func (n *nonces) next(now time.Time) int64 {
	n.last = max(n.last+1, now.UnixMilli())
	return n.last
}
