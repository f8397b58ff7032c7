// Package krakentest is a server for tests that speaks the documented protocol of Kraken's spot REST interface, of the methods that package kraken
// uses: signatures and nonces are checked, balances and an order book are kept, immediate-or-cancel orders are filled against the book, deadlines
// and the dead man's switch count, calls are limited, and any call can be made to fail in any way.
//
// It was written from the exchange's documentation. It is not the exchange.
package krakentest
