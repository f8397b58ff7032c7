package config

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lineIndex maps each key of a document, written as its full path (oracle.sources[0].http.url), to the line on which it stands. go-toml's
// decoder gives positions for keys it does not know, but not for values that we find out of bounds.
type lineIndex map[string]int

// indexLines reads a document that the decoder has accepted; on one that it has not, the index ends at the error.
func indexLines(document []byte) lineIndex {
	ix := indexer{lines: lineIndex{}, elements: map[string]int{}, document: document}
	var p unstable.Parser
	p.Reset(document)
	table := ""
	for p.NextExpression() {
		switch node := p.Expression(); node.Kind {
		case unstable.Table:
			table = ix.key("", node.Key(), false)
		case unstable.ArrayTable:
			table = ix.key("", node.Key(), true)
		case unstable.KeyValue:
			ix.keyValue(table, node)
		default: // comments, which the parser drops
		}
	}
	return ix.lines
}

type indexer struct {
	lines    lineIndex
	elements map[string]int // how many elements each array of tables has so far
	document []byte
}

// key records the parts of a (dotted) key below prefix and returns its path. A part that names an array of tables stands for its last
// element; the last part of an array table's own header begins a new one.
func (ix indexer) key(prefix string, parts unstable.Iterator, newElement bool) string {
	path := prefix
	for parts.Next() {
		part := parts.Node()
		path = join(path, string(part.Data))
		line := 1 + bytes.Count(ix.document[:part.Raw.Offset], []byte{'\n'})
		ix.record(path, line)
		if newElement && parts.IsLast() {
			ix.elements[path]++
		}
		if n := ix.elements[path]; n > 0 {
			path = element(path, n-1)
			ix.record(path, line)
		}
	}
	return path
}

func (ix indexer) record(path string, line int) {
	if _, seen := ix.lines[path]; !seen {
		ix.lines[path] = line
	}
}

func (ix indexer) keyValue(table string, node *unstable.Node) {
	path := ix.key(table, node.Key(), false)
	ix.value(path, ix.lines[path], node.Value())
}

func (ix indexer) value(path string, line int, node *unstable.Node) {
	switch node.Kind {
	case unstable.InlineTable:
		for children := node.Children(); children.Next(); {
			ix.keyValue(path, children.Node())
		}
	case unstable.Array:
		for i, children := 0, node.Children(); children.Next(); i++ {
			ix.record(element(path, i), line)
			ix.value(element(path, i), line, children.Node())
		}
	default: // scalars hold no keys
	}
}

func join(path, key string) string {
	if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}
