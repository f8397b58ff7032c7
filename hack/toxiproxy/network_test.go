package toxiproxy

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"
)

// domain that the certificate of net/http/httptest is good for, of which the tests' servers have names.
const domain = "example.com"

// names is the domain name system of this process.
var names nameServer

// TestMain sets up what is one a process: name resolution, trust, and how many tests run beside each other: they wait for the network, and do not compute.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := errorOf(
		func() error { return flag.Set("test.parallel", "24") },
		trustTestServers, names.start,
	); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

func errorOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// trustTestServers makes the certificate of net/http/httptest this process's only root, and no proxy of the environment stand in between.
func trustTestServers() error {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	dir, err := os.MkdirTemp("", "toxiproxy-")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "root.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, each := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Unsetenv(each); err != nil {
			return err
		}
	}
	return errorOf(
		func() error { return os.WriteFile(file, text, 0o600) },
		func() error { return os.Setenv("SSL_CERT_DIR", dir) },
		func() error { return os.Setenv("SSL_CERT_FILE", file) },
	)
}

// nameServer knows the names that were added and not removed since; each is this machine.
type nameServer struct {
	mu    sync.Mutex
	count int
	known map[string]bool // in lower case, with a point at the end
	conn  net.PacketConn
}

// start makes it the one that this process asks.
func (s *nameServer) start() (err error) {
	s.known = map[string]bool{}
	if s.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	go s.serve()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
	return nil
}

// add makes a new name.
func (s *nameServer) add(what string) (host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	host = fmt.Sprintf("%s-%d.%s", what, s.count, domain)
	s.known[host+"."] = true
	return host
}

func (s *nameServer) set(host string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[host+"."] = known
}

func (s *nameServer) serve() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var question dnsmessage.Message
		if question.Unpack(buffer[:n]) != nil || len(question.Questions) != 1 {
			continue
		}
		if answer, err := s.answer(&question); err == nil {
			_, _ = s.conn.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) answer(m *dnsmessage.Message) ([]byte, error) {
	q := m.Questions[0]
	s.mu.Lock()
	known := s.known[strings.ToLower(q.Name.String())]
	s.mu.Unlock()
	a := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	switch {
	case !known:
		a.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		a.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	return a.Pack()
}

// link is the way to a server: its name, and a proxy.
type link struct {
	t     *testing.T
	host  string
	proxy *toxiproxy.Proxy
	url   string
}

var proxies = toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard))

// serve starts a server behind a link of its own.
func serve(t *testing.T, what string, handler http.Handler) *link {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the network broke
	server.StartTLS()
	l := &link{t: t, host: names.add(what)}
	l.proxy = toxiproxy.NewProxy(proxies, l.host, "127.0.0.1:0", server.Listener.Addr().String())
	l.must(l.proxy.Start())
	l.url = "https://" + l.host + l.proxy.Listen[strings.LastIndexByte(l.proxy.Listen, ':'):]
	t.Cleanup(func() {
		l.proxy.Stop()
		l.proxy.Toxics.ResetToxics(t.Context())
		server.CloseClientConnections()
		server.Close()
	})
	return l
}

func (l *link) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// The directions of a toxic.
const (
	toServer   = "upstream"
	fromServer = "downstream"
)

// poison adds a toxic; see toxiproxy's documentation for the kinds and their attributes.
func (l *link) poison(kind, direction string, attributes map[string]int) {
	text, err := json.Marshal(map[string]any{"type": kind, "stream": direction, "attributes": attributes})
	if err == nil {
		_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	}
	if err != nil {
		l.t.Errorf("%s: %v", kind, err)
	}
}

// drop closes every connection; new ones are taken at once.
func (l *link) drop() {
	l.down()
	l.must(l.proxy.Start())
}

// down closes every connection and takes no new ones.
func (l *link) down() { l.proxy.Stop() }

// heal takes away whatever is wrong.
func (l *link) heal() {
	names.set(l.host, true)
	l.proxy.Toxics.ResetToxics(context.Background())
	if err := l.proxy.Start(); !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		l.must(err)
	}
}
