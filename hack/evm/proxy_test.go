package evm

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// fault is what a proxy does with a request.
type fault int

const (
	pass      fault = iota
	loseReply       // the node gets it, and its answer does not come back
	cut             // the connection breaks before the node gets it
	gateway         // 502 instead
)

// proxy stands before a node, and does with requests that have one of the methods what it is told to.
type proxy struct {
	*httptest.Server
	mu      sync.Mutex
	fault   fault
	methods []string
	seen    map[string]int
}

func newProxy(t *testing.T, node string) *proxy {
	p := &proxy{seen: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		f := p.of(body)
		var status int
		var answer []byte
		if f == pass || f == loseReply {
			response, err := http.Post(node, "application/json", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			status = response.StatusCode
			if answer, err = io.ReadAll(response.Body); err != nil {
				t.Error(err)
			}
			_ = response.Body.Close()
		}
		switch f {
		case pass:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write(answer)
		case gateway:
			w.WriteHeader(http.StatusBadGateway)
		case loseReply, cut:
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// on does that with every request that has one of the methods, with all if none is named.
func (p *proxy) on(f fault, methods ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.methods = f, methods
}

// count is how many calls of the method came.
func (p *proxy) count(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[method]
}

func (p *proxy) of(body []byte) fault {
	type call struct {
		Method string `json:"method"`
	}
	var calls []call
	if json.Unmarshal(body, &calls) != nil {
		calls = make([]call, 1)
		_ = json.Unmarshal(body, &calls[0])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	hit := len(p.methods) == 0
	for _, c := range calls {
		p.seen[c.Method]++
		hit = hit || slices.Contains(p.methods, c.Method)
	}
	if hit {
		return p.fault
	}
	return pass
}
