package config

import (
	"math"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// reader fills a File from a decoded document, as the tags of File say, and keeps every problem that it meets.
type reader struct {
	file     string
	lines    lineIndex
	scale    int64 // economics.scale, or the default where that is wrong
	problems []*Error
	bad      map[string]bool // the keys of problems
	given    map[string]bool // the keys that the document has
}

func newReader(file string, lines lineIndex, document map[string]any) *reader {
	r := &reader{file: file, lines: lines, scale: fixed.Scale, bad: map[string]bool{}, given: map[string]bool{}}
	if economics, ok := document["economics"].(map[string]any); ok {
		if scale, ok := economics["scale"].(int64); ok && powerOfTen(scale) {
			r.scale = scale
		}
	}
	return r
}

func powerOfTen(n int64) bool {
	power := int64(1)
	for power < n && power < fixed.Scale {
		power *= 10
	}
	return power == n
}

// fillDefaults fills f as an empty document would, and forgets what such a document lacks.
func (r *reader) fillDefaults(f *File) {
	r.table(reflect.ValueOf(f).Elem(), "", nil)
	r.paperVenue(f)
	r.problems, r.bad = nil, map[string]bool{}
}

func (r *reader) problem(key, expected, found, reason string) {
	line := 0
	for at := key; at != "" && line == 0; at = parent(at) {
		line = r.lines[at]
	}
	r.problems = append(r.problems, &Error{File: r.file, Line: line, Key: key, Expected: expected, Found: found, Reason: reason})
	r.bad[key] = true
}

// parent is the path of the table or array around key.
func parent(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// good tells whether none of the keys has a problem, so that a check between them makes sense.
func (r *reader) good(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool { return r.bad[key] })
}

func (r *reader) table(into reflect.Value, path string, document map[string]any) {
	var known []string
	for i := range into.NumField() {
		tag := into.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("toml"), ",")
		known = append(known, name)
		value, found := document[name]
		r.field(into.Field(i), tag, join(path, name), value, found)
	}
	for _, name := range sortedKeys(document) {
		if !slices.Contains(known, name) {
			what := "one of the keys "
			if path == "" {
				what = "one of the tables "
			}
			r.problem(join(path, name), what+strings.Join(known, ", "), "an unknown key", "")
		}
	}
}

func (r *reader) field(into reflect.Value, tag reflect.StructTag, path string, value any, found bool) {
	if found {
		r.given[path] = true
	}
	optional := into.Kind() == reflect.Pointer
	if optional && found {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	} else if optional {
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		document, isTable := value.(map[string]any)
		if found && !isTable {
			r.problem(path, "a table", show(value), "")
		}
		r.table(into, path, document)
	case reflect.Slice:
		r.tables(into, tag, path, value, found)
	case reflect.Int64:
		r.integer(into, tag, path, value, found)
	case reflect.Bool:
		on, isBool := value.(bool)
		switch {
		case !found:
			on = tag.Get("default") == "true"
		case !isBool:
			r.problem(path, "true or false", show(value), "")
		}
		into.SetBool(on)
	case reflect.String:
		r.text(into, tag, path, value, found)
	default:
		panic("File has a field of a kind that no key has: " + path)
	}
}

func (r *reader) tables(into reflect.Value, tag reflect.StructTag, path string, value any, found bool) {
	list, isArray := value.([]any)
	if !found {
		return
	}
	if !isArray {
		r.problem(path, "an array of tables", show(value), "write [["+path+"]]")
		return
	}
	most, _ := strconv.Atoi(tag.Get("max"))
	if len(list) > most {
		r.problem(path, "at most "+strconv.Itoa(most)+" tables", strconv.Itoa(len(list)), "")
		return
	}
	for i, each := range list {
		document, isTable := each.(map[string]any)
		if !isTable {
			r.problem(element(path, i), "a table", show(each), "")
			continue
		}
		item := reflect.New(into.Type().Elem()).Elem()
		r.table(item, element(path, i), document)
		into.Set(reflect.Append(into, item))
	}
}

func (r *reader) integer(into reflect.Value, tag reflect.StructTag, path string, value any, found bool) {
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	if text, ok := tag.Lookup("min"); ok {
		least = mustInt(text)
	}
	if text, ok := tag.Lookup("max"); ok {
		most = mustInt(text)
	}
	isAmount := into.Type() == reflect.TypeFor[Scaled]()
	if isAmount {
		most /= fixed.Scale / r.scale
		least = max(least, math.MinInt64/(fixed.Scale/r.scale))
	}
	if !found {
		if text, ok := tag.Lookup("default"); ok {
			n := mustInt(text)
			if isAmount {
				n *= r.scale
			}
			into.SetInt(n)
			return
		}
	}
	n, isInteger := value.(int64)
	if isInteger && least <= n && n <= most {
		into.SetInt(n)
		return
	}
	expected := "an integer"
	if isAmount {
		expected = "an integer of 1/" + strconv.FormatInt(r.scale, 10) + " units"
	}
	switch {
	case most != math.MaxInt64 && (!isAmount || n > most):
		expected += " from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10)
	case least != math.MinInt64:
		expected += " of at least " + strconv.FormatInt(least, 10)
	}
	r.problem(path, expected, show(value), "")
}

