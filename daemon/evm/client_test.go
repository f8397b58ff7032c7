package evm_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/taudaemon/taudaemon/daemon/evm"
)

// secret stands in the path of every URL here, as providers of nodes have it.
const secret = "s3cr3t-api-key"

// node answers every request with the same text.
func node(t *testing.T, status int, text string) *evm.Client {
	t.Helper()
	return dial(t, httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v3/"+secret {
			t.Errorf("expected a POST to the URL, found %s %s", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})))
}

func dial(t *testing.T, s *httptest.Server) *evm.Client {
	t.Helper()
	t.Cleanup(s.Close)
	c, err := evm.Dial(s.URL + "/v3/" + secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t *testing.T, c *evm.Client, wait time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var chain hexutil.Uint64
	return c.Do(ctx, evm.AskChainID(&chain))
}

func TestAFailureSaysWhetherTheNodeMayHaveActed(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client left
		<-r.Context().Done()
	}))
	closed := httptest.NewServer(nil)
	closed.Close()
	cuts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}))
	for _, c := range []struct {
		name   string
		client *evm.Client
		wait   time.Duration
		fate   evm.Fate
		text   string
	}{
		{"nobody listens", dial(t, closed), time.Minute, evm.NotSent, "no connection: connection refused"},
		{"no time is left", node(t, 200, `[]`), 0, evm.NotSent, "the deadline had passed"},
		{"the node is silent", dial(t, silent), 50 * time.Millisecond, evm.Lost, "none by the deadline"},
		{"the connection is cut", dial(t, cuts), time.Minute, evm.Lost, "the answer was cut"},
		{"the answer is no JSON", node(t, 200, `<html>`), time.Minute, evm.Lost, "the request failed"},
		{"the answer is half", node(t, 200, `[{"jsonrpc":"2.0","id":1,"re`), time.Minute, evm.Lost, "the answer was cut"},
		{"the answer is of another question", node(t, 200, `[{"jsonrpc":"2.0","id":77,"result":"0x1"}]`), time.Minute, evm.Lost, "an answer that cannot be read"},
		{"the answer has another form", node(t, 200, `[{"jsonrpc":"2.0","id":1,"result":[]}]`), time.Minute, evm.Lost, "an answer that cannot be read"},
		{"the key is not accepted", node(t, 401, `{}`), time.Minute, evm.TurnedAway, "expected HTTP status 200, found 401"},
		{"too many requests", node(t, 429, `{}`), time.Minute, evm.TurnedAway, "found 429"},
		{"sent elsewhere", node(t, 307, ``), time.Minute, evm.TurnedAway, "found 307"},
		{"a gateway gave up", node(t, 502, `{}`), time.Minute, evm.Lost, "found 502"},
		{"the node says no", node(t, 200, `[{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"nope"}}]`), time.Minute, evm.Answered, "nope"},
		{"the node repeats the key", node(t, 200, `[{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no project `+secret+`"}}]`), time.Minute,
			evm.Answered, "no project ***"},
		{"the node says very much", node(t, 200, `[{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"`+strings.Repeat("x", 5000)+`"}}]`), time.Minute,
			evm.Answered, "x..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ask(t, c.client, c.wait)
			if err == nil || evm.FateOf(err) != c.fate || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("expected %s: %s, found %v", c.fate, c.text, err)
			}
			if text := err.Error(); strings.Contains(text, secret) || strings.Contains(text, "127.0.0.1") || len(text) > 300 {
				t.Fatalf("expected a short error without the URL, found %s", text)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsCut(t *testing.T) {
	c := dial(t, httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"jsonrpc":"2.0","id":1,"result":"`)
		for range 2*evm.MaxAnswerBytes>>16 + 1 {
			if _, err := io.WriteString(w, strings.Repeat("0", 1<<16)); err != nil {
				return
			}
		}
	})))
	if err := ask(t, c, time.Minute); evm.FateOf(err) != evm.Lost {
		t.Fatalf("found %v", err)
	}
}

