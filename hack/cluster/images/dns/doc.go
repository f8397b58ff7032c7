// Command dns is CoreDNS with only the plugins that the local cluster needs: the full one links the clients of three clouds.
package main
