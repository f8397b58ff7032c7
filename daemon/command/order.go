package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	folder = "commands"
	// The endings of an order, of its answer, and of a file on its way to become one of them.
	orderEnd, answerEnd, tempEnd = ".json", ".done", ".tmp"
	// maxOrder bounds what is read of a file, maxText what a person may write; in bytes.
	maxOrder, maxText = 16 << 10, 500
)

// Order is what a person orders: exactly one of Halt and Release.
type Order struct {
	// Halt is why the daemon is to end its ticking.
	Halt string `json:"halt,omitempty"`
	// Release ends such a halt and acknowledges an incident: the named one, or where none is named the one at hand.
	Release  bool   `json:"release,omitempty"`
	Incident string `json:"incident,omitempty"`

	name string
}

// Answer is what became of an order.
type Answer struct {
	// Done: it was carried out. Else nothing changed, and Text says what was expected and found.
	Done bool   `json:"done"`
	Text string `json:"text"`
}

// check says what is wrong with an order.
func (o *Order) check() error {
	switch {
	case (o.Halt != "") == o.Release:
		return errors.New("expected one of halt and release")
	case o.Incident != "" && !o.Release:
		return errors.New("expected no incident with a halt")
	}
	for _, text := range []string{o.Halt, o.Incident} {
		if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("expected at most %d bytes of text in one line, found %.*q", maxText, maxText, text)
		}
	}
	return nil
}

// parse reads an order: one JSON object, and nothing after it.
func parse(b []byte) (o Order, err error) {
	if len(b) > maxOrder {
		return o, fmt.Errorf("expected at most %d bytes", maxOrder)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Order{}, fmt.Errorf("expected an order as JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Order{}, errors.New("expected one order, found more after it")
	}
	if err := o.check(); err != nil {
		return Order{}, err
	}
	return o, nil
}
