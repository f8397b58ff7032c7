package network

import (
	"context"
	"crypto/x509"
	"encoding/binary"
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
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"
)

// domain that the certificate of net/http/httptest is good for, of which the tests' servers have names.
const domain = "example.com"

// names is the domain name system of this process.
var names nameServer

// atOnce is how many tests run beside each other: they wait for the network, and do not compute.
const atOnce = 24

// Setup is for TestMain, before anything is asked: it sets up what is one a process: name resolution, trust, and how many parallel tests there are.
func Setup() error {
	flag.Parse()
	return errorOf(
		func() error { return flag.Set("test.parallel", fmt.Sprint(atOnce)) },
		trustTestServers, names.start,
	)
}

func errorOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// variables of the environment that say whom to trust and what to go through.
var variables = []string{"SSL_CERT_DIR", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}

// trustTestServers makes the certificate of net/http/httptest this process's only root, and lets no proxy of the environment stand in between. The
// environment, which programs that are started see, is afterwards as it was: Go has read it.
func trustTestServers() error {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	dir, err := os.MkdirTemp("", "toxiproxy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range variables {
		if value, set := os.LookupEnv(name); set {
			defer func() { _ = os.Setenv(name, value) }()
		} else {
			defer func() { _ = os.Unsetenv(name) }()
		}
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, "root.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return errorOf(
		func() error { return os.WriteFile(file, text, 0o600) },
		func() error { return os.Setenv("SSL_CERT_DIR", dir) },
		func() error { return os.Setenv("SSL_CERT_FILE", file) },
		func() error { _, err := x509.SystemCertPool(); return err },
		func() error {
			_, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: domain}})
			return err
		},
	)
}

// nameServer knows the names that were added and not forgotten since. Each has an address of its own: a port that is closed for a while
// must not become that of another test's server.
type nameServer struct {
	mu        sync.Mutex
	addresses map[string]netip.Addr // by the name in lower case, with a point at the end
	forgotten map[string]bool
	conn      net.PacketConn
}

// start makes it the one that this process asks.
func (s *nameServer) start() (err error) {
	s.addresses, s.forgotten = map[string]netip.Addr{}, map[string]bool{}
	if s.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	go s.serve()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
	return nil
}

var addressed atomic.Uint32

// Address is an address of this machine that nobody else uses: one of the upper half of 127.0.0.0/8, by the process and how many it has.
func Address() netip.Addr {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 127<<24|1<<23|(uint32(os.Getpid())<<10+addressed.Add(1))&(1<<23-1)) //nolint:gosec // the low bits are meant
	return netip.AddrFrom4(ip)
}

// add makes a new name, and an address for it.
func (s *nameServer) add(what string) (host string, at netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, at = fmt.Sprintf("%s-%d.%s", what, len(s.addresses)+1, domain), Address()
	s.addresses[host+"."] = at
	return host, at
}

func (s *nameServer) forget(host string, forgotten bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten[host+"."] = forgotten
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
	name := strings.ToLower(q.Name.String())
	at, known := s.addresses[name]
	known = known && !s.forgotten[name]
	s.mu.Unlock()
	a := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	switch {
	case !known:
		a.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		a.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: at.As4()},
		}}
	}
	return a.Pack()
}

// Link is the way to a server: its name, and a proxy.
type Link struct {
	// URL of the server, by its name.
	URL string

	t     *testing.T
	host  string
	proxy *toxiproxy.Proxy
}

var proxies = toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard))

// Serve starts a server behind a link of its own. It ends with the test.
func Serve(t *testing.T, what string, handler http.Handler) *Link {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the network broke
	server.StartTLS()
	host, at := names.add(what)
	l := &Link{t: t, host: host, proxy: toxiproxy.NewProxy(proxies, host, netip.AddrPortFrom(at, 0).String(), server.Listener.Addr().String())}
	l.must(l.proxy.Start())
	l.URL = "https://" + l.host + l.proxy.Listen[strings.LastIndexByte(l.proxy.Listen, ':'):]
	t.Cleanup(func() {
		l.proxy.Stop()
		l.proxy.Toxics.ResetToxics(context.Background())
		server.CloseClientConnections()
		server.Close()
	})
	return l
}

func (l *Link) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// The directions of a toxic.
const (
	ToServer   = "upstream"
	FromServer = "downstream"
)

// Attributes of a toxic.
type Attributes map[string]int

// Poison adds a toxic; see toxiproxy's documentation for the kinds and their attributes. It may be called from any goroutine.
func (l *Link) Poison(kind, direction string, a Attributes) {
	text, err := json.Marshal(map[string]any{"type": kind, "stream": direction, "attributes": a})
	if err == nil {
		_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	}
	if err != nil {
		l.t.Errorf("%s: %v", kind, err)
	}
}

// noticed is how long a client is given to see that its connections were closed, before it uses them.
const noticed = 500 * time.Millisecond

// Drop closes every connection; new ones are taken.
func (l *Link) Drop() {
	l.proxy.Stop()
	l.must(l.proxy.Start())
	time.Sleep(noticed)
}

// Down closes every connection, and no new ones are taken.
func (l *Link) Down() {
	l.proxy.Stop()
	time.Sleep(noticed)
}

// Forget closes every connection, and the server's name is known no more.
func (l *Link) Forget() {
	names.forget(l.host, true)
	l.Drop()
}

// Heal takes away whatever is wrong. What waited in the proxy goes on its way.
func (l *Link) Heal() {
	names.forget(l.host, false)
	l.proxy.Toxics.ResetToxics(context.Background())
	if err := l.proxy.Start(); !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		l.must(err)
	}
}
