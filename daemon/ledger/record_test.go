package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const sampleLine = `{"v":1,"seq":12,"prev":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","kind":"tick","ms":1767225600000,"epoch":3,"tick":9,"why":"p\u00e9"}`

func TestEveryHeaderFieldOutOfFormIsNamed(t *testing.T) {
	cases := []struct{ name, from, to, field string }{
		{"another version", `"v":1`, `"v":2`, "v"},
		{"no version", `"v":1,`, ``, "v"},
		{"a space after the brace", `{"v"`, `{ "v"`, "v"},
		{"a leading zero in seq", `"seq":12`, `"seq":012`, "seq"},
		{"a negative seq", `"seq":12`, `"seq":-12`, "seq"},
		{"a seq as a string", `"seq":12`, `"seq":"12"`, "seq"},
		{"a seq beyond 2^53-1", `"seq":12`, `"seq":9007199254740992`, "seq"},
		{"a seq that overflows 64 bits", `"seq":12`, `"seq":99999999999999999999999`, "seq"},
		{"a fraction in seq", `"seq":12`, `"seq":12.0`, "prev"},
		{"uppercase in prev", `aabbcc`, `AAbbcc`, "prev"},
		{"a short prev", `00112233`, `0011223`, "prev"},
		{"a long prev", `"0011`, `"00011`, "kind"},
		{"no prev", `"prev"`, `"prec"`, "prev"},
		{"an unknown kind", `"tick","ms"`, `"tock","ms"`, "kind"},
		{"an empty kind", `"tick","ms"`, `"","ms"`, "kind"},
		{"a kind without end", `"tick","ms"`, `"tick  "ms"`, "kind"},
		{"a kind with an escape", `"tick","ms"`, `"\u0074ick","ms"`, "kind"},
		{"a negative time", `"ms":1`, `"ms":-1`, "ms"},
		{"a time with exponent", `"ms":1767225600000`, `"ms":17e9`, "epoch"},
		{"no time", `"ms":1767225600000,`, ``, "ms"},
		{"epoch before ms", `"ms":1767225600000,"epoch":3`, `"epoch":3,"ms":1767225600000`, "ms"},
		{"an empty epoch", `"epoch":3`, `"epoch":`, "epoch"},
		{"nothing after the epoch", `,"tick":9,"why":"p\u00e9"}`, ``, "body"},
		{"a comma and nothing", `,"tick":9,"why":"p\u00e9"}`, `,}`, "body"},
		{"a body without its brace", `"p\u00e9"}`, `"p\u00e9"`, "body"},
		{"a carriage return", `"p\u00e9"}`, `"p\u00e9"}` + "\r", "body"},
	}
	if _, err := decodeRecord([]byte(sampleLine)); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			line := strings.Replace(sampleLine, c.from, c.to, 1)
			if line == sampleLine {
				t.Fatalf("the case changes nothing")
			}
			_, err := decodeRecord([]byte(line))
			if err == nil || err.Field != c.field {
				t.Errorf("expected an error of field %s, found %v", c.field, err)
			}
		})
	}
}

