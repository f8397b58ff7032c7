package evm

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"

	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/hack/toxiproxy/network"
)

func TestMain(m *testing.M) {
	log.SetDefault(log.NewLogger(slog.DiscardHandler)) // the node's; a test says what it found
	if err := network.Setup(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// simulatedChainID of go-ethereum's simulated backend.
const simulatedChainID = 1337

// chain is a node of a chain of its own, whose blocks are made when a test says so, with Uniswap V2 on it.
type chain struct {
	*simulated.Backend
	t    *testing.T
	url  string
	code bytecode
	// owner has made everything and has the liquidity; trader is the daemon's account.
	owner, trader                *ecdsa.PrivateKey
	factory, router, weth        common.Address
	base, quote, pair            common.Address
	baseDecimals, quoteDecimals  uint8
	chainTime, deployed, approve uint64
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

// seeded is a key that is the same in every run.
func seeded(n byte) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte{n}))
	if err != nil {
		panic(err)
	}
	return key
}

var ether, pow6, one = evm.Pow10(18), evm.Pow10(6), big.NewInt(1)

func times(n int64, unit *big.Int) *big.Int { return new(big.Int).Mul(big.NewInt(n), unit) }

// startNode is a chain with funded accounts and nothing on it.
func startNode(t *testing.T) *chain {
	t.Helper()
	c := &chain{t: t, code: contracts(t), owner: seeded(1), trader: seeded(2)}
	alloc := types.GenesisAlloc{
		addressOf(c.owner): {Balance: times(1_000_000, ether)}, addressOf(c.trader): {Balance: times(1_000, ether)},
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(network.Address(), 0).String())
	c.must(err)
	address := listener.Addr().(*net.TCPAddr)
	c.must(listener.Close()) // the node wants to open it itself; nobody else opens one at this address
	c.Backend = simulated.NewBackend(alloc, func(n *node.Config, _ *ethconfig.Config) {
		n.HTTPHost, n.HTTPPort, n.HTTPModules = address.IP.String(), address.Port, []string{"eth"}
		n.HTTPTimeouts.ReadTimeout = time.Minute
	})
	c.url = "http://" + address.String()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// startUniswap is a chain with Uniswap V2 and a pool of a base and a quote token: 1,000 of base and 100,000 of quote, so a price of 100.
func startUniswap(t *testing.T) *chain {
	t.Helper()
	c := startNode(t)
	c.weth = c.deploy("WETH")
	c.factory = c.deploy("Factory", word(addressOf(c.owner)))
	c.router = c.deploy("Router", word(c.factory), word(c.weth))
	c.baseDecimals, c.quoteDecimals = 18, 6
	c.base = c.deploy("Token", word(c.baseDecimals), word(times(1_000_000, evm.Pow10(c.baseDecimals))))
	c.quote = c.deploy("SilentToken", word(times(100_000_000, evm.Pow10(c.quoteDecimals))))
	c.pool(times(1_000, evm.Pow10(c.baseDecimals)), times(100_000, evm.Pow10(c.quoteDecimals)))
	// The trader has 10,000 of quote, and lets the router take tokens.
	c.sends(c.owner, c.quote, transfer.Pack(addressOf(c.trader), times(10_000, evm.Pow10(c.quoteDecimals))))
	c.sends(c.trader, c.quote, approve.Pack(c.router, times(1_000_000, evm.Pow10(c.quoteDecimals))))
	c.sends(c.trader, c.base, approve.Pack(c.router, times(1_000_000, evm.Pow10(c.baseDecimals))))
	return c
}

// What the tests call.
var (
	transfer     = evm.NewMethod("transfer(address,uint256)")
	approve      = evm.NewMethod("approve(address,uint256)")
	deposit      = evm.NewMethod("deposit()")
	createPair   = evm.NewMethod("createPair(address,address)")
	getPair      = evm.NewMethod("getPair(address,address)", "address")
	addLiquidity = evm.NewMethod("addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)")
	swapIn       = evm.NewMethod("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")
	greedyAfter  = evm.NewMethod("setGreedyAfter(uint256)")
	setRound     = evm.NewMethod("set(uint80,int256,uint256,uint256,uint80)")
	setDecimals  = evm.NewMethod("setDecimals(uint8)")
)

var forever = big.NewInt(1 << 40)

// pool makes the pair of base and quote, with that liquidity of the owner's.
func (c *chain) pool(base, quote *big.Int) {
	c.t.Helper()
	c.sends(c.owner, c.base, approve.Pack(c.router, base))
	c.sends(c.owner, c.quote, approve.Pack(c.router, quote))
	c.sends(c.owner, c.router, addLiquidity.Pack(c.base, c.quote, base, quote, new(big.Int), new(big.Int), addressOf(c.owner), forever))
	c.pair = common.BytesToAddress(c.call(c.factory, getPair.Pack(c.base, c.quote)))
}

func (c *chain) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// word is a value as an argument of a constructor.
func word(v any) []byte {
	switch v := v.(type) {
	case common.Address:
		return common.LeftPadBytes(v[:], 32)
	case uint8:
		return common.LeftPadBytes([]byte{v}, 32)
	case *big.Int:
		return common.LeftPadBytes(v.Bytes(), 32)
	}
	panic(fmt.Sprintf("no word of %T", v))
}

// sign makes a transaction of the account, with a nonce of its own choice.
func (c *chain) sign(key *ecdsa.PrivateKey, nonce uint64, tip int64, to *common.Address, value *big.Int, data []byte) *types.Transaction {
	c.t.Helper()
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(simulatedChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(simulatedChainID), Nonce: nonce, GasTipCap: times(tip, evm.Pow10(9)), GasFeeCap: times(100, evm.Pow10(9)),
		Gas: 8_000_000, To: to, Value: value, Data: data,
	})
	c.must(err)
	return tx
}

