package oracle

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// path is a place in a JSON document: $.name, $['any name'] and $[0], in any depth. Nothing else of JSONPath is known.
type path struct {
	text  string
	steps []step
}

// step is a member by name, or an element by index where isIndex.
type step struct {
	name    string
	index   int
	isIndex bool
}

func parsePath(text string) (path, error) {
	p := path{text: text}
	rest, ok := strings.CutPrefix(text, "$")
	for ok && rest != "" {
		var s step
		if s, rest, ok = parseStep(rest); ok {
			p.steps = append(p.steps, s)
		}
	}
	if !ok || len(p.steps) == 0 {
		return path{}, fmt.Errorf("expected a path such as $.result.XETHZUSD.c[0], found %q", text)
	}
	return p, nil
}

// plainName are the characters of a name without quotes, maxIndexDigits the digits of an index: what the TauDaemon resource accepts.
const (
	plainName      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	maxIndexDigits = 9
)

func parseStep(text string) (s step, rest string, ok bool) {
	if inner, quoted := strings.CutPrefix(text, "['"); quoted {
		s.name, rest, ok = strings.Cut(inner, "']")
		return s, rest, ok && s.name != "" && !strings.Contains(s.name, "'")
	}
	if inner, bracket := strings.CutPrefix(text, "["); bracket {
		var digits string
		digits, rest, ok = strings.Cut(inner, "]")
		index, err := strconv.ParseUint(digits, 10, 31)
		s.index, s.isIndex = int(index), true
		return s, rest, ok && err == nil && len(digits) <= maxIndexDigits
	}
	inner, dot := strings.CutPrefix(text, ".")
	rest = strings.TrimLeft(inner, plainName)
	s.name = inner[:len(inner)-len(rest)]
	return s, rest, dot && s.name != ""
}

// text returns the string, or the digits of the number, at the path in a document that was decoded with UseNumber.
func (p path) textIn(document any) (string, error) {
	at := "$"
	for _, s := range p.steps {
		var found bool
		if s.isIndex {
			list, isArray := document.([]any)
			if !isArray {
				return "", fmt.Errorf("expected an array at %s, found %s", at, describe(document))
			}
			at += "[" + strconv.Itoa(s.index) + "]"
			if found = s.index < len(list); found {
				document = list[s.index]
			}
		} else {
			members, isObject := document.(map[string]any)
			if !isObject {
				return "", fmt.Errorf("expected an object at %s, found %s", at, describe(document))
			}
			at += "." + s.name
			document, found = members[s.name]
		}
		if !found {
			return "", fmt.Errorf("expected a value at %s, found nothing", at)
		}
	}
	switch v := document.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("expected a number or a string at %s, found %s", at, describe(document))
}

func describe(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}
