package uniswapv2

import (
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// The methods that move money.
var (
	sellMethod     = evm.NewMethod("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)", "uint256[]")
	buyMethod      = evm.NewMethod("swapTokensForExactTokens(uint256,uint256,address[],address,uint256)", "uint256[]")
	transferMethod = evm.NewMethod("transfer(address,uint256)")
	burnMethod     = evm.NewMethod("burn(uint256)")
	approveMethod  = evm.NewMethod("approve(address,uint256)")
)

// market is what a transaction depends on besides its order and ticket: settings, and what was learned of the tokens.
type market struct {
	chainID             *big.Int
	router, base, quote common.Address
	account             common.Address
	burnTo              *common.Address // nil: the quote token's own burn function
	baseDecimals        uint8
	quoteDecimals       uint8
}

// fingerprint of all that must be the same for an order to give the same transaction again.
func (m *market) fingerprint() string {
	burn := "burn"
	if m.burnTo != nil {
		burn = m.burnTo.Hex()
	}
	text := fmt.Sprint(m.chainID, m.router.Hex(), m.base.Hex(), m.quote.Hex(), m.account.Hex(), burn, m.baseDecimals, m.quoteDecimals)
	return hex.EncodeToString(crypto.Keccak256([]byte(text))[:8])
}

// made is an order's transaction.
type made struct {
	*ticket
	tx *types.Transaction
	// spends is the token that leaves the account, most what of it at most, and gets (of a swap) what must come in at least.
	spends     common.Address
	most, gets *big.Int
	// deadline in Unix seconds of the chain's time; 0 for a burn, which has none.
	deadline uint64
}

var (
	// errImpossible: the order can be no transaction, so it never left.
	errImpossible = errors.New("cannot be sent")
	// errOtherSettings: the order was made under other settings, so its transaction is not known here.
	errOtherSettings = errors.New("the order was made with another chain, router, token, account or burn address: configure those until it is settled")
)

// make is the order's transaction: the same bytes whenever it is asked. An error wraps errImpossible or errOtherSettings.
func (m *market) make(o *venue.Order, key *ecdsa.PrivateKey) (*made, error) {
	t, err := parseTicket(o.Ticket)
	switch {
	case errors.Is(err, errNoTicket):
		return nil, fmt.Errorf("%w: %w", errImpossible, err)
	case err != nil || t.venue != m.fingerprint():
		return nil, errOtherSettings
	}
	out := &made{ticket: t}
	var to common.Address
	var data []byte
	if o.Side == core.Burn {
		to, data, err = m.burn(o, out)
	} else {
		to, data, err = m.swap(o, out)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errImpossible, err)
	}
	out.tx, err = types.SignNewTx(key, types.LatestSignerForChainID(m.chainID), &types.DynamicFeeTx{
		ChainID: m.chainID, Nonce: t.nonce, GasTipCap: t.tip, GasFeeCap: t.price, Gas: t.gas, To: &to, Data: data,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be signed", errImpossible)
	}
	return out, nil
}

// burn is a transfer of the quote token: the amount is rounded down, so never more is burned than was ordered.
func (m *market) burn(o *venue.Order, out *made) (to common.Address, data []byte, err error) {
	amount, err := evm.ToUnits(o.Qty, m.quoteDecimals, fixed.Floor)
	if err == nil && amount.Sign() == 0 {
		err = fmt.Errorf("expected at least one unit of a token of %d decimals, found %s", m.quoteDecimals, o.Qty)
	}
	if err != nil {
		return to, nil, err
	}
	out.spends, out.most = m.quote, amount
	if m.burnTo == nil {
		return m.quote, burnMethod.Pack(amount), nil
	}
	return m.quote, transferMethod.Pack(*m.burnTo, amount), nil
}

const bpsScale = 10_000

func (m *market) swap(o *venue.Order, out *made) (to common.Address, data []byte, err error) {
	if out.deadline = uint64(max(o.Expires, 0)) / 1000; out.deadline == 0 {
		return to, nil, errors.New("expected an order with a deadline, found none")
	}
	qty, err := evm.ToUnits(o.Qty, m.baseDecimals, fixed.Floor)
	if err != nil {
		return to, nil, err
	}
	exact, err := evm.FromUnits(qty, m.baseDecimals, fixed.Floor)
	if err != nil {
		return to, nil, err
	}
	if qty.Sign() == 0 || o.Side == core.Buy && exact != o.Qty {
		return to, nil, fmt.Errorf("expected a quantity that a token of %d decimals can show, found %s", m.baseDecimals, o.Qty)
	}
	deadline := new(big.Int).SetUint64(out.deadline)
	switch o.Side {
	case core.Sell:
		least := larger(m.worth(qty, o.Limit, bpsScale-out.feeSell, bpsScale, fixed.Ceil), big.NewInt(1))
		out.spends, out.most, out.gets = m.base, qty, least
		data = sellMethod.Pack(qty, least, []common.Address{m.base, m.quote}, m.account, deadline)
	case core.Buy:
		most := m.worth(qty, o.Limit, bpsScale, bpsScale-out.feeBuy, fixed.Floor)
		if most.Sign() == 0 {
			return to, nil, fmt.Errorf("expected a limit above 0, found %s", o.Limit)
		}
		out.spends, out.most, out.gets = m.quote, most, qty
		data = buyMethod.Pack(qty, most, []common.Address{m.quote, m.base}, m.account, deadline)
	case core.Burn:
		fallthrough
	default:
		return to, nil, fmt.Errorf("expected buy or sell, found %q", o.Side)
	}
	return m.router, data, nil
}

// worth is qty (units of base) times price times over/under, in units of quote.
func (m *market) worth(qty *big.Int, price fixed.Value, over, under int64, r fixed.Rounding) *big.Int {
	return evm.MulDiv(r,
		[]*big.Int{qty, big.NewInt(int64(price)), big.NewInt(over), evm.Pow10(m.quoteDecimals)},
		[]*big.Int{evm.Pow10(m.baseDecimals), big.NewInt(fixed.Scale), big.NewInt(under)})
}
