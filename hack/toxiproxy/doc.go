// Package toxiproxy holds the daemon against bad networks: Shopify's toxiproxy stands between its loop, on the machine's own clock and over TLS, and
// its counterparts: local servers that speak the protocols of Kraken, of Hermes and of an HTTP price feed. It is a module of its own, so that the
// product does not carry a proxy.
//
// Whatever the network does, no order is sent twice, no fill is lost, the quarantine has the right reason, and the agent trades again when the
// network is well: each test holds the ledger's records against the exchange's own list of orders.
package toxiproxy
