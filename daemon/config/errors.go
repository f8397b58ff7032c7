package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one thing wrong in a configuration file. Its text is one line.
type Error struct {
	// File as it was named to Parse or Load.
	File string
	// Line in it, from 1; 0 where there is none, as for a missing table.
	Line int
	// Key as a full path, such as oracle.sources[0].http.url; empty for a file that is no TOML.
	Key string
	// Expected and Found, in words.
	Expected, Found string
	// Reason why, or what to do, where the rest does not say it.
	Reason string
}

// Error returns file:line: key: expected, found.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	fmt.Fprintf(&b, ": expected %s, found %s", e.Expected, e.Found)
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	return b.String()
}

// joinErrors returns nil for none, and else all of them in the order of their lines.
func joinErrors(problems []*Error) error {
	slices.SortStableFunc(problems, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	all := make([]error, len(problems))
	for i, e := range problems {
		all[i] = e
	}
	return errors.Join(all...)
}

// show prints a decoded TOML value on one line, short.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		const longest = 80
		if len(v) > longest {
			v = strings.ToValidUTF8(v[:longest], "") + "..."
		}
		if !utf8.ValidString(v) {
			v = strings.ToValidUTF8(v, "\uFFFD")
		}
		return strconv.Quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eni") {
			text += ".0"
		}
		return "the float " + text
	case map[string]any:
		return "a table"
	case []any:
		return "an array"
	}
	return fmt.Sprint(value)
}

// showURL is show without what may be a credential: user, password and query.
func showURL(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i] + "..."
	}
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "", url
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "..." + rest[i:]
	}
	return show(scheme + rest)
}

// oneOf words a choice: "a", "b" or "c".
func oneOf(choices []string) string {
	var b strings.Builder
	for i, c := range choices {
		switch {
		case i == 0:
		case i == len(choices)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(c))
	}
	return b.String()
}