// genBody draws bodies as encoding/json makes them, with all that JSON can hold.
func genBody() *rapid.Generator[[]byte] {
	var value *rapid.Generator[any]
	scalar := rapid.OneOf(
		rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(),
		rapid.Bool().AsAny(), rapid.Just(any(nil)))
	value = rapid.OneOf(scalar,
		rapid.SliceOfN(scalar, 0, 4).AsAny(),
		rapid.MapOfN(rapid.String(), rapid.Deferred(func() *rapid.Generator[any] { return value }), 0, 3).AsAny())
	name := rapid.StringMatching(`[a-z_]{3}[A-Za-z0-9]{0,8}`).Filter(func(s string) bool {
		return s != "seq" && s != "prev" && s != "kind" && s != "epoch"
	})
	return rapid.Custom(func(t *rapid.T) []byte {
		body, err := json.Marshal(rapid.MapOfN(name, value, 0, 6).Draw(t, "body"))
		if err != nil {
			t.Fatal(err)
		}
		return body
	})
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seq := rapid.Uint64Range(0, maxNumber).Draw(t, "seq")
		prev := Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "prev"))
		kind := rapid.SampledFrom(kinds[:]).Draw(t, "kind")
		ms := rapid.Int64Range(0, maxNumber).Draw(t, "ms")
		epoch := rapid.Uint64Range(0, maxNumber).Draw(t, "epoch")
		body := genBody().Draw(t, "json")
		line, err := appendRecord(nil, seq, prev, kind, ms, epoch, body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		r, bad := decodeRecord(line)
		if bad != nil {
			t.Fatalf("%s: %v", line, bad)
		}
		if r.Seq != seq || r.Prev != prev || r.Kind != kind || r.UnixMilli != ms || r.Epoch != epoch || string(r.Body()) != string(body) {
			t.Fatalf("%s decoded to %+v", line, r)
		}
		if !json.Valid(line) {
			t.Fatalf("%s is not JSON", line)
		}
	})
}

// decodeAgrees holds the decoder against encoding/json and against the encoder: what it accepts is
// JSON, has one reading, and is the only spelling of it.
func decodeAgrees(t *testing.T, line []byte) {
	r, bad := decodeRecord(line)
	if bad != nil {
		if bad.Field == "" || bad.Expected == "" || bad.Found == "" {
			t.Fatalf("%q: an error with an empty part: %+v", line, bad)
		}
		return
	}
	if strings.ContainsAny(string(line), "\n\r") {
		t.Fatalf("%q: accepted with a line break", line)
	}
	var header struct {
		V     int    `json:"v"`
		Seq   uint64 `json:"seq"`
		Prev  Hash   `json:"prev"`
		Kind  Kind   `json:"kind"`
		Ms    int64  `json:"ms"`
		Epoch uint64 `json:"epoch"`
	}
	names := map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal(line, &names), json.Unmarshal(keepHeader(names), &header)); err != nil {
		t.Fatalf("%q: accepted, but encoding/json says %v", line, err)
	}
	if header.V != 1 || header.Seq != r.Seq || header.Prev != r.Prev || header.Kind != r.Kind || header.Ms != r.UnixMilli || header.Epoch != r.Epoch {
		t.Fatalf("%q: decoded to %+v, encoding/json to %+v", line, r, header)
	}
	again, err := appendRecord(nil, r.Seq, r.Prev, r.Kind, r.UnixMilli, r.Epoch, r.Body())
	if err != nil || string(again) != string(line) {
		t.Fatalf("%q: encodes again to %q, %v", line, again, err)
	}
}

// keepHeader makes an object of the header's members only: a body name such as "Seq" would also match a struct's.
func keepHeader(names map[string]json.RawMessage) []byte {
	only := map[string]json.RawMessage{}
	for _, name := range []string{"v", "seq", "prev", "kind", "ms", "epoch"} {
		only[name] = names[name]
	}
	out, _ := json.Marshal(only)
	return out
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(sampleLine))
	f.Add([]byte(strings.Replace(sampleLine, `"why"`, `"a":[{"b":[]},{}],"n":-0.5e+7,"s":"\"\\\/\b\u12aF","why"`, 1)))
	f.Add([]byte(strings.Replace(sampleLine, `,"tick":9,"why":"p\u00e9"`, ``, 1)))
	f.Add([]byte(`{"v":1,"seq":0`))
	f.Fuzz(decodeAgrees)
}

