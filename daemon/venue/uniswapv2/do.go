package uniswapv2

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Do implements venue.Venue: it sends the order's transaction, if the node expects it to succeed and does not have it already.
func (v *Venue) Do(ctx context.Context, o venue.Order) venue.Answer {
	m, err := v.make(ctx, &o)
	if err == nil {
		err = v.preflight(ctx, &o, m)
	}
	var used *usedError
	switch {
	case errors.Is(err, errKnown):
		return v.ask(ctx, &o, false)
	case err != nil:
		return venue.Answer{Result: core.Refused, Reason: "not sent: " + err.Error(), Replay: errors.As(err, &used)}
	}
	return v.send(ctx, m)
}

// errKnown: the node has the very same transaction.
var errKnown = errors.New("the node has it already")

// usedError: the nonce that was free when the ticket was made is used: somebody else acts for the account.
type usedError struct{ expected, found uint64 }

// Error says which.
func (e *usedError) Error() string {
	return fmt.Sprintf("expected the account's next nonce to be the ticket's %d, found %d", e.expected, e.found)
}

// make is the order's transaction, once the chain is known.
func (v *Venue) make(ctx context.Context, o *venue.Order) (*made, error) {
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	return v.market.make(o, v.key)
}

// preflight looks, before anything leaves, whether the transaction can succeed; the error says why not. What a buy needs is also that its
// position can be sold again.
func (v *Venue) preflight(ctx context.Context, o *venue.Order, m *made) error {
	var (
		chain, nonce, gas hexutil.Uint64
		head              *evm.Head
		native            hexutil.Big
		known             *struct{}
		account           = v.market.account
	)
	balance := evm.AskContract(m.spends, evm.BalanceOf, account)
	baseAllowed, quoteAllowed := v.askAllowance(v.market.base), v.askAllowance(v.market.quote)
	estimate := &evm.Call{Method: "eth_estimateGas", Result: &gas, Args: []any{map[string]any{
		"from": account, "to": m.tx.To(), "input": hexutil.Bytes(m.tx.Data()),
	}}}
	others := []*evm.Call{
		evm.AskChainID(&chain), evm.AskHead(evm.Latest, &head), v.askNonce(evm.Latest, &nonce), askKnown(m, &known),
		{Method: "eth_getBalance", Args: []any{account, evm.Latest}, Result: &native}, &balance.Call, &baseAllowed.Call, &quoteAllowed.Call,
	}
	_ = v.client.Do(ctx, append(others, estimate)...)
	for _, c := range others {
		if c.Err != nil {
			return c.Err
		}
	}
	if err := v.rightChain(chain); err != nil {
		return err
	}
	switch n := uint64(nonce); {
	case known != nil:
		return errKnown
	case n > m.nonce:
		return &usedError{m.nonce, n}
	case n < m.nonce:
		return fmt.Errorf("expected the account's next nonce to be the ticket's %d, found %d: the chain was reorganised", m.nonce, n)
	}
	if err := v.inTime(m, head); err != nil {
		return err
	}
	if err := enough(o, m, native.ToInt(), balance, baseAllowed, quoteAllowed); err != nil {
		return err
	}
	if estimate.Err != nil {
		if reason := evm.RevertReason(estimate.Err); reason != "" {
			return fmt.Errorf("it would revert: %s", reason)
		}
		return estimate.Err
	}
	return v.enoughGas(m, uint64(gas))
}

func askKnown(m *made, into **struct{}) *evm.Call {
	return &evm.Call{Method: "eth_getTransactionByHash", Args: []any{m.tx.Hash()}, Result: into}
}

func (v *Venue) askAllowance(token common.Address) *evm.Read {
	return evm.AskContract(token, evm.Allowance, v.market.account, v.market.router)
}

// inTime: the next block can have it.
func (v *Venue) inTime(m *made, head *evm.Head) error {
	if err := v.current(head); err != nil {
		return err
	}
	if next := uint64(head.Time) + uint64((v.blockTime+time.Second-1)/time.Second); m.deadline != 0 && m.deadline < next {
		return fmt.Errorf("expected a deadline no earlier than the next block's time, %d, found %d", next, m.deadline)
	}
	if m.price.Cmp(head.BaseFee.ToInt()) < 0 {
		return fmt.Errorf("expected a base fee of at most %s, the ticket's or the configured most for a unit of gas, found %s", m.price, head.BaseFee.ToInt())
	}
	return nil
}

