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
	// Confirmations after which a receipt is final, its own block counted, 1 to 256. Nodes that are no archive know the states of the last 128
	// blocks only: with more confirmations than that, use an archive node.
	Confirmations int64
	// GasMarginBps on top of the node's estimate must fit the gas limit.
	GasMarginBps int64
	// MaxGasPriceGwei is the most paid for a unit of gas.
	MaxGasPriceGwei int64
	// NativePrice is one native coin in quote units, to book gas; 0: base must be the wrapped native coin, and its price counts.
	NativePrice fixed.Value
	// Now is the wall clock, which tells a node that has stood still; nil is time.Now.
	Now func() time.Time
}

const (
	// firstGas is the gas limit until an estimate asks for more. A first swap was estimated at 476,000; with the default margin that is within it.
	firstGas = 1_200_000
	// mostGas that a transaction is given, however much the node asks for.
	mostGas = 16_000_000
)

// Venue is the pair of a router. Only the loop calls it, so it has no lock.
type Venue struct {
	config Config
	market market
	key    *ecdsa.PrivateKey
	client *evm.Client
	// pair is the pool's address, known once the chain has been looked at; until then nothing is done.
	pair *common.Address
	// blockTime between two blocks of the chain, as it was on average before it was looked at, and at least a second.
	blockTime time.Duration
	// need is the gas limit that the next ticket has.
	need uint64
	// last is the last tick's ticket, nil before one, and next the lowest nonce that the account may still use, as far as is known.
	last *ticket
	next uint64
	// sent are the last transactions that may have left this process.
	sent []*made
	// looked says up to which block there is no transfer by a transaction.
	looked map[common.Hash]uint64
}

var (
	_ venue.Venue    = (*Venue)(nil)
	_ venue.Ticketed = (*Venue)(nil)
)

// New reads the key and checks the settings; the node is asked at the first call.
func New(c Config) (*Venue, error) {
	v := &Venue{config: c, need: firstGas, looked: map[common.Hash]uint64{}}
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
	case c.ChainID <= 0 || c.Confirmations < 1 || c.Confirmations > 256 || c.MaxGasPriceGwei < 1 || c.GasMarginBps < 0:
		return nil, fmt.Errorf("uniswapV2: expected a chain above 0, 1 to 256 confirmations, a price of gas of at least 1 gwei and a margin of at least 0 bps, "+
			"found %d, %d, %d and %d", c.ChainID, c.Confirmations, c.MaxGasPriceGwei, c.GasMarginBps)
	}
	if v.key, err = readKey(c.KeyFile, c.PasswordFile, v.market.account); err != nil {
		return nil, fmt.Errorf("uniswapV2: %w", err)
	}
	if v.client, err = evm.Dial(c.RPCURL); err != nil {
		return nil, fmt.Errorf("uniswapV2: %w", err)
	}
	if v.config.Now == nil {
		v.config.Now = time.Now
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
	var head *evm.Head
	if err := v.client.Do(ctx, asked, evm.AskHead(evm.Latest, &head), &baseDecimals.Call, &quoteDecimals.Call, &factory.Call, &weth.Call); asked.Err != nil {
		return err
	}
	if err := v.rightChain(chain); err != nil {
		return err
	}
	if err := v.current(head); err != nil {
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
	var past *evm.Head
	_ = v.client.Do(ctx, &getPair.Call, evm.AskHead(evm.Tag(uint64(max(int64(head.Number)-averageOver, 1))), &past)) // Address has the error
	pair, err := getPair.Address()
	switch {
	case err != nil:
		return fmt.Errorf("factory %s: %w", factoryAddress.Hex(), err)
	case pair == common.Address{}:
		return fmt.Errorf("factory %s: expected a pair of %s and %s, found none", factoryAddress.Hex(), m.base.Hex(), m.quote.Hex())
	}
	v.market, v.pair, v.blockTime = m, &pair, time.Second
	if past != nil && past.Number < head.Number {
		v.blockTime = max(v.blockTime, time.Duration(head.Time-past.Time)*time.Second/time.Duration(head.Number-past.Number))
	}
	return nil
}

// averageOver so many blocks the time between two is taken; the first block's is left out, since the genesis block before it has any time.
const averageOver = 64

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
	if err := v.current(head); err != nil {
		return a, err
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
	v.last, v.next = &t, t.nonce
	return a, nil
}

// oldestBlock: a node whose newest block is older has lost its peers or stands still. Ten blocks, for the chance of empty slots, and at least this.
const oldestBlock = 30 * time.Second

// current: the newest block is of a kind that is served, and new.
func (v *Venue) current(head *evm.Head) error {
	if head == nil || head.BaseFee == nil {
		return errors.New("expected a newest block with a base fee (EIP-1559), found none")
	}
	limit := max(10*v.blockTime, oldestBlock)
	if age := v.config.Now().Sub(time.Unix(int64(head.Time), 0)).Round(time.Second); age.Abs() > limit {
		return fmt.Errorf("expected a newest block at most %v from now, found block %d made %v ago", limit, head.Number, age)
	}
	return nil
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