func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	build(f, dir, 4, 0)
	good, err := os.ReadFile(filepath.Join(dir, segmentName(0)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		read := 0
		lines, release := newLineReader(bytes.NewReader(content))
		defer release()
		whole, rest, err := readSegment(lines, segmentName(0), &chain{}, func(r *Record) error {
			decodeAgrees(t, r.Line)
			read += len(r.Line) + 1
			return nil
		})
		if int64(read) != whole {
			t.Fatalf("visited %d bytes, reported %d", read, whole)
		}
		var damage *CorruptionError
		switch {
		case err != nil && !errors.As(err, &damage):
			t.Fatalf("an error that is no CorruptionError: %v", err)
		case err != nil && damage.Offset != whole:
			t.Fatalf("damage at %d reported at %d", whole, damage.Offset)
		case err == nil && whole+rest != int64(len(content)):
			t.Fatalf("%d bytes read as %d and a rest of %d", len(content), whole, rest)
		}
	})
}

func TestHashHasOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		got, err := ParseHash(h.String())
		if err != nil || got != h {
			t.Fatalf("%s parsed to %s, %v", h, got, err)
		}
		if upper := strings.ToUpper(h.String()); upper != h.String() {
			if _, err := ParseHash(upper); err == nil {
				t.Fatalf("%s accepted", upper)
			}
		}
	})
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), strings.Repeat("0", 65)} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

// TestTheQuickLookAcceptsOnlyWhatTheWholeCheckAccepts: what wellFormed says yes to must pass without it, and what a daemon writes is worth a quick look.
func TestTheQuickLookAcceptsOnlyWhatTheWholeCheckAccepts(t *testing.T) {
	for _, body := range []string{
		`"a":1}`, `"a":-0.5,"b":[],"c":{},"d":[1,[2,{"x":null}],true,false],"e":"","f":"twelve chars"}`, `"seven_7":1,"eight_88":2,"eight_89":3}`, string(benchBody[1:]),
	} {
		if !wellFormed([]byte(body)) || slowCheck([]byte(body)) != nil {
			t.Errorf("%s: expected both to accept it", body)
		}
	}
	for _, body := range []string{
		``, `}`, `"a"}`, `"a":}`, `"a":1`, `"a":1}}`, `"a":1} `, `"a":01}`, `"a":-}`, `"a":1.}`, `"a":.5}`, `"a":1,}`, `"a":[1,]}`, `"a":[}}`, `"a":{]}`, `"a":[1}`, `"a":{"b":1]}`,
		`"a":tru}`, `"a":nul}`, `"a":falsy}`, `"a":"x}`, `"a":1,"a":2}`, `"eight_88":1,"eight_88":2}`, `"seq":1}`, `"v":1}`, `"epoch":1}`, `"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`,
		"\"a\":\"12345678\x01\"}", "\"a\":\"\x1f\"}", `"a":"1234567`, `a:1}`, `"a" :1}`,
	} {
		if wellFormed([]byte(body)) || slowCheck([]byte(body)) == nil {
			t.Errorf("%s: expected both to refuse it", body)
		}
	}
	// Whatever byte of a good text is changed, cut or doubled.
	good := []byte(`"a":-10.5,"bcdefghi":["x",{"y":"12345678\"","z":null}],"k":{"a":1,"a":2},"e":1e5}`)
	for at := range good {
		for _, c := range []byte("\x00\x1f \"\\,:[]{}-+.0159aeEtnfu\x7f\x80\xff") {
			for _, text := range [][]byte{
				append(append(bytes.Clone(good[:at]), c), good[at+1:]...), append(append(bytes.Clone(good[:at]), c), good[at:]...), append(bytes.Clone(good[:at]), good[at+1:]...),
			} {
				if wellFormed(text) && slowCheck(text) != nil {
					t.Fatalf("%q passes the quick look, and the whole check says %v", text, slowCheck(text))
				}
			}
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	f.Add([]byte(`"a":-10.5,"bcdefghi":["x",{"y":"12345678\"","z":null}],"k":{"a":1,"a":2},"e":1e5}`))
	f.Add(benchBody[1:])
	f.Add([]byte(`"a":[[],{}],"seq":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) <= MaxRecord && wellFormed(text) && slowCheck(text) != nil {
			t.Fatalf("%q passes the quick look, and the whole check says %v", text, slowCheck(text))
		}
	})
}
