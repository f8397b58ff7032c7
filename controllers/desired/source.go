package desired

import (
	"strings"

	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
)

// Where the sources' credentials are in the pod: a folder a source, with files of our own names.
const (
	sourceCredentialsDir    = "/var/run/secrets/taudaemon.io/oracle"
	sourceCredentialsVolume = "oracle-credentials"

	tokenFile = "token"
)

func sourceFile(source, file string) string { return source + "/" + file }

// sourceTable is a source as taud.toml names it, its credentials as the files that mountSourceCredentials puts into the pod.
func sourceTable(s *v1alpha1.OracleSource, a *amounts) config.SourceTable {
	t := config.SourceTable{Name: s.Name}
	if s.MaxAge != nil {
		ms := milliseconds(*s.MaxAge)
		t.MaxAgeMS = &ms
	}
	if h := s.HTTP; h != nil {
		t.HTTP = &config.HTTPTable{URL: h.URL, Price: h.Price, Time: h.Time, Volume: h.Volume}
	}
	// The schema sets no defaults inside lists, and daemon/config sets them only for keys that are absent, which Marshal leaves none of.
	if p := s.Pyth; p != nil {
		t.Pyth = &config.PythTable{URL: p.URL, Feed: p.Feed, MaxConfidenceBps: 50, Updates: orWord(string(p.Updates), string(v1alpha1.PythPoll))}
		orDefault(&t.Pyth.MaxConfidenceBps, p.MaxConfidenceBps)
		if p.SecretRef != nil {
			t.Pyth.TokenFile = sourceCredentialsDir + "/" + sourceFile(s.Name, tokenFile)
		}
	}
	if c := s.Chainlink; c != nil {
		t.Chainlink = &config.ChainlinkTable{RPCURL: c.RPCURL, RPCURLFile: sourceNode(s.Name, c.RPCSecretRef), ChainID: c.ChainID, Feed: c.Feed}
		if c.Decimals != nil {
			decimals := int64(*c.Decimals)
			t.Chainlink.Decimals = &decimals
		}
	}
	if u := s.UniswapV2; u != nil {
		t.UniswapV2 = &config.UniswapV2SourceTable{
			RPCURL: u.RPCURL, RPCURLFile: sourceNode(s.Name, u.RPCSecretRef), ChainID: u.ChainID, Pair: u.Pair, Base: u.Base,
		}
		a.set(&t.UniswapV2.MinReserve, "oracle.sources["+s.Name+"].uniswapV2.minReserve", u.MinReserve)
	}
	if r := s.Replay; r != nil {
		t.Replay = &config.ReplayTable{Series: r.Series, Times: orWord(string(r.Times), string(v1alpha1.ReplayStepped)), Offset: int64(r.Offset)}
	}
	if sim := s.Simulated; sim != nil {
		t.Simulated = &config.SimulatedTable{Seed: sim.Seed, Start: 100 * scale, StepBps: 20}
		orDefault(&t.Simulated.StepBps, sim.StepBps)
		a.set(&t.Simulated.Start, "oracle.sources["+s.Name+"].simulated.start", sim.Start)
	}
	return t
}

// sourceNode is the file that holds the URL of a source's node; "" where the resource itself says it.
func sourceNode(source string, ref *v1alpha1.RPCSecretReference) string {
	if ref == nil {
		return ""
	}
	return sourceCredentialsDir + "/" + sourceFile(source, rpcURLFile)
}

// orWord is a choice as the file writes it, or the default where the spec makes none.
func orWord(choice, otherwise string) string {
	return strings.ToLower(or(choice, otherwise))
}

// sourceCredentials is what each source's Secret brings into the pod: none for a source without one.
func sourceCredentials(s *v1alpha1.OracleSpec) (all []*applycore.VolumeProjectionApplyConfiguration) {
	for i := range s.Sources {
		source := &s.Sources[i]
		var secret string
		var items []*applycore.KeyToPathApplyConfiguration
		add := func(key, file string) {
			items = append(items, applycore.KeyToPath().WithKey(key).WithPath(sourceFile(source.Name, file)))
		}
		if p := source.Pyth; p != nil && p.SecretRef != nil {
			secret = p.SecretRef.Name
			add(or(p.SecretRef.Token, tokenFile), tokenFile)
		}
		var node *v1alpha1.RPCSecretReference
		switch {
		case source.Chainlink != nil:
			node = source.Chainlink.RPCSecretRef
		case source.UniswapV2 != nil:
			node = source.UniswapV2.RPCSecretRef
		}
		if node != nil {
			secret = node.Name
			add(or(node.RPCURL, rpcURLFile), rpcURLFile)
		}
		if secret != "" {
			all = append(all, applycore.VolumeProjection().WithSecret(applycore.SecretProjection().WithName(secret).WithItems(items...)))
		}
	}
	return all
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// sourceCredentialsVolumes are the sources' Secrets in one volume, readable for the daemon's group alone. They are not optional: the kubelet starts
// no pod before they are there.
func sourceCredentialsVolumes(s *v1alpha1.OracleSpec) []*applycore.VolumeApplyConfiguration {
	all := sourceCredentials(s)
	if len(all) == 0 {
		return nil
	}
	return []*applycore.VolumeApplyConfiguration{applycore.Volume().WithName(sourceCredentialsVolume).WithProjected(
		applycore.ProjectedVolumeSource().WithDefaultMode(0o440).WithSources(all...))}
}

func mountSourceCredentials(c *applycore.ContainerApplyConfiguration, s *v1alpha1.OracleSpec) {
	if len(sourceCredentials(s)) > 0 {
		c.WithVolumeMounts(applycore.VolumeMount().WithName(sourceCredentialsVolume).WithMountPath(sourceCredentialsDir).WithReadOnly(true))
	}
}
