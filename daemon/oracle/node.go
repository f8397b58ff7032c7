package oracle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// node is a node of an EVM chain that a source asks.
type node struct {
	url, file string // one of them is set
	chainID   int64

	mu      sync.Mutex
	client  *evm.Client
	dialled string // the URL that client is of
}

// newNode checks a URL that is given; one in a file is looked at when it is needed, and again when it changes.
func newNode(url, file string, chainID int64) (*node, error) {
	n := &node{url: url, file: file, chainID: chainID}
	if file != "" {
		return n, nil
	}
	client, err := evm.Dial(url)
	if err != nil {
		return nil, fmt.Errorf("rpc_url: %w", err)
	}
	n.client, n.dialled = client, url
	return n, nil
}

func (n *node) dial() (*evm.Client, *remote.Failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file == "" {
		return n.client, nil
	}
	text, err := os.ReadFile(n.file)
	if err != nil {
		return nil, &remote.Failure{Code: remote.Credentials, Detail: "the file with the node's URL cannot be read"}
	}
	if url := strings.TrimSpace(string(text)); n.client == nil || url != n.dialled {
		client, err := evm.Dial(url)
		if err != nil {
			return nil, remote.Failed(remote.Credentials, err)
		}
		n.client, n.dialled = client, url
	}
	return n.client, nil
}

// ask asks for the newest block and for these reads of contracts, all in one request, of the chain that was configured. A read that failed says
// so itself.
func (n *node) ask(ctx context.Context, reads ...*evm.Read) (*evm.Head, *remote.Failure) {
	client, failure := n.dial()
	if failure != nil {
		return nil, failure
	}
	var (
		chain hexutil.Uint64
		head  *evm.Head
	)
	calls := []*evm.Call{evm.AskChainID(&chain), evm.AskHead(evm.Latest, &head)}
	for _, r := range reads {
		calls = append(calls, &r.Call)
	}
	_ = client.Do(ctx, calls...)
	for _, c := range calls[:2] {
		if c.Err != nil {
			return nil, unanswered(c.Err)
		}
	}
	switch {
	case int64(chain) != n.chainID:
		return nil, &remote.Failure{Code: remote.Node, Detail: fmt.Sprintf("expected chain %d, found %d", n.chainID, uint64(chain))}
	case head == nil:
		return nil, &remote.Failure{Code: remote.Node, Detail: "expected a newest block, found none"}
	}
	return head, nil
}

// unanswered is the failure of a call.
func unanswered(err error) *remote.Failure {
	var e *evm.Error
	if !errors.As(err, &e) {
		return remote.Failed(remote.Node, err)
	}
	f := &remote.Failure{Code: remote.Connect, Detail: e.Text, Passing: true}
	switch {
	case e.Timeout:
		return &remote.Failure{Code: remote.Deadline}
	case e.Code == http.StatusTooManyRequests && e.Fate == evm.TurnedAway:
		return &remote.Failure{Code: remote.RateLimit, Detail: e.Text, After: remote.DefaultWait}
	case e.Fate == evm.TurnedAway:
		f.Code, f.Passing = remote.Status, false
	case e.Fate == evm.Answered:
		f.Code, f.Passing = remote.Node, false
	}
	return f
}
