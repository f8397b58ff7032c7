// Package evm is what the daemon knows of EVM chains: a JSON-RPC client that tells a question that was not sent from one whose answer was
// lost, the calls that sources and venue make, and the exact way between a token's smallest units and a [fixed.Value].
//
// It stands on go-ethereum (rpc, abi, types), which only this package, package oracle and the venue uniswapv2 import.
//
// # What it promises
//
// An error never holds the node's URL, nor a part of it that could be a key: nodes are often addressed with one in the path, and some repeat
// it in their answers. An answer is read up to [MaxAnswerBytes]. No redirect is followed. Nothing is sent twice.
//
// # Where it ends
//
// The node is believed. One that lies, or several behind one name that do not know of the same blocks, can make a source wrong or an order
// late; they cannot make an order leave twice, since its nonce stands in the ledger.
package evm
