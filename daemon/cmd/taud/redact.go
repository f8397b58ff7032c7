package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/taudaemon/taudaemon/daemon/config"
)

const (
	// shortestSecret that is taken out of a text: a shorter one is part of too many words.
	shortestSecret = 6
	// leastShown is how much of a longer secret's beginning is taken out too: who shortens a text may cut a secret in two.
	leastShown = 12
	// mostSecret is what is read of a credential's file, in bytes.
	mostSecret = 64 << 10
)

// redactor takes the credentials that a configuration names out of texts, as they are and in hex, base64, JSON and URLs. The venues and sources do not
// show theirs; this is for what others say who were sent one, and for what we did not think of. A file that is replaced is read again, and what
// was in it before stays hidden too.
type redactor struct {
	mu    sync.Mutex
	files []*secretFile
	forms []string
}

// secretFile is a file with a credential, or with a URL that may have some in it.
type secretFile struct {
	path  string
	isURL bool
	seen  fs.FileInfo // when it was last read
}

func newRedactor(c *config.Config) *redactor {
	r := &redactor{}
	file := func(path string, isURL bool) {
		if path != "" {
			r.files = append(r.files, &secretFile{path: path, isURL: isURL})
		}
	}
	if k := c.Venue.Kraken; k != nil {
		file(k.KeyFile, false)
		file(k.SecretFile, false)
	}
	if u := c.Venue.UniswapV2; u != nil {
		file(u.KeyFile, false)
		file(u.PasswordFile, false)
		file(u.RPCURLFile, true)
		r.url(u.RPCURL)
	}
	for _, s := range c.Oracle.Sources {
		if s.Pyth != nil {
			file(s.Pyth.TokenFile, false)
		}
		if s.Chainlink != nil {
			file(s.Chainlink.RPCURLFile, true)
			r.url(s.Chainlink.RPCURL)
		}
		if s.UniswapV2 != nil {
			file(s.UniswapV2.RPCURLFile, true)
			r.url(s.UniswapV2.RPCURL)
		}
	}
	r.read()
	return r
}

// Redact is the text without them. A nil redactor knows none.
func (r *redactor) Redact(text string) string {
	if r == nil || text == "" {
		return text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read()
	if !slices.ContainsFunc(r.forms, func(form string) bool { return strings.Contains(text, begin(form)) }) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for _, form := range r.forms {
			if m := shared(form, text[i:]); m >= len(begin(form)) {
				n = max(n, m)
			}
		}
		if n == 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString("***")
		i += n
	}
	return out.String()
}

// begin is as much of a form as is taken out wherever it stands.
func begin(form string) string { return form[:min(len(form), leastShown)] }

// shared is how many bytes both begin with.
func shared(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// error is an error with its text redacted. What it wraps is no longer reached.
func (r *redactor) error(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(r.Redact(err.Error()))
}

// read takes up what files have become. One that can't be read changes nothing.
func (r *redactor) read() {
	for _, f := range r.files {
		info, err := os.Stat(f.path)
		if err != nil || f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
			continue
		}
		text, err := readAtMost(f.path, mostSecret)
		if err != nil {
			continue
		}
		f.seen = info
		switch text = strings.TrimSpace(text); {
		case f.isURL:
			r.url(text)
		case !strings.HasPrefix(text, "{"): // an encrypted keystore is no secret by itself
			r.secret(text)
		}
	}
}

func readAtMost(path string, most int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	return string(b), err
}

// url takes up the parts of a node's URL that may be a key.
func (r *redactor) url(text string) {
	u, err := url.Parse(text)
	if text == "" || err != nil {
		return
	}
	parts := strings.Split(u.Path, "/")
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, p := range parts {
		if len(p) >= leastShown { // shorter ones are words, such as the name of an interface
			r.secret(p)
		}
	}
	if password, has := u.User.Password(); has {
		r.secret(password)
	}
}

// secret takes up one, and the bytes that it may stand for.
func (r *redactor) secret(text string) {
	r.bytes([]byte(text))
	if b, err := hex.DecodeString(strings.TrimPrefix(text, "0x")); err == nil {
		r.bytes(b)
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil {
		r.bytes(b)
	}
}

// bytes takes up all forms of a secret's bytes.
func (r *redactor) bytes(b []byte) {
	if len(b) < shortestSecret {
		return
	}
	text := string(b)
	quoted, err := json.Marshal(text)
	if err == nil {
		r.forms = append(r.forms, string(quoted[1:len(quoted)-1]))
	}
	r.forms = append(r.forms, text, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), base64.RawStdEncoding.EncodeToString(b),
		base64.RawURLEncoding.EncodeToString(b), url.QueryEscape(text), url.PathEscape(text), url.QueryEscape(base64.StdEncoding.EncodeToString(b)))
	slices.Sort(r.forms)
	r.forms = slices.Compact(r.forms)
}

// redacting writes what passes through it redacted, one Write a line.
type redacting struct {
	to io.Writer
	by func() *redactor
}

// Write implements io.Writer.
func (w *redacting) Write(line []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.by().Redact(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
