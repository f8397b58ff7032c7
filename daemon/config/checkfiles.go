package config

import (
	"fmt"
	"io/fs"
	"os"
)

// CheckFiles looks whether the files that the configuration names are there: the kernel's spec, recorded series, the venue's credentials (which
// others must not be able to read), and the folder of the supporting specs where the file names one. The error joins one *Error for each that is not.
func (c *Config) CheckFiles() error {
	r := &reader{file: c.file, lines: c.lines, bad: map[string]bool{}}
	r.needFile("paths.kernel_spec", c.Paths.KernelSpec)
	if c.Engine.Type == EngineTau || c.Engine.Type == EngineBoth {
		r.needFile("paths.tau_bin", c.Paths.TauBin)
	}
	if c.given["paths.specs_root"] {
		if info, err := os.Stat(c.Paths.SpecsRoot); err != nil || !info.IsDir() {
			r.problem("paths.specs_root", "a folder at "+c.Paths.SpecsRoot, found(info, err), "")
		}
	}
	for i, s := range c.Oracle.Sources {
		if s.Replay != nil && s.Replay.File != "" {
			r.needFile(element("oracle.sources", i)+".replay.file", s.Replay.File)
		}
		if c := s.Chainlink; c != nil {
			r.needSecret(element("oracle.sources", i)+".chainlink.rpc_url_file", c.RPCURLFile)
		}
		if u := s.UniswapV2; u != nil {
			r.needSecret(element("oracle.sources", i)+".uniswap_v2.rpc_url_file", u.RPCURLFile)
		}
		if s.Pyth != nil {
			r.needSecret(element("oracle.sources", i)+".pyth.token_file", s.Pyth.TokenFile)
		}
	}
	if k := c.Venue.Kraken; k != nil {
		r.needSecret("venue.kraken.key_file", k.KeyFile)
		r.needSecret("venue.kraken.secret_file", k.SecretFile)
	}
	if u := c.Venue.UniswapV2; u != nil {
		r.needSecret("venue.uniswap_v2.rpc_url_file", u.RPCURLFile)
		r.needSecret("venue.uniswap_v2.key_file", u.KeyFile)
		r.needSecret("venue.uniswap_v2.password_file", u.PasswordFile)
	}
	return joinErrors(r.problems)
}

// needSecret is needFile for a credential, where one is configured: a file that every user of the machine can read is no secret.
func (r *reader) needSecret(key, path string) {
	if path == "" {
		return
	}
	r.needFile(key, path)
	if info, err := os.Stat(path); err == nil && r.good(key) && info.Mode().Perm()&0o007 != 0 {
		r.problem(key, "a file that others cannot read or write", fmt.Sprintf("mode %04o of %s", info.Mode().Perm(), path), "chmod o= the file")
	}
}

func (r *reader) needFile(key, path string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		file, openErr := os.Open(path)
		if openErr == nil {
			_ = file.Close() // Nothing was written, so there is nothing to lose.
			return
		}
		err = openErr
	}
	r.problem(key, "a readable file at "+path, found(info, err), "")
}

func found(info fs.FileInfo, err error) string {
	switch {
	case os.IsNotExist(err):
		return "none"
	case os.IsPermission(err):
		return "one without permission to read it"
	case err != nil:
		return "an error (" + err.Error() + ")"
	}
	return kindOf(info)
}

func kindOf(info fs.FileInfo) string {
	switch {
	case info.IsDir():
		return "a folder"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "a special file"
}
