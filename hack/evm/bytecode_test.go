package evm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// skip is the variable that skips these tests where nothing can be fetched.
const skip = "TAUDAEMON_SKIP_EVM"

// bytecode of each contract, by its name.
type bytecode map[string]hexutil.Bytes

var fetched = sync.OnceValues(fetch)

// contracts are the bytecodes that the tests deploy. They are fetched and compiled once, and then cached.
func contracts(t *testing.T) bytecode {
	t.Helper()
	if os.Getenv(skip) != "" {
		t.Skip(skip + " is set")
	}
	all, err := fetched()
	if err != nil {
		t.Fatalf("%v\nthese tests need node, npm and the npm packages that package-lock.json pins; %s=1 skips them", err, skip)
	}
	return all
}

// TestTheContractsAreFetchedAndCompiled is run by itself first in hack/test/run: its time is the registry's and the compiler's.
func TestTheContractsAreFetchedAndCompiled(t *testing.T) {
	all := contracts(t)
	const mostInitCode = 49_152 // of EIP-3860
	for _, name := range []string{"Factory", "Router", "WETH", "DeflatingToken", "Token", "SilentToken", "Aggregator"} {
		if n := len(all[name]); n == 0 || n > mostInitCode {
			t.Errorf("%s: expected 1 to %d bytes of code, found %d", name, mostInitCode, n)
		}
	}
}

func fetch() (bytecode, error) {
	modules, err := installed()
	if err != nil {
		return nil, err
	}
	all := bytecode{}
	for name, file := range map[string]string{
		"Factory": "@uniswap/v2-core/build/UniswapV2Factory.json", "Router": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
		"WETH": "@uniswap/v2-periphery/build/WETH9.json", "DeflatingToken": "@uniswap/v2-periphery/build/DeflatingERC20.json",
	} {
		text, err := os.ReadFile(filepath.Join(modules, file))
		if err != nil {
			return nil, err
		}
		var artifact struct{ Bytecode json.RawMessage }
		if err := json.Unmarshal(text, &artifact); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if all[name], err = code(artifact.Bytecode); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	ours, err := compiled(modules)
	if err != nil {
		return nil, err
	}
	for name, b := range ours {
		all[name] = b
	}
	return all, nil
}

// code reads bytecode as the build files have it, with or without 0x.
func code(raw json.RawMessage) (hexutil.Bytes, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	b, err := hexutil.Decode("0x" + string(bytes.TrimPrefix([]byte(text), []byte("0x"))))
	if err == nil && len(b) == 0 {
		err = errors.New("expected bytecode, found none")
	}
	return b, err
}

// cached is a folder or file of the cache that is made once by make, whole or not at all.
func cached(name string, inputs []string, make func(at string) error) (string, error) {
	h := sha256.New()
	for _, file := range inputs {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", file, len(text), text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "taudaemon", "evm")
	at := filepath.Join(cache, name+"-"+hex.EncodeToString(h.Sum(nil))[:16])
	if _, err := os.Stat(at); err == nil {
		return at, nil
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", err
	}
	half, err := os.MkdirTemp(cache, "half-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(half) }()
	if err := make(filepath.Join(half, name)); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(half, name), at); err != nil {
		if _, statErr := os.Stat(at); statErr != nil { // else another process was quicker
			return "", err
		}
	}
	return at, nil
}

// installed is the folder node_modules with the pinned packages.
func installed() (string, error) {
	at, err := cached("npm", []string{"package.json", "package-lock.json"}, func(at string) error {
		if err := os.Mkdir(at, 0o750); err != nil {
			return err
		}
		for _, file := range []string{"package.json", "package-lock.json"} {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(at, file), text, 0o600); err != nil {
				return err
			}
		}
		_, err := run(at, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
		return err
	})
	return filepath.Join(at, "node_modules"), err
}

// compiled are the contracts of this folder.
func compiled(modules string) (bytecode, error) {
	inputs := []string{"compile.js", "package-lock.json"}
	sources, err := filepath.Glob("contracts/*.sol")
	if err != nil || len(sources) == 0 {
		return nil, fmt.Errorf("expected sources in contracts, found %d: %w", len(sources), err)
	}
	at, err := cached("contracts.json", append(inputs, sources...), func(at string) error {
		out, err := run("", "node", "compile.js", modules, "contracts")
		if err != nil {
			return err
		}
		return os.WriteFile(at, out, 0o600)
	})
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, err
	}
	var all bytecode
	return all, json.Unmarshal(text, &all)
}

// run runs a program to its end, at most 5 minutes, and returns what it printed.
func run(dir, name string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("expected the program %s, found none: %w", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, args[0], err, said.Bytes())
	}
	return out.Bytes(), nil
}