// enough of the native coin, of the token, and of the router's allowances.
func enough(o *venue.Order, m *made, native *big.Int, balance, baseAllowed, quoteAllowed *evm.Read) error {
	gas := new(big.Int).Mul(new(big.Int).SetUint64(m.gas), m.price)
	if o.Side == core.Buy {
		gas.Add(gas, gas) // its exit's, too
	}
	if native.Cmp(gas) < 0 {
		return fmt.Errorf("expected at least %s units of the native coin for gas, found %s", gas, native)
	}
	checks := []struct {
		what  string
		read  *evm.Read
		least *big.Int
	}{{"balance", balance, m.most}}
	switch o.Side {
	case core.Buy:
		checks = append(checks, check{"allowance of the quote token", quoteAllowed, m.most}, check{"allowance of the base token, for the exit,", baseAllowed, m.gets})
	case core.Sell:
		checks = append(checks, check{"allowance of the base token", baseAllowed, m.most})
	case core.Burn:
	}
	for _, c := range checks {
		found, err := c.read.Uint()
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		if found.Cmp(c.least) < 0 {
			return fmt.Errorf("expected a %s of at least %s units, found %s", c.what, c.least, found)
		}
	}
	return nil
}

type check = struct {
	what  string
	read  *evm.Read
	least *big.Int
}

// enoughGas: the ticket's limit covers the node's estimate and the margin. Else the next ticket does.
func (v *Venue) enoughGas(m *made, estimate uint64) error {
	need := min(estimate, mostGas) * uint64(bpsScale+v.config.GasMarginBps) / bpsScale
	if need <= m.gas {
		return nil
	}
	v.need = min(max(v.need, need), mostGas)
	return fmt.Errorf("expected a gas limit of at least %d (the node's estimate of %d and the margin), found the ticket's %d; the next one has more", need, estimate, m.gas)
}

// send gives the transaction to the node. It is Ambiguous where the node may have it and did not say so.
func (v *Venue) send(ctx context.Context, m *made) venue.Answer {
	raw, err := m.tx.MarshalBinary()
	if err != nil {
		return venue.Answer{Result: core.Refused, Reason: "not sent: it cannot be encoded"}
	}
	var hash common.Hash
	err = v.client.One(ctx, &hash, "eth_sendRawTransaction", hexutil.Bytes(raw))
	if err == nil {
		v.remember(m)
		return venue.Answer{Result: core.Pending, Reason: "sent as " + m.tx.Hash().Hex()}
	}
	result := core.Ambiguous
	switch evm.FateOf(err) {
	case evm.NotSent, evm.TurnedAway:
		result = core.Refused
	case evm.Answered:
		result = verdict(err)
	case evm.Lost:
	}
	if result != core.Refused || replaces(err) {
		v.remember(m)
	}
	return venue.Answer{Result: result, Reason: err.Error()}
}

// refusals are what nodes (geth, erigon, nethermind, besu, reth) say of a transaction that they do not take: it goes nowhere then.
var refusals = []string{
	"insufficient funds", "underpriced", "intrinsic gas", "block gas limit", "invalid sender", "chain id", "chainid", "max fee per gas", "max priority fee",
	"feetoolow", "fee too low", "exceeds the configured cap", "gas limit too", "txpool is full", "pool is full", "account limit", "in-flight transaction",
	"transaction type not supported", "typed transaction too short", "rlp:", "oversized", "rate limit", "too many requests", "method not found",
	"does not exist/is not available", "nonce too high", "gapped",
}

// verdict on a transaction whose answer is an error: Refused only where the node is known not to have taken it.
func verdict(err error) core.Result {
	text := strings.ToLower(err.Error())
	for _, known := range []string{"already known", "known transaction", "alreadyknown", "already imported", "already exists"} {
		if strings.Contains(text, known) {
			return core.Pending
		}
	}
	for _, r := range refusals {
		if strings.Contains(text, r) {
			return core.Refused
		}
	}
	return core.Ambiguous // also "nonce too low": it may have been mined since
}

// replaces: the node has another transaction of this nonce that pays about as much.
func replaces(err error) bool { return strings.Contains(strings.ToLower(err.Error()), "underpriced") }