func TestABatchHasAnErrorForEachCall(t *testing.T) {
	c := node(t, 200, `[{"jsonrpc":"2.0","id":2,"result":null},{"jsonrpc":"2.0","id":1,"result":"0x539"},{"jsonrpc":"2.0","id":3,"error":{"code":3,"message":"execution reverted"}}]`)
	var chain hexutil.Uint64
	var head *evm.Head
	read := evm.AskContract(common.Address{1}, evm.Decimals)
	chainCall, headCall := evm.AskChainID(&chain), evm.AskHead(evm.Latest, &head)
	err := c.Do(context.Background(), chainCall, headCall, &read.Call)
	if chainCall.Err != nil || chain != 1337 || headCall.Err != nil || head != nil {
		t.Fatalf("found %v %d, %v %v", chainCall.Err, chain, headCall.Err, head)
	}
	if _, readErr := read.Small(); err == nil || evm.FateOf(readErr) != evm.Answered || !strings.Contains(err.Error(), "eth_call: refused: execution reverted") {
		t.Fatalf("found %v, %v", err, readErr)
	}
}

func TestAnAddressWithoutAContractAnswersWithNothing(t *testing.T) {
	for text, want := range map[string]string{
		"0x":   "expected an answer, found none: is there such a contract at the address, on this chain?",
		"0x12": "expected an answer of its form, found 1 bytes",
		"0x00000000000000000000000000000000000000000000000000000000000001ff": "expected an answer of its form", // no uint8
	} {
		read := evm.AskContract(common.Address{1}, evm.Decimals)
		if err := node(t, 200, fmt.Sprintf(`[{"jsonrpc":"2.0","id":1,"result":%q}]`, text)).Do(context.Background(), &read.Call); err != nil {
			t.Fatal(err)
		}
		if _, err := read.Small(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected %q, found %v", text, want, err)
		}
	}
}

func TestTheReasonOfARevertIsRead(t *testing.T) {
	const data = "0x08c379a00000000000000000000000000000000000000000000000000000000000000020" + // Error("UniswapV2Router: EXPIRED")
		"0000000000000000000000000000000000000000000000000000000000000018556e697377617056323a204558504952454400000000000000000000000000"
	padded := data + strings.Repeat("0", (64-len(data[10:])%64)%64)
	err := ask(t, node(t, 200, `[{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"`+padded+`"}}]`), time.Minute)
	if reason := evm.RevertReason(err); !strings.HasPrefix(reason, "UniswapV2: EXPIRED") {
		t.Fatalf("found %q of %v", reason, err)
	}
	if reason := evm.RevertReason(ask(t, node(t, 200, `[{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"x","data":"0x1234"}}]`), time.Minute)); reason != "" {
		t.Fatalf("found %q", reason)
	}
}

func TestAURLThatCannotBeOneIsRefusedWithoutBeingShown(t *testing.T) {
	for _, bad := range []string{"", secret, "ws://node.test/" + secret, "http:///" + secret, "http://node.test/%zz" + secret, "file:///" + secret} {
		if _, err := evm.Dial(bad); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: found %v", bad, err)
		}
	}
}

func TestARequestIsNotSentTwice(t *testing.T) {
	// The second request finds the kept connection closed after it was written: Go's client repeats what is safe to repeat, and a POST is not.
	requests := make(chan struct{}, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buffer := make([]byte, 1<<16)
				for first := true; ; first = false {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					requests <- struct{}{}
					if !first {
						return
					}
					const body = `[{"jsonrpc":"2.0","id":1,"result":"0x1"}]`
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
			}()
		}
	}()
	c, err := evm.Dial("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t, c, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := ask(t, c, time.Minute); evm.FateOf(err) != evm.Lost {
		t.Fatalf("found %v", err)
	}
	if n := len(requests); n != 2 {
		t.Fatalf("expected 2 requests, found %d", n)
	}
}
