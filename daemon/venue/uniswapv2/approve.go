package uniswapv2

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Approve lets the router take up to these amounts of the account's tokens, each swap counted against them, and waits until that is final. It is
// a person's act, not an order's: it moves nothing, and is in no ledger. An amount of nil leaves a token's allowance as it is, 0 takes it back.
//
// An allowance that is neither 0 nor as wanted is first set to 0, which some tokens ask for. Run it while no daemon uses the account: the
// transaction uses the account's next nonce, so that an order which a daemon makes at that moment is refused.
func (v *Venue) Approve(ctx context.Context, base, quote *fixed.Value, tell func(string)) error {
	if err := v.ready(ctx); err != nil {
		return err
	}
	for _, t := range []struct {
		name     string
		token    common.Address
		amount   *fixed.Value
		decimals uint8
	}{{"base", v.market.base, base, v.market.baseDecimals}, {"quote", v.market.quote, quote, v.market.quoteDecimals}} {
		if t.amount == nil {
			continue
		}
		want, err := evm.ToUnits(*t.amount, t.decimals, fixed.Floor)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if err := v.approve(ctx, t.name, t.token, want, tell); err != nil {
			return fmt.Errorf("%s token %s: %w", t.name, t.token.Hex(), err)
		}
	}
	return nil
}

func (v *Venue) approve(ctx context.Context, name string, token common.Address, want *big.Int, tell func(string)) error {
	asked := v.askAllowance(token)
	_ = v.client.Do(ctx, &asked.Call) // Uint has the error
	is, err := asked.Uint()
	if err != nil {
		return err
	}
	steps := []*big.Int{want}
	switch {
	case is.Cmp(want) == 0:
		tell(fmt.Sprintf("%s: the allowance is %s units already", name, want))
		return nil
	case is.Sign() > 0 && want.Sign() > 0:
		steps = []*big.Int{new(big.Int), want}
	}
	for _, amount := range steps {
		hash, err := v.transact(ctx, token, approveMethod.Pack(v.market.router, amount))
		if err != nil {
			return err
		}
		tell(fmt.Sprintf("%s: an allowance of %s units is sent as %s", name, amount, hash.Hex()))
		if err := v.await(ctx, hash); err != nil {
			return fmt.Errorf("transaction %s: %w", hash.Hex(), err)
		}
	}
	asked = v.askAllowance(token)
	_ = v.client.Do(ctx, &asked.Call)
	if is, err = asked.Uint(); err == nil && is.Cmp(want) != 0 {
		err = fmt.Errorf("expected an allowance of %s units, found %s", want, is)
	}
	if err == nil {
		tell(fmt.Sprintf("%s: the allowance is %s units", name, want))
	}
	return err
}

// transact sends a call of a contract with the account's next nonce.
func (v *Venue) transact(ctx context.Context, to common.Address, data []byte) (common.Hash, error) {
	var (
		chain, nonce, waiting, gas hexutil.Uint64
		head                       *evm.Head
		tip                        hexutil.Big
	)
	if err := v.client.Do(ctx, evm.AskChainID(&chain), v.askNonce(evm.Latest, &nonce), v.askNonce("pending", &waiting), evm.AskHead(evm.Latest, &head),
		&evm.Call{Method: "eth_maxPriorityFeePerGas", Result: &tip}, &evm.Call{Method: "eth_estimateGas", Result: &gas, Args: []any{map[string]any{
			"from": v.market.account, "to": to, "input": hexutil.Bytes(data),
		}}}); err != nil {
		if reason := evm.RevertReason(err); reason != "" {
			err = fmt.Errorf("it would revert: %s", reason)
		}
		return common.Hash{}, err
	}
	if err := v.rightChain(chain); err != nil {
		return common.Hash{}, err
	}
	switch {
	case waiting != nonce:
		return common.Hash{}, fmt.Errorf("expected an account without waiting transactions, found %d", waiting-nonce)
	case head == nil || head.BaseFee == nil:
		return common.Hash{}, errors.New("expected a newest block with a base fee (EIP-1559), found none")
	}
	most, price := fees(head.BaseFee.ToInt(), tip.ToInt(), v.mostPrice(), nil)
	tx, err := types.SignNewTx(v.key, types.LatestSignerForChainID(v.market.chainID), &types.DynamicFeeTx{
		ChainID: v.market.chainID, Nonce: uint64(nonce), GasTipCap: most, GasFeeCap: price, To: &to, Data: data,
		Gas: min(uint64(gas), mostGas) * uint64(bpsScale+v.config.GasMarginBps) / bpsScale,
	})
	if err != nil {
		return common.Hash{}, errors.New("it cannot be signed")
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return common.Hash{}, err
	}
	var hash common.Hash
	return tx.Hash(), v.client.One(ctx, &hash, "eth_sendRawTransaction", hexutil.Bytes(raw))
}

// await asks until the transaction's receipt is final, or ctx ends.
func (v *Venue) await(ctx context.Context, hash common.Hash) error {
	for {
		var head *evm.Head
		var r *receipt
		if err := v.client.Do(ctx, askReceipt(hash, &r), evm.AskHead(evm.Latest, &head)); err == nil && r != nil && head != nil {
			if final, ok := v.final(head); ok && uint64(r.BlockNumber) <= final {
				if r.Status != 1 {
					return errors.New("reverted")
				}
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not final yet: %w", ctx.Err())
		case <-time.After(max(v.blockTime/2, 100*time.Millisecond)):
		}
	}
}
