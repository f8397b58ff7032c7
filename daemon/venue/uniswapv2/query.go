package uniswapv2

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Query implements venue.Venue.
func (v *Venue) Query(ctx context.Context, o venue.Order) venue.Answer {
	if o.Side == core.Sell && o.Expires == 0 {
		return v.askUndated(ctx, &o)
	}
	return v.ask(ctx, &o, o.Resend)
}

// Cancel implements venue.Venue: a transaction that left can't be taken back, so it says what became of it. Its deadline ends it.
func (v *Venue) Cancel(ctx context.Context, o venue.Order) venue.Answer { return v.ask(ctx, &o, false) }

// pending is an answer that leaves the intent open. A node that does not answer is that too, not Ambiguous: the transaction is known by its hash,
// so the chain will tell; that the node is away is an anomaly of its own, from Account.
func pending(format string, args ...any) venue.Answer {
	return venue.Answer{Result: core.Pending, Reason: fmt.Sprintf(format, args...)}
}

func ambiguous(err error) venue.Answer {
	return venue.Answer{Result: core.Ambiguous, Reason: err.Error()}
}

func (v *Venue) ask(ctx context.Context, o *venue.Order, resend bool) venue.Answer {
	m, err := v.make(ctx, o)
	switch {
	case errors.Is(err, errOtherSettings):
		return ambiguous(err)
	case errors.Is(err, errImpossible):
		return venue.Answer{Result: core.NotFound, Reason: "never sent: " + err.Error()}
	case err != nil:
		return pending("%v", err)
	}
	var (
		chain, nonce hexutil.Uint64
		found        *receipt
		head         *evm.Head
	)
	if err := v.client.Do(ctx, evm.AskChainID(&chain), askReceipt(m.tx.Hash(), &found), v.askNonce(evm.Latest, &nonce), evm.AskHead(evm.Latest, &head)); err != nil {
		return pending("%v", err)
	}
	if err := v.rightChain(chain); err != nil {
		return pending("%v", err)
	}
	switch {
	case head == nil:
		return pending("the node has no newest block")
	case found != nil:
		return v.mined(ctx, o, m, found, head)
	}
	return v.missing(ctx, o, m, head, uint64(nonce), resend)
}

func askReceipt(hash common.Hash, into **receipt) *evm.Call {
	return &evm.Call{Method: "eth_getTransactionReceipt", Args: []any{hash}, Result: into}
}

// final is the newest block that is as deep as the confirmations; false if there is none yet.
func (v *Venue) final(head *evm.Head) (uint64, bool) {
	depth := uint64(v.config.Confirmations) - 1
	return uint64(head.Number) - depth, uint64(head.Number) >= depth
}

// mined is an order with a receipt: once that is final, its outcome.
func (v *Venue) mined(ctx context.Context, o *venue.Order, m *made, r *receipt, head *evm.Head) venue.Answer {
	if final, ok := v.final(head); !ok || uint64(r.BlockNumber) > final {
		return pending("in block %d, the newest is %d", r.BlockNumber, head.Number)
	}
	var block *evm.Head
	if err := v.client.Do(ctx, evm.AskHead(evm.Tag(uint64(r.BlockNumber)), &block)); err != nil {
		return pending("%v", err)
	}
	if block == nil || block.Hash != r.BlockHash {
		return pending("its block %d was replaced", r.BlockNumber)
	}
	gas, err := v.gas(ctx, o, r)
	if err != nil {
		return pending("%v", err)
	}
	v.next = max(v.next, m.nonce+1)
	if r.Status != 1 {
		return venue.Answer{Result: core.Refused, Gas: gas, Reason: v.whyReverted(m, r, block)}
	}
	if o.Side == core.Burn {
		if err := v.market.burned(m, r); err != nil {
			return ambiguous(err)
		}
		return venue.Answer{Result: core.Filled, Gas: gas}
	}
	f, err := v.market.fill(o, m, r)
	if err != nil {
		return ambiguous(fmt.Errorf("transaction %s: %w", r.TxHash.Hex(), err))
	}
	a := venue.Answer{Result: core.Filled, Fills: []core.Fill{f}, Gas: gas}
	if f.Qty < o.Qty {
		a.Result, a.Reason = core.Partial, "the rest is less than the token can show, or the token keeps a part"
	}
	return a
}

