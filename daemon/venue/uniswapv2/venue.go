package uniswapv2

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Config of the venue.
type Config struct {
	// RPCURL of the node.
	RPCURL string
	// ChainID that the node must be of, above 0.
	ChainID int64
	// Router, Base and Quote token, and the Account, whose key is in KeyFile: addresses.
	Router, Base, Quote, Account string
	// BurnAddress is where a burn is sent; empty: the quote token's own burn(uint256).
	BurnAddress string
	// KeyFile is a private key in hex, or an encrypted keystore file with its password in PasswordFile.
	KeyFile, PasswordFile string
	// FeeBpsBuy and FeeBpsSell are the pool's fee, 0 to 5000.
	FeeBpsBuy, FeeBpsSell int64
	// TradeQty of a buy: the base token must be able to show it.
	TradeQty fixed.Value
	// Confirmations after which a receipt is final, its own block counted, 1 to 100: full nodes know no older states than 128 blocks.
	Confirmations int64
	// BlockTime between two blocks of the chain: an order that expires before the next one could have it is not sent.
	BlockTime time.Duration
	// GasLimit of a transaction, until the node's estimate with GasMarginBps on top asks for more.
	GasLimit, GasMarginBps int64
	// MaxGasPriceGwei is the most paid for a unit of gas.
	MaxGasPriceGwei int64
	// NativePrice is one native coin in quote units, to book gas; 0: base must be the wrapped native coin, and its price counts.
	NativePrice fixed.Value
}

// mostGas that a transaction is given, however much the node asks for.
const mostGas = 30_000_000

// Venue is the pair of a router. Only the loop calls it, so it has no lock.
type Venue struct {
	config Config
	market market
	key    *ecdsa.PrivateKey
	client *evm.Client
	// pair is the pool's address, known once the chain has been looked at; until then nothing is done.
	pair *common.Address
	// need is the gas limit that the next ticket has.
	need uint64
	// sent are the last transactions that may have left this process.
	sent []*made
	// looked says up to which block there is no transfer by a transaction.
	looked map[common.Hash]uint64
}

var _ venue.Venue = (*Venue)(nil)

// New reads the key and checks the settings; the node is asked at the first call.
func New(c Config) (*Venue, error) {
	v := &Venue{config: c, need: uint64(max(c.GasLimit, 0)), looked: map[common.Hash]uint64{}}
	v.market.chainID = big.NewInt(c.ChainID)
	for _, a := range []struct {
		name, text string
		into       *common.Address
	}{{"router", c.Router, &v.market.router}, {"base", c.Base, &v.market.base}, {"quote", c.Quote, &v.market.quote}, {"account", c.Account, &v.market.account}} {
		parsed, err := evm.ParseAddress(a.text)
		if err != nil {
			return nil, fmt.Errorf("uniswapV2: %s: %w", a.name, err)
		}
		*a.into = parsed
	}
	if c.BurnAddress != "" {
		to, err := evm.ParseAddress(c.BurnAddress)
		if err != nil {
			return nil, fmt.Errorf("uniswapV2: burn address: %w", err)
		}
		v.market.burnTo = &to
	}
	var err error
	switch {
	case v.market.base == v.market.quote:
		return nil, errors.New("uniswapV2: expected two tokens, found base and quote to be the same")
	case c.ChainID <= 0 || c.Confirmations < 1 || c.Confirmations > 100 || c.MaxGasPriceGwei < 1 || c.GasLimit < 21_000 || c.GasLimit > mostGas:
		return nil, fmt.Errorf("uniswapV2: expected a chain above 0, 1 to 100 confirmations, a price of gas of at least 1 gwei and a gas limit of 21000 to %d, "+
			"found %d, %d, %d and %d", mostGas, c.ChainID, c.Confirmations, c.MaxGasPriceGwei, c.GasLimit)
	}
	if v.key, err = readKey(c.KeyFile, c.PasswordFile, v.market.account); err != nil {
		return nil, fmt.Errorf("uniswapV2: %w", err)
	}
	if v.client, err = evm.Dial(c.RPCURL); err != nil {
		return nil, fmt.Errorf("uniswapV2: %w", err)
	}
	return v, nil
}

// Name implements venue.Venue.
func (*Venue) Name() string { return "uniswapV2" }

// What of a router and its factory is read.
var (
	factoryMethod = evm.NewMethod("factory()", "address")
	wethMethod    = evm.NewMethod("WETH()", "address")
	getPairMethod = evm.NewMethod("getPair(address,address)", "address")
)

