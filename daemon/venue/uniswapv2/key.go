package uniswapv2

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// longestKeyFile is far above a keystore file's few hundred bytes.
const longestKeyFile = 64 << 10

// readKey reads the account's private key: a file of 64 hex digits, or an encrypted keystore file (Web3 Secret Storage, version 3) with its
// password in another file. It must be the key of want. No error has a byte of either file.
//
// Decrypting a keystore of the usual strength takes 256 MiB of memory for a second; one of light strength (geth account new --lightkdf) 4 MiB.
func readKey(keyFile, passwordFile string, want common.Address) (*ecdsa.PrivateKey, error) {
	text, err := readSecret("key", keyFile)
	if err != nil {
		return nil, err
	}
	var key *ecdsa.PrivateKey
	if bytes.HasPrefix(text, []byte("{")) {
		key, err = decrypt(text, keyFile, passwordFile)
	} else if key, err = crypto.HexToECDSA(string(bytes.TrimPrefix(text, []byte("0x")))); err != nil {
		err = fmt.Errorf("%s: expected a private key of 64 hex digits, or a keystore file, found neither", keyFile)
	}
	if err != nil {
		return nil, err
	}
	if found := crypto.PubkeyToAddress(key.PublicKey); found != want {
		return nil, fmt.Errorf("%s: expected the key of account %s, found that of %s", keyFile, want.Hex(), found.Hex())
	}
	return key, nil
}

func readSecret(what, file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > longestKeyFile {
		return nil, fmt.Errorf("%s: expected a %s of at most %d bytes, found %d", file, what, longestKeyFile, info.Size())
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("the %s: %w", what, err)
	}
	return bytes.TrimSpace(text), nil
}

func decrypt(text []byte, keyFile, passwordFile string) (*ecdsa.PrivateKey, error) {
	if passwordFile == "" {
		return nil, fmt.Errorf("%s: is a keystore file, and needs a password file; none is configured", keyFile)
	}
	password, err := readSecret("password", passwordFile)
	if err != nil {
		return nil, err
	}
	key, err := keystore.DecryptKey(text, string(password))
	switch {
	case errors.Is(err, keystore.ErrDecrypt):
		return nil, fmt.Errorf("%s: the password in %s is not the keystore's", keyFile, passwordFile)
	case err != nil:
		return nil, fmt.Errorf("%s: expected a keystore file (Web3 Secret Storage, version 3), found one that cannot be read", keyFile)
	}
	debug.FreeOSMemory() // what scrypt took
	return key.PrivateKey, nil
}