// usedUp is the share of the gas limit, in percent, from which on a revert is taken for a lack of gas.
const usedUp = 95

// whyReverted also takes up that the gas was too little.
func (v *Venue) whyReverted(m *made, r *receipt, block *evm.Head) string {
	switch {
	case uint64(r.GasUsed) >= m.gas/100*usedUp: // what a call inside may not use is left, a 64th
		v.need = min(max(v.need, 2*m.gas), mostGas)
		return fmt.Sprintf("reverted: it ran out of gas, %d of %d were used; the next has twice as much", r.GasUsed, m.gas)
	case m.deadline != 0 && uint64(block.Time) > m.deadline:
		return fmt.Sprintf("reverted: mined at %d, after its deadline %d", block.Time, m.deadline)
	}
	return "reverted: the price had moved beyond the limit, or the router refused"
}

// gas is what a receipt cost, in quote units. Without a configured price of the native coin it is the order's reference price, or for a burn,
// which has none, the pool's own.
func (v *Venue) gas(ctx context.Context, o *venue.Order, r *receipt) (fixed.Value, error) {
	cost, err := r.cost()
	if err != nil {
		return 0, err
	}
	price := v.config.NativePrice
	if price == 0 {
		price = o.Reference
	}
	if price == 0 {
		if price, err = v.spot(ctx); err != nil {
			return 0, err
		}
	}
	return inQuote(cost, price)
}

// spot is the pool's price, rounded up.
func (v *Venue) spot(ctx context.Context) (fixed.Value, error) {
	token0, reserves := evm.AskContract(*v.pair, evm.Token0), evm.AskContract(*v.pair, evm.GetReserves)
	if err := v.client.Do(ctx, &token0.Call, &reserves.Call); err != nil {
		return 0, err
	}
	first, err := token0.Address()
	if err != nil {
		return 0, err
	}
	values, err := reserves.Values()
	if err != nil {
		return 0, err
	}
	base, quote := values[0].(*big.Int), values[1].(*big.Int)
	if first != v.market.base {
		base, quote = quote, base
	}
	if base.Sign() == 0 {
		return 0, errors.New("expected a pool with reserves, found none")
	}
	return v.market.price(quote, base, 1, 1, fixed.Ceil)
}

// missing is an order without a receipt: it waits, or it can no longer be executed, or the node does not know it.
func (v *Venue) missing(ctx context.Context, o *venue.Order, m *made, head *evm.Head, nonce uint64, resend bool) venue.Answer {
	final, ok := v.final(head)
	if !ok {
		return pending("the chain is at block %d", head.Number)
	}
	var (
		then      *evm.Head
		nonceThen hexutil.Uint64
		again     *receipt
		known     *struct{}
	)
	if err := v.client.Do(ctx, evm.AskHead(evm.Tag(final), &then), v.askNonce(evm.Tag(final), &nonceThen), askReceipt(m.tx.Hash(), &again),
		askKnown(m, &known)); err != nil {
		return pending("%v", err)
	}
	spent := uint64(nonceThen) > m.nonce
	expired := then != nil && m.deadline != 0 && uint64(then.Time) > m.deadline
	switch {
	case then == nil || again != nil:
		return pending("the chain moved while it was asked")
	case spent || expired:
		return v.lapsed(ctx, o, m, final, spent)
	case nonce > m.nonce:
		return pending("another transaction used its nonce %d, and is not final", m.nonce)
	case known != nil:
		v.remember(m)
		return pending("it waits to be mined")
	case !resend || o.Side == core.Buy || m.deadline != 0 && uint64(head.Time) >= m.deadline:
		return pending("the node does not know it; it may be mined until its deadline or until its nonce is used")
	}
	a := v.send(ctx, m)
	return pending("the node did not know it, and was given it again: %s: %s", a.Result, a.Reason)
}

