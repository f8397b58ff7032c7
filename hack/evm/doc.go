// Package evm holds what the daemon does on EVM chains against real counterparts: go-ethereum's own node over JSON-RPC, Uniswap V2's factory,
// router and pair and WETH with the bytecode of their npm packages, and small contracts of ours that npm's solc compiles. It is a module of its
// own, so that the product does not carry a node.
//
// The packages are fetched when the tests run, into the user's cache folder, as package-lock.json pins them by their digests; nothing of them is
// committed. Without npm, node or the registry the tests fail and say so; TAUDAEMON_SKIP_EVM=1 skips them.
package evm
