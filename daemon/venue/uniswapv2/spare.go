package uniswapv2

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// spareGas marks the gas limit of an exit that is authorised in advance, so that its transaction is never that of another order with the same
// quantity, limit and deadline.
const spareGas = 1

// Next implements venue.Ticketed: the ticket of an exit that may leave after o, if what o's answer says is all that is known. It pays as much for
// gas as is allowed at all: it is used in an emergency, at a time that is not known.
func (v *Venue) Next(o venue.Order, _ venue.Answer) string {
	t := v.last
	if made, err := parseTicket(o.Ticket); err == nil {
		t = made
	}
	if t == nil || v.pair == nil {
		return ""
	}
	next := *t
	// Of a transaction that is not known to be mined the nonce is used again: then at most one of the two is executed.
	next.nonce = max(next.nonce, v.next)
	next.tip, next.price = raised(t.tip), v.mostPrice()
	next.tip = smaller(next.tip, next.price)
	next.gas = v.need + spareGas
	next.feeBuy, next.feeSell, next.venue = v.config.FeeBpsBuy, v.config.FeeBpsSell, v.market.fingerprint()
	return next.String()
}

// askUndated answers for an exit that was authorised in advance: whether it left, and so its deadline and its hash, is not known. It is found by
// its nonce, and by being, with the deadline that it was found with, the very transaction that the order makes.
func (v *Venue) askUndated(ctx context.Context, o *venue.Order) venue.Answer {
	if err := v.ready(ctx); err != nil {
		return pending("%v", err)
	}
	t, err := parseTicket(o.Ticket)
	switch {
	case err != nil:
		return venue.Answer{Result: core.NotFound, Reason: "never sent: " + err.Error()}
	case t.venue != v.market.fingerprint():
		return ambiguous(errOtherSettings)
	}
	var (
		chain, nonce, waiting hexutil.Uint64
		head                  *evm.Head
	)
	if err := v.client.Do(ctx, evm.AskChainID(&chain), v.askNonce(evm.Latest, &nonce), v.askNonce("pending", &waiting), evm.AskHead(evm.Latest, &head)); err != nil {
		return pending("%v", err)
	}
	if err := v.rightChain(chain); err != nil {
		return pending("%v", err)
	}
	switch {
	case head == nil:
		return pending("the node has no newest block")
	case uint64(nonce) > t.nonce:
		return v.findUndated(ctx, o, t, head)
	case uint64(waiting) > t.nonce:
		return pending("a transaction with its nonce %d waits to be mined", t.nonce)
	}
	return venue.Answer{Result: core.NotFound, Reason: "its nonce is not used"}
}

// findUndated looks for the transaction that used the nonce, among those that took of the base token.
func (v *Venue) findUndated(ctx context.Context, o *venue.Order, t *ticket, head *evm.Head) venue.Answer {
	final, ok := v.final(head)
	if !ok || final < t.block {
		return pending("its nonce %d is used, in a block that is not final", t.nonce)
	}
	var nonceThen hexutil.Uint64
	if err := v.client.Do(ctx, v.askNonce(evm.Tag(final), &nonceThen)); err != nil {
		return pending("%v", err)
	}
	if uint64(nonceThen) <= t.nonce {
		return pending("its nonce %d is used, in a block that is not final", t.nonce)
	}
	var hashes []common.Hash
	if err := v.transfers(ctx, v.market.base, t.block, final, func(tx common.Hash) { hashes = append(hashes, tx) }, func(uint64) {}); err != nil {
		return pending("%v", err)
	}
	for _, hash := range hashes {
		var tx *struct {
			Nonce hexutil.Uint64 `json:"nonce"`
			Input hexutil.Bytes  `json:"input"`
		}
		if err := v.client.Do(ctx, &evm.Call{Method: "eth_getTransactionByHash", Args: []any{hash}, Result: &tx}); err != nil {
			return pending("%v", err)
		}
		if tx == nil || uint64(tx.Nonce) != t.nonce {
			continue
		}
		dated := *o
		dated.Expires = deadlineIn(tx.Input) * 1000
		if m, err := v.market.make(&dated, v.key); err == nil && m.tx.Hash() == hash {
			return v.ask(ctx, &dated, false)
		}
	}
	return venue.Answer{Result: core.NotFound, Reason: "another transaction used its nonce"}
}

// deadlineIn a swap's data, in Unix seconds; 0 if there is none: the fifth argument.
func deadlineIn(data []byte) int64 {
	const at = 4 + 4*32
	if len(data) < at+32 {
		return 0
	}
	n := new(big.Int).SetBytes(data[at : at+32])
	if !n.IsInt64() || n.Int64() > 1<<40 {
		return 0
	}
	return n.Int64()
}
