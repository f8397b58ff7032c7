package uniswapv2

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"
)

func TestKeysAreReadFromFilesAndNeverShown(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	account := crypto.PubkeyToAddress(testKey.PublicKey)
	digits := hex.EncodeToString(crypto.FromECDSA(testKey))
	encrypted, err := keystore.EncryptKey(&keystore.Key{Id: uuid.UUID{1}, Address: account, PrivateKey: testKey}, "correct horse", keystore.LightScryptN, keystore.LightScryptP)
	if err != nil {
		t.Fatal(err)
	}
	store, password := write("store", string(encrypted)+"\n"), write("password", "correct horse\n")
	for _, c := range []struct {
		name           string
		file, password string
		account        common.Address
		want           string // of an error; empty for none
	}{
		{"hex", write("hex", digits), "", account, ""},
		{"hex with a prefix and a line's end", write("0x", "0x"+digits+"\r\n"), "", account, ""},
		{"a keystore", store, password, account, ""},
		{"a keystore without a password", store, "", account, "needs a password file; none is configured"},
		{"a keystore with another password", store, write("wrong", "battery staple"), account, "is not the keystore's"},
		{"a keystore whose password is not there", store, filepath.Join(dir, "none"), account, "the password: stat "},
		{"another account's key", write("other", digits), "", common.HexToAddress("0x1"), "expected the key of account 0x0000000000000000000000000000000000000001, found that of " + account.Hex()},
		{"a digit too few", write("short", digits[1:]), "", account, "expected a private key of 64 hex digits, or a keystore file, found neither"},
		{"no hex", write("words", strings.Repeat("g", 64)), "", account, "found neither"},
		{"zero is no key", write("zero", strings.Repeat("0", 64)), "", account, "found neither"},
		{"half a keystore", write("half", string(encrypted[:len(encrypted)/2])), password, account, "found one that cannot be read"},
		{"nothing", write("empty", ""), "", account, "found neither"},
		{"no file", filepath.Join(dir, "none"), "", account, "the key: stat "},
		{"a file far too long", write("long", strings.Repeat("0", longestKeyFile+1)), "", account, "at most 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := readKey(c.file, c.password, c.account)
			switch {
			case c.want == "" && (err != nil || !key.Equal(testKey)):
				t.Fatalf("found %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("expected %q, found %v", c.want, err)
			}
			if err != nil {
				for _, secret := range []string{digits, digits[1:], "correct horse", "battery staple"} {
					if strings.Contains(err.Error(), secret) {
						t.Fatalf("a secret in %v", err)
					}
				}
			}
		})
	}
}
