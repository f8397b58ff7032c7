package uniswapv2

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// receipt is what a node says of a mined transaction.
type receipt struct {
	TxHash      common.Hash    `json:"transactionHash"`
	BlockHash   common.Hash    `json:"blockHash"`
	BlockNumber hexutil.Uint64 `json:"blockNumber"`
	// Status is 1 for success, 0 for a revert.
	Status  hexutil.Uint64 `json:"status"`
	GasUsed hexutil.Uint64 `json:"gasUsed"`
	// GasPrice paid for a unit, and L1Fee what a rollup took beside (nil elsewhere); in the native coin's smallest units.
	GasPrice *hexutil.Big `json:"effectiveGasPrice"`
	L1Fee    *hexutil.Big `json:"l1Fee"`
	Logs     []*types.Log `json:"logs"`
}

// transferTopic is the first topic of an ERC-20's Transfer(address from, address to, uint256 value).
var transferTopic = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))

// gained is what the receipt's logs say that the account got of the token, less what it gave.
func (r *receipt) gained(token, account common.Address) *big.Int {
	sum := new(big.Int)
	for _, l := range r.Logs {
		if l.Address != token || len(l.Topics) != 3 || l.Topics[0] != transferTopic || len(l.Data) != 32 {
			continue
		}
		amount := new(big.Int).SetBytes(l.Data)
		if common.BytesToAddress(l.Topics[2][:]) == account {
			sum.Add(sum, amount)
		}
		if common.BytesToAddress(l.Topics[1][:]) == account {
			sum.Sub(sum, amount)
		}
	}
	return sum
}

// fill is what a successful swap did. Quantity and cash flow are exact: what was paid is rounded up to 1e-9, what was got is rounded down. The
// price is without the pool's fee and rounded our way, so that it is beyond the limit only if the swap was; the fee is the rest.
func (m *market) fill(o *venue.Order, made *made, r *receipt) (core.Fill, error) {
	base, quote := r.gained(m.base, m.account), r.gained(m.quote, m.account)
	fee, paid, got := made.feeBuy, new(big.Int).Neg(quote), base
	rounding := fixed.Floor // of the price
	if o.Side == core.Sell {
		fee, paid, got = made.feeSell, new(big.Int).Neg(base), quote
		rounding = fixed.Ceil
	}
	if paid.Sign() <= 0 || got.Sign() <= 0 {
		return core.Fill{}, fmt.Errorf("expected a swap that takes from the account and gives to it, found transfers of %s base and %s quote units", base, quote)
	}
	var f core.Fill
	var err error
	if o.Side == core.Buy {
		if f.Price, err = m.price(paid, got, bpsScale-fee, bpsScale, rounding); err != nil {
			return f, err
		}
		if f.Qty, err = evm.FromUnits(got, m.baseDecimals, fixed.Floor); err != nil {
			return f, err
		}
		return m.charge(f, paid, fixed.Ceil)
	}
	if f.Price, err = m.price(got, paid, bpsScale, bpsScale-fee, rounding); err != nil {
		return f, err
	}
	if f.Qty, err = evm.FromUnits(paid, m.baseDecimals, fixed.Ceil); err != nil {
		return f, err
	}
	return m.charge(f, got, fixed.Floor)
}

// price of a unit of base: quote times over/under for base, both in their tokens' units.
func (m *market) price(quote, base *big.Int, over, under int64, r fixed.Rounding) (fixed.Value, error) {
	return evm.ToValue(evm.MulDiv(r,
		[]*big.Int{quote, big.NewInt(fixed.Scale), big.NewInt(over), evm.Pow10(m.baseDecimals)},
		[]*big.Int{base, evm.Pow10(m.quoteDecimals), big.NewInt(under)}))
}

// charge sets the fill's fee to the difference between its worth, as the ledger counts it, and what was paid (Ceil) or got (Floor).
func (m *market) charge(f core.Fill, quote *big.Int, r fixed.Rounding) (core.Fill, error) {
	flow, err := evm.FromUnits(quote, m.quoteDecimals, r)
	if err != nil {
		return f, err
	}
	worth, err := f.Qty.Mul(f.Price, r)
	if err != nil {
		return f, err
	}
	if r == fixed.Ceil {
		f.Fee, err = flow.Sub(worth)
	} else {
		f.Fee, err = worth.Sub(flow)
	}
	if err == nil && (f.Qty <= 0 || f.Fee < 0) {
		err = fmt.Errorf("expected a quantity above 0 and a fee of at least 0, found %s and %s", f.Qty, f.Fee)
	}
	return f, err
}

// burned checks that a successful burn took exactly its amount.
func (m *market) burned(made *made, r *receipt) error {
	if got := r.gained(m.quote, m.account); new(big.Int).Neg(got).Cmp(made.most) != 0 {
		return fmt.Errorf("expected a transfer of %s units of the quote token, found %s", made.most, new(big.Int).Neg(got))
	}
	return nil
}

// cost is the gas that the transaction took, in the native coin's smallest units.
func (r *receipt) cost() (*big.Int, error) {
	if r.GasPrice == nil {
		return nil, errors.New("expected a receipt with the price of its gas, found none")
	}
	cost := new(big.Int).Mul(new(big.Int).SetUint64(uint64(r.GasUsed)), r.GasPrice.ToInt())
	if r.L1Fee != nil {
		cost.Add(cost, r.L1Fee.ToInt())
	}
	return cost, nil
}

// nativeDecimals of every EVM chain's own coin.
const nativeDecimals = 18

// inQuote is an amount of the native coin at a price in quote units, rounded up.
func inQuote(native *big.Int, price fixed.Value) (fixed.Value, error) {
	return evm.ToValue(evm.MulDiv(fixed.Ceil, []*big.Int{native, big.NewInt(int64(price))}, []*big.Int{evm.Pow10(nativeDecimals)}))
}
