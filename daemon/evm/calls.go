package evm

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Latest is the newest block that a node knows.
const Latest = "latest"

// Head is what is needed of a block's header.
type Head struct {
	Number hexutil.Uint64 `json:"number"`
	Hash   common.Hash    `json:"hash"`
	// Time in Unix seconds, as the block's maker said.
	Time hexutil.Uint64 `json:"timestamp"`
	// BaseFee a unit of gas, in the native coin's smallest units; nil on a chain without EIP-1559.
	BaseFee *hexutil.Big `json:"baseFeePerGas"`
}

// AskHead asks for the header of a block, Latest or a number's Tag. A block that the node does not have leaves nil.
func AskHead(tag string, into **Head) *Call {
	return &Call{Method: "eth_getBlockByNumber", Args: []any{tag, false}, Result: into}
}

// Tag names the block of that number.
func Tag(number uint64) string { return hexutil.EncodeUint64(number) }

// AskChainID asks for the chain's number.
func AskChainID(into *hexutil.Uint64) *Call { return &Call{Method: "eth_chainId", Result: into} }

// Read is a read of a contract's method: the question, and how its answer is read.
type Read struct {
	Call
	method *Method
	data   hexutil.Bytes
}

// AskContract asks a contract, at the newest block.
func AskContract(contract common.Address, m *Method, args ...any) *Read {
	r := &Read{method: m}
	r.Call = Call{
		Method: "eth_call", Result: &r.data,
		Args: []any{map[string]any{"to": contract, "input": hexutil.Bytes(m.Pack(args...))}, Latest},
	}
	return r
}

// Values are the answer's, in the order of the method's outputs; an error if the call failed or the answer has another form. An address
// without a contract answers with nothing.
func (r *Read) Values() ([]any, error) {
	switch {
	case r.Err != nil:
		return nil, r.Err
	case len(r.data) == 0:
		return nil, fmt.Errorf("%s: expected an answer, found none: is there such a contract at the address, on this chain?", r.method.name)
	}
	values, err := r.method.outputs.Unpack(r.data)
	if err != nil {
		return nil, fmt.Errorf("%s: expected an answer of its form, found %d bytes: %w", r.method.name, len(r.data), err)
	}
	return values, nil
}

// Uint is the first of Values as a number that fits 256 bits, at least 0.
func (r *Read) Uint() (*big.Int, error) { return first[*big.Int](r) }

// Small is the first of Values, of type uint8.
func (r *Read) Small() (uint8, error) { return first[uint8](r) }

// Address is the first of Values, an address.
func (r *Read) Address() (common.Address, error) { return first[common.Address](r) }

func first[T any](r *Read) (v T, err error) {
	values, err := r.Values()
	if err != nil {
		return v, err
	}
	return values[0].(T), nil // the method's outputs say so
}

// Method of a contract.
type Method struct {
	name            string
	id              []byte
	inputs, outputs abi.Arguments
}

// NewMethod reads a method's signature, such as balanceOf(address), and the types of its outputs. It panics where there is no such type: both
// are constants in the source.
func NewMethod(signature string, outputs ...string) *Method {
	name, rest, _ := strings.Cut(signature, "(")
	var inputs []string
	if rest = strings.TrimSuffix(rest, ")"); rest != "" {
		inputs = strings.Split(rest, ",")
	}
	m := abi.NewMethod(name, name, abi.Function, "", false, false, arguments(inputs), arguments(outputs))
	return &Method{name: name, id: m.ID, inputs: m.Inputs, outputs: m.Outputs}
}

func arguments(types []string) (a abi.Arguments) {
	for _, name := range types {
		t, err := abi.NewType(name, "", nil)
		if err != nil {
			panic(err)
		}
		a = append(a, abi.Argument{Type: t})
	}
	return a
}

// Pack is the data of a call with these arguments; it panics if they are of other types than the signature's.
func (m *Method) Pack(args ...any) []byte {
	packed, err := m.inputs.Pack(args...)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", m.name, err))
	}
	return append(append([]byte(nil), m.id...), packed...)
}

// The methods of an ERC-20 token that are read.
var (
	Decimals  = NewMethod("decimals()", "uint8")
	BalanceOf = NewMethod("balanceOf(address)", "uint256")
	Allowance = NewMethod("allowance(address,address)", "uint256")
)

// The methods of a Uniswap V2 pair that are read.
var (
	Token0      = NewMethod("token0()", "address")
	Token1      = NewMethod("token1()", "address")
	GetReserves = NewMethod("getReserves()", "uint112", "uint112", "uint32")
)

// ParseAddress reads an address: "0x" and 40 hex digits. In mixed case, the case must be that of its checksum (EIP-55): a slip of the pen
// would send money where nobody can get it.
func ParseAddress(text string) (common.Address, error) {
	if len(text) != 42 || !strings.HasPrefix(text, "0x") || !common.IsHexAddress(text) {
		return common.Address{}, fmt.Errorf(`expected an address, "0x" and 40 hex digits, found %d characters`, len(text))
	}
	a := common.HexToAddress(text)
	if digits := text[2:]; digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && text != a.Hex() {
		return common.Address{}, errors.New("expected an address whose case is that of its checksum (EIP-55), or all lower case, found another")
	}
	return a, nil
}

// RevertReason is what a contract said when it refused, from the answer to a call or an estimate of gas; empty if nothing.
func RevertReason(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	text, ok := e.Data.(string)
	if !ok {
		return ""
	}
	data, err := hexutil.Decode(text)
	if err != nil {
		return ""
	}
	reason, err := abi.UnpackRevert(data)
	if err != nil {
		return ""
	}
	if len(reason) > longestText {
		reason = strings.ToValidUTF8(reason[:longestText], "") + "..."
	}
	return reason
}