func mustInt(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err) // A tag of File is wrong: no document can do that.
	}
	return n
}

// form is what a text has to look like.
type form struct {
	expected string
	accepts  func(string) bool
	show     func(string) string
}

// The patterns are those of the TauDaemon resource.
var (
	sourcePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	agentPattern  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9./]*[a-z0-9])?$`)
	jsonPattern   = regexp.MustCompile(`^\$([.][A-Za-z0-9_-]+|\[[0-9]{1,9}\]|\['[^']+'\])+$`)
	feedPattern   = regexp.MustCompile(`^(0x)?[0-9a-fA-F]{64}$`)
	urlPattern    = regexp.MustCompile(`^https?://[^\s]+$`)
	originPattern = regexp.MustCompile(`^https?://[^\s/?#@]+$`)
	pairPattern   = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	assetPattern  = regexp.MustCompile(`^[A-Za-z0-9.]{1,16}$`)
	evmPattern    = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
)

var forms = map[string]form{
	"source": {"1 to 32 characters of a-z, 0-9 and -, the first and last no -", func(s string) bool {
		return len(s) <= 32 && sourcePattern.MatchString(s)
	}, nil},
	"agent": {"1 to 128 characters of a-z, 0-9, -, . and /, the first and last a letter or digit", func(s string) bool {
		return len(s) <= 128 && agentPattern.MatchString(s)
	}, nil},
	"jsonpath": {"a path such as $.result.XETHZUSD.c[0], of at most 256 characters", func(s string) bool {
		return len(s) <= 256 && jsonPattern.MatchString(s)
	}, nil},
	"feed": {"the 64 hex digits of a Pyth price feed, with or without 0x before them", feedPattern.MatchString, nil},
	"url": {"an http or https URL of at most 2048 characters", func(s string) bool {
		if len(s) > 2048 || !urlPattern.MatchString(s) {
			return false
		}
		u, err := url.Parse(s)
		return err == nil && u.Host != ""
	}, showURL},
	"origin": {"an https URL of a host (http on this machine only), without a path, of at most 256 characters", func(s string) bool {
		u, err := url.Parse(s)
		if err != nil || len(s) > 256 || !originPattern.MatchString(s) || u.Hostname() == "" {
			return false
		}
		return keepsSecrets(s)
	}, showURL},
	"pair":    {"a pair such as XETHZUSD, 1 to 32 letters and digits", pairPattern.MatchString, nil},
	"asset":   {"an asset code such as XETH, 1 to 16 letters, digits and points", assetPattern.MatchString, nil},
	"address": {"0x and 40 hex digits", evmPattern.MatchString, nil},
	"path":    {"a path", func(s string) bool { return s != "" && !strings.ContainsRune(s, 0) }, nil},
	"listen": {"an address such as 127.0.0.1:8080 or :8080", func(s string) bool {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return false
		}
		_, err = strconv.ParseUint(port, 10, 16)
		return err == nil
	}, nil},
}

// keepsSecrets says that what is sent to the URL can't be read on the way: by TLS, or because it does not leave the machine.
func keepsSecrets(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

func (r *reader) text(into reflect.Value, tag reflect.StructTag, path string, value any, found bool) {
	if !found {
		into.SetString(tag.Get("default"))
		if tag.Get("required") == "true" {
			r.problem(path, forms[tag.Get("form")].expected, show(nil), "")
		}
		return
	}
	text, isString := value.(string)
	expected, accepted, shown := "a string", isString, show(value)
	if choices, ok := tag.Lookup("oneof"); ok {
		expected = oneOf(strings.Fields(choices))
		accepted = isString && slices.Contains(strings.Fields(choices), text)
	} else if want, ok := forms[tag.Get("form")]; ok {
		expected = want.expected
		accepted = isString && want.accepts(text)
		if isString && want.show != nil {
			shown = want.show(text)
		}
	}
	if accepted {
		into.SetString(text)
		return
	}
	r.problem(path, expected, shown, refusedBecause(tag.Get("refused"), text))
}

// refusedBecause finds the reason for a value that other versions accept, in "value=reason;value=reason".
func refusedBecause(refused, text string) string {
	for each := range strings.SplitSeq(refused, ";") {
		if value, reason, ok := strings.Cut(each, "="); ok && value == text {
			return reason
		}
	}
	return ""
}

func sortedKeys(document map[string]any) []string {
	names := make([]string, 0, len(document))
	for name := range document {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
