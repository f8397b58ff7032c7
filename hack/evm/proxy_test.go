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
	*httptest.Server // nil where something else serves it
	t                *testing.T
	node             string
	mu               sync.Mutex
	fault            fault
	methods          []string
	seen             map[string]int
	// hooks are called once, by the method that a request has, when the node has answered and before the answer is given.
	hooks map[string]func()
}

// standing is a proxy that something else serves.
func standing(t *testing.T, node string) *proxy {
	return &proxy{t: t, node: node, seen: map[string]int{}, hooks: map[string]func(){}}
}

func newProxy(t *testing.T, node string) *proxy {
	p := standing(t, node)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	methods := methodsOf(body)
	f := p.of(methods)
	var status int
	var answer []byte
	if f == pass || f == loseReply {
		response, err := http.Post(p.node, "application/json", bytes.NewReader(body))
		if err != nil {
			p.t.Error(err)
			return
		}
		status = response.StatusCode
		if answer, err = io.ReadAll(response.Body); err != nil {
			p.t.Error(err)
		}
		_ = response.Body.Close()
		p.answered(methods)
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
			p.t.Error(err)
			return
		}
		_ = conn.Close()
	}
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

// after has the hook called once, when the node has answered a request that has the method.
func (p *proxy) after(method string, hook func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hooks[method] = hook
}

func (p *proxy) answered(methods []string) {
	p.mu.Lock()
	var due []func()
	for _, m := range methods {
		if hook := p.hooks[m]; hook != nil {
			delete(p.hooks, m)
			due = append(due, hook)
		}
	}
	p.mu.Unlock()
	for _, hook := range due {
		hook()
	}
}

// methodsOf are the methods of a call, or of a batch.
func methodsOf(body []byte) (all []string) {
	type call struct {
		Method string `json:"method"`
	}
	var calls []call
	if json.Unmarshal(body, &calls) != nil {
		calls = make([]call, 1)
		_ = json.Unmarshal(body, &calls[0])
	}
	for _, c := range calls {
		all = append(all, c.Method)
	}
	return all
}

func (p *proxy) of(methods []string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	hit := len(p.methods) == 0
	for _, m := range methods {
		p.seen[m]++
		hit = hit || slices.Contains(p.methods, m)
	}
	if hit {
		return p.fault
	}
	return pass
}
