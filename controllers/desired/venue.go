package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
)

// Where the venue's credentials are in the pod. The files have names of our own, so that the key names of a Secret can be any.
const (
	credentialsDir    = "/var/run/secrets/taudaemon.io/venue"
	credentialsVolume = "credentials"

	apiKeyFile     = "api-key"
	privateKeyFile = "private-key"
	walletFile     = "key"
	passwordFile   = "password"
	rpcURLFile     = "rpc-url"
)

// Account is the fingerprint of the venue account that the resource trades on: two Live resources of one account would each take the other's
// balances and orders for their own. "" on paper. A Kraken account cannot be told from its keys, which the operator never sees: one Secret
// stands for one account.
func Account(td *v1alpha1.TauDaemon) string {
	switch v := td.Spec.Venue; {
	case td.Spec.Mode != v1alpha1.ModeLive:
		return ""
	case v.Kraken != nil:
		return fmt.Sprintf("kraken %s, Secret %s/%s", v.Kraken.URL, td.Namespace, v.Kraken.SecretRef.Name)
	case v.UniswapV2 != nil:
		return fmt.Sprintf("uniswapV2 chain %d, account %s", v.UniswapV2.ChainID, strings.ToLower(v.UniswapV2.Account))
	}
	return ""
}

// AccountDigest is Account as a label may hold it; "" on paper.
func AccountDigest(td *v1alpha1.TauDaemon) string {
	account := Account(td)
	if account == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(account))
	return hex.EncodeToString(sum[:16])
}

// venueTable is the venue as taud.toml names it, its credentials as the files that mountCredentials puts into the pod.
func venueTable(s *v1alpha1.VenueSpec, a *amounts) (t config.VenueTable) {
	file := func(name string) string { return credentialsDir + "/" + name }
	fileIf := func(key, name string) string {
		if key == "" {
			return ""
		}
		return file(name)
	}
	if p := s.Paper; p != nil {
		t.Paper = config.DefaultFile().Venue.Paper
		t.Paper.SlippageBps = int64(p.SlippageBps)
		t.Paper.Seed, t.Paper.LatencyMS = p.Seed, milliseconds(p.Latency)
		t.Paper.PartialBps, t.Paper.RejectBps, t.Paper.AmbiguousBps = int64(p.PartialBps), int64(p.RejectBps), int64(p.AmbiguousBps)
		a.set(&t.Paper.QuoteBalance, "venue.paper.quoteBalance", p.QuoteBalance)
	}
	if k := s.Kraken; k != nil {
		t.Kraken = &config.KrakenTable{
			URL: k.URL, Pair: k.Pair, BaseAsset: k.BaseAsset, QuoteAsset: k.QuoteAsset,
			QuantityDecimals: int64(k.QuantityDecimals), PriceDecimals: int64(k.PriceDecimals),
			KeyFile: file(apiKeyFile), SecretFile: file(privateKeyFile),
		}
		if k.DeadMan != nil {
			t.Kraken.DeadManMS = milliseconds(*k.DeadMan)
		}
	}
	if u := s.UniswapV2; u != nil {
		t.UniswapV2 = &config.UniswapV2Table{
			RPCURL: u.RPCURL, RPCURLFile: fileIf(u.SecretRef.RPCURL, rpcURLFile), ChainID: u.ChainID,
			Router: u.Router, Base: u.Base, Quote: u.Quote, Account: u.Account,
			KeyFile: file(walletFile), PasswordFile: fileIf(u.SecretRef.Password, passwordFile),
			Confirmations: int64(u.Confirmations), MaxGasPriceGwei: int64(u.MaxGasPriceGwei), BurnAddress: u.BurnAddress,
		}
		orDefault(&t.UniswapV2.GasMarginBps, u.GasMarginBps)
		a.set(&t.UniswapV2.NativePrice, "venue.uniswapV2.nativePrice", u.NativePrice)
	}
	return t
}

// credentials are the Secret of the venue and its items, by file name; "" on paper.
func credentials(s *v1alpha1.VenueSpec) (secret string, items []*applycore.KeyToPathApplyConfiguration) {
	add := func(key, file string) {
		if key != "" {
			items = append(items, applycore.KeyToPath().WithKey(key).WithPath(file))
		}
	}
	switch {
	case s.Kraken != nil:
		secret = s.Kraken.SecretRef.Name
		add(s.Kraken.SecretRef.APIKey, apiKeyFile)
		add(s.Kraken.SecretRef.PrivateKey, privateKeyFile)
	case s.UniswapV2 != nil:
		secret = s.UniswapV2.SecretRef.Name
		add(s.UniswapV2.SecretRef.Key, walletFile)
		add(s.UniswapV2.SecretRef.Password, passwordFile)
		add(s.UniswapV2.SecretRef.RPCURL, rpcURLFile)
	}
	return secret, items
}

// credentialsVolumes is the venue's Secret, readable for the daemon's group alone. It is not optional: the kubelet starts no pod before it is
// there. It is no subPath either, so that the kubelet brings an edit of the Secret to the running pod.
func credentialsVolumes(s *v1alpha1.VenueSpec) []*applycore.VolumeApplyConfiguration {
	secret, items := credentials(s)
	if secret == "" {
		return nil
	}
	return []*applycore.VolumeApplyConfiguration{applycore.Volume().WithName(credentialsVolume).WithProjected(applycore.ProjectedVolumeSource().
		WithDefaultMode(0o440).
		WithSources(applycore.VolumeProjection().WithSecret(applycore.SecretProjection().WithName(secret).WithItems(items...))))}
}

func mountCredentials(c *applycore.ContainerApplyConfiguration, s *v1alpha1.VenueSpec) {
	if secret, _ := credentials(s); secret != "" {
		c.WithVolumeMounts(applycore.VolumeMount().WithName(credentialsVolume).WithMountPath(credentialsDir).WithReadOnly(true))
	}
}