// nonce is the account's next in the newest block.
func (c *chain) nonce(key *ecdsa.PrivateKey) uint64 {
	c.t.Helper()
	n, err := c.Client().NonceAt(context.Background(), addressOf(key), nil)
	c.must(err)
	return n
}

// mines sends a transaction, makes a block, and wants it to have succeeded in it.
func (c *chain) mines(key *ecdsa.PrivateKey, to *common.Address, value *big.Int, data []byte) *types.Receipt {
	c.t.Helper()
	tx := c.sign(key, c.nonce(key), 1, to, value, data)
	c.must(c.Client().SendTransaction(context.Background(), tx))
	c.Commit()
	r, err := c.Client().TransactionReceipt(context.Background(), tx.Hash())
	c.must(err)
	if r.Status != types.ReceiptStatusSuccessful {
		c.t.Fatalf("transaction %s reverted", tx.Hash())
	}
	return r
}

func (c *chain) sends(key *ecdsa.PrivateKey, to common.Address, data []byte) {
	c.mines(key, &to, nil, data)
}

func (c *chain) deploy(name string, args ...[]byte) common.Address {
	c.t.Helper()
	data := append([]byte(nil), c.code[name]...)
	for _, a := range args {
		data = append(data, a...)
	}
	return c.mines(c.owner, nil, nil, data).ContractAddress
}

func (c *chain) call(to common.Address, data []byte) []byte {
	c.t.Helper()
	out, err := c.Client().CallContract(context.Background(), callMsg(to, data), nil)
	c.must(err)
	return out
}

func (c *chain) balance(token common.Address, key *ecdsa.PrivateKey) *big.Int {
	c.t.Helper()
	return new(big.Int).SetBytes(c.call(token, evm.BalanceOf.Pack(addressOf(key))))
}

func (c *chain) head() *types.Header {
	c.t.Helper()
	h, err := c.Client().HeaderByNumber(context.Background(), nil)
	c.must(err)
	return h
}

// blocks makes n empty blocks.
func (c *chain) blocks(n int) {
	for range n {
		c.Commit()
	}
}

// keyFile writes a key as the venue reads it.
func (c *chain) keyFile(key *ecdsa.PrivateKey) string {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "key")
	c.must(os.WriteFile(file, []byte("0x"+hex.EncodeToString(crypto.FromECDSA(key))+"\n"), 0o600))
	return file
}

// burntOnChain is what the burn address has of the quote token.
func (c *chain) burntOnChain() fixed.Value {
	c.t.Helper()
	units := new(big.Int).SetBytes(c.call(c.quote, evm.BalanceOf.Pack(common.HexToAddress(dead))))
	v, err := evm.FromUnits(units, c.quoteDecimals, fixed.Floor)
	c.must(err)
	return v
}