// lapsed is an order that can no longer be executed. That it was not executed before is asked a second way, by the transfers that it would have
// made, since a node may know of a block before it has the receipts in its index.
func (v *Venue) lapsed(ctx context.Context, o *venue.Order, m *made, final uint64, spent bool) venue.Answer {
	hash := m.tx.Hash()
	moved, err := v.moved(ctx, m, final)
	switch {
	case err != nil:
		return pending("%v", err)
	case moved:
		return pending("the node has its transfers and not its receipt")
	}
	delete(v.looked, hash)
	a := venue.Answer{Result: core.NotFound, Reason: fmt.Sprintf("its deadline %d passed without it", m.deadline)}
	if spent {
		v.next = max(v.next, m.nonce+1)
		a.Reason = fmt.Sprintf("another transaction used its nonce %d", m.nonce)
		ours := false
		if a.Gas, ours, err = v.gasOfOthers(ctx, o, m); err != nil {
			return pending("%v", err)
		}
		a.Replay = !ours
	}
	return a
}

// logsAtOnce is how many blocks' logs are asked for at a time. A node that refuses is asked for a tenth of it.
const logsAtOnce = 1_000

// moved says whether the transaction took anything from the account in a block after its ticket's, up to the final one. Where that is far, it goes
// on at the next call.
func (v *Venue) moved(ctx context.Context, m *made, final uint64) (bool, error) {
	hash := m.tx.Hash()
	found := false
	err := v.transfers(ctx, m.spends, max(m.block, v.looked[hash]), final, func(tx common.Hash) { found = found || tx == hash }, func(next uint64) {
		if !found {
			v.looked[hash] = next
		}
	})
	return found, err
}

// transfers tells of each transaction of these blocks that took of the token from the account, and after each part from which block it goes on.
func (v *Venue) transfers(ctx context.Context, token common.Address, from, final uint64, each func(tx common.Hash), upTo func(next uint64)) error {
	for span := uint64(logsAtOnce); from <= final; {
		to := min(from+span-1, final)
		var logs []types.Log
		err := v.client.Do(ctx, &evm.Call{Method: "eth_getLogs", Result: &logs, Args: []any{map[string]any{
			"fromBlock": evm.Tag(from), "toBlock": evm.Tag(to), "address": token,
			"topics": []common.Hash{transferTopic, common.BytesToHash(v.market.account[:])},
		}}})
		if err != nil && evm.FateOf(err) == evm.Answered && span > 1 {
			span /= 10
			continue
		}
		if err != nil {
			return err
		}
		for _, l := range logs {
			each(l.TxHash)
		}
		from = to + 1
		upTo(from)
	}
	return nil
}

// gasOfOthers is what transactions of ours with this nonce took that had been given up before, once: nobody else would book it. It is false if
// none of them is the one that used the nonce.
func (v *Venue) gasOfOthers(ctx context.Context, o *venue.Order, m *made) (sum fixed.Value, ours bool, err error) {
	kept := v.sent[:0:0]
	for _, s := range v.sent {
		if s.nonce != m.nonce {
			kept = append(kept, s)
			continue
		}
		var r *receipt
		if err := v.client.Do(ctx, askReceipt(s.tx.Hash(), &r)); err != nil {
			return 0, false, err
		}
		if r == nil {
			continue
		}
		ours = true
		gas, err := v.gas(ctx, o, r)
		if err != nil {
			return 0, false, err
		}
		if sum, err = sum.Add(gas); err != nil {
			return 0, false, err
		}
	}
	v.sent = kept
	return sum, ours, nil
}
