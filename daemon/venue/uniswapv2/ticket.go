package uniswapv2

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/taudaemon/taudaemon/daemon/evm"
)

// ticket is what an order's transaction is made of besides the order: it is recorded with the tick's observation, so it is durable before the
// transaction leaves, and gives the same transaction after a crash.
type ticket struct {
	// nonce of the account that the transaction uses.
	nonce uint64
	// tip and price are the most paid for a unit of gas: to the block's maker, and in all. In the native coin's smallest units.
	tip, price *big.Int
	// gas is the gas limit.
	gas uint64
	// block is the newest at the time: the transaction is in none up to it.
	block uint64
	// feeBuy and feeSell are the pool's fee in basis points.
	feeBuy, feeSell int64
	// venue is the fingerprint of the settings that the transaction depends on.
	venue string
}

const ticketForm = "nonce=%d tip=%d price=%d gas=%d block=%d fee=%d,%d venue=%s"

// String is the ticket's text in the ledger.
func (t *ticket) String() string {
	return fmt.Sprintf(ticketForm, t.nonce, t.tip, t.price, t.gas, t.block, t.feeBuy, t.feeSell, t.venue)
}

var errNoTicket = errors.New("there is no ticket: the account could not be read at its tick")

// parseTicket reads what String wrote, and nothing else. Without a text it is errNoTicket.
func parseTicket(text string) (*ticket, error) {
	if text == "" {
		return nil, errNoTicket
	}
	t := &ticket{tip: new(big.Int), price: new(big.Int)}
	_, err := fmt.Sscanf(text, ticketForm, &t.nonce, t.tip, t.price, &t.gas, &t.block, &t.feeBuy, &t.feeSell, &t.venue)
	if err != nil || t.String() != text {
		return nil, fmt.Errorf("expected a ticket such as %q, found %q", "nonce=7 tip=1000000000 price=30000000000 gas=500000 block=19000000 fee=30,30 venue=...", text)
	}
	return t, nil
}

const (
	// blocksAhead: the price covers a base fee that doubles, which takes six full blocks in a row.
	baseFeeFactor = 2
	// raiseBps by which a transaction replaces another of its nonce: nodes ask for at least 10 %.
	raiseBps = 2_500
)

// fees for the next transaction, at most the cap for a unit of gas; replaced is an earlier one of the same nonce that may still wait to be
// mined, or nil.
func fees(baseFee, suggestedTip, mostPrice *big.Int, replaced *ticket) (tip, price *big.Int) {
	tip = new(big.Int).Set(suggestedTip)
	price = new(big.Int).Mul(baseFee, big.NewInt(baseFeeFactor))
	price.Add(price, tip)
	if replaced != nil {
		tip, price = larger(tip, raised(replaced.tip)), larger(price, raised(replaced.price))
	}
	price = smaller(price, mostPrice)
	return smaller(tip, price), price
}

func raised(n *big.Int) *big.Int {
	r := new(big.Int).Mul(n, big.NewInt(10_000+raiseBps))
	return r.Add(r.Quo(r, big.NewInt(10_000)), big.NewInt(1))
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

// gwei is 1e9 of the native coin's smallest units.
var gwei = evm.Pow10(9)