// ready looks at the chain once: is it the configured one, is there such a pair, how many decimals have its tokens.
func (v *Venue) ready(ctx context.Context) error {
	if v.pair != nil {
		return nil
	}
	m := v.market
	var chain hexutil.Uint64
	baseDecimals, quoteDecimals := evm.AskContract(m.base, evm.Decimals), evm.AskContract(m.quote, evm.Decimals)
	factory, weth := evm.AskContract(m.router, factoryMethod), evm.AskContract(m.router, wethMethod)
	asked := evm.AskChainID(&chain)
	if err := v.client.Do(ctx, asked, &baseDecimals.Call, &quoteDecimals.Call, &factory.Call, &weth.Call); asked.Err != nil {
		return err
	}
	if err := v.rightChain(chain); err != nil {
		return err
	}
	var err error
	if m.baseDecimals, err = decimals("base", baseDecimals); err != nil {
		return err
	}
	if m.quoteDecimals, err = decimals("quote", quoteDecimals); err != nil {
		return err
	}
	factoryAddress, err := factory.Address()
	if err != nil {
		return fmt.Errorf("router %s: %w", m.router.Hex(), err)
	}
	if v.config.NativePrice == 0 {
		wrapped, err := weth.Address()
		if err != nil {
			return fmt.Errorf("router %s: %w", m.router.Hex(), err)
		}
		if wrapped != m.base {
			return fmt.Errorf("expected a native price, or the wrapped native coin %s as base, found no price and base %s", wrapped.Hex(), m.base.Hex())
		}
	}
	if units, err := evm.ToUnits(v.config.TradeQty, m.baseDecimals, fixed.Floor); err != nil {
		return err
	} else if exact, err := evm.FromUnits(units, m.baseDecimals, fixed.Floor); err != nil || exact != v.config.TradeQty {
		return fmt.Errorf("expected a trade quantity that a token of %d decimals can show, found %s", m.baseDecimals, v.config.TradeQty)
	}
	getPair := evm.AskContract(factoryAddress, getPairMethod, m.base, m.quote)
	_ = v.client.Do(ctx, &getPair.Call) // Address has the error
	pair, err := getPair.Address()
	switch {
	case err != nil:
		return fmt.Errorf("factory %s: %w", factoryAddress.Hex(), err)
	case pair == common.Address{}:
		return fmt.Errorf("factory %s: expected a pair of %s and %s, found none", factoryAddress.Hex(), m.base.Hex(), m.quote.Hex())
	}
	v.market, v.pair = m, &pair
	return nil
}

func decimals(name string, r *evm.Read) (uint8, error) {
	n, err := r.Small()
	if err == nil && n > evm.MaxDecimals {
		err = fmt.Errorf("expected at most %d decimals, found %d", evm.MaxDecimals, n)
	}
	if err != nil {
		return 0, fmt.Errorf("%s token: %w", name, err)
	}
	return n, nil
}

func (v *Venue) rightChain(found hexutil.Uint64) error {
	if uint64(found) != v.market.chainID.Uint64() {
		return fmt.Errorf("expected a node of chain %d, found one of chain %d", v.config.ChainID, found)
	}
	return nil
}

// Account implements venue.Venue: the balances at the newest block, and the ticket for the next order.
func (v *Venue) Account(ctx context.Context) core.Account {
	a, err := v.account(ctx)
	if err != nil {
		return core.Account{Err: err.Error()}
	}
	return a
}

func (v *Venue) account(ctx context.Context) (a core.Account, err error) {
	if err := v.ready(ctx); err != nil {
		return a, err
	}
	m := &v.market
	var (
		chain, nonce hexutil.Uint64
		head         *evm.Head
		tip          hexutil.Big
	)
	base, quote := evm.AskContract(m.base, evm.BalanceOf, m.account), evm.AskContract(m.quote, evm.BalanceOf, m.account)
	if err := v.client.Do(ctx, evm.AskChainID(&chain), evm.AskHead(evm.Latest, &head), v.askNonce(evm.Latest, &nonce),
		&evm.Call{Method: "eth_maxPriorityFeePerGas", Result: &tip}, &base.Call, &quote.Call); err != nil {
		return a, err
	}
	if err := v.rightChain(chain); err != nil {
		return a, err
	}
	if head == nil || head.BaseFee == nil {
		return a, errors.New("expected a newest block with a base fee (EIP-1559), found none")
	}
	if a.Base, err = balance("base", base, m.baseDecimals); err != nil {
		return a, err
	}
	if a.Quote, err = balance("quote", quote, m.quoteDecimals); err != nil {
		return a, err
	}
	t := ticket{
		nonce: uint64(nonce), gas: v.need, block: uint64(head.Number), feeBuy: v.config.FeeBpsBuy, feeSell: v.config.FeeBpsSell, venue: m.fingerprint(),
	}
	t.tip, t.price = fees(head.BaseFee.ToInt(), tip.ToInt(), v.mostPrice(), v.waiting(t.nonce))
	a.Ticket = t.String()
	return a, nil
}

func balance(name string, r *evm.Read, decimals uint8) (fixed.Value, error) {
	n, err := r.Uint()
	if err != nil {
		return 0, fmt.Errorf("%s token: %w", name, err)
	}
	b, err := evm.FromUnits(n, decimals, fixed.Floor)
	if err != nil {
		return 0, fmt.Errorf("balance of the %s token: %w", name, err)
	}
	return b, nil
}

func (v *Venue) askNonce(tag string, into *hexutil.Uint64) *evm.Call {
	return &evm.Call{Method: "eth_getTransactionCount", Args: []any{v.market.account, tag}, Result: into}
}

func (v *Venue) mostPrice() *big.Int {
	return new(big.Int).Mul(big.NewInt(v.config.MaxGasPriceGwei), gwei)
}

// mostSent is how many transactions are remembered: far more than can wait at a time.
const mostSent = 32

// remember notes that the transaction may be with the node.
func (v *Venue) remember(m *made) {
	for _, s := range v.sent {
		if s.tx.Hash() == m.tx.Hash() {
			return
		}
	}
	v.sent = append(v.sent, m)
	if len(v.sent) > mostSent {
		v.sent = v.sent[1:]
	}
}

// waiting is the last transaction with that nonce which may be with the node, nil if none is known: another one must pay more to replace it.
func (v *Venue) waiting(nonce uint64) *ticket {
	for i := len(v.sent) - 1; i >= 0; i-- {
		if v.sent[i].nonce == nonce {
			return v.sent[i].ticket
		}
	}
	return nil
}
