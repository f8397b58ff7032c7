package lease

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// besideProof is what a message keeps, in bytes, before the proof is left out for it.
const besideProof = 512

// encode gives the report as JSON of at most v1alpha1.MaxReportBytes. Where it is longer, the message's end goes first, then the proof, which the operator
// then waits for, then the rest of the message. It fails if what is left is too long.
func encode(r v1alpha1.Report) (string, error) {
	if r.Proof != nil {
		if s, _, err := fit(r, besideProof); s != "" || err != nil {
			return s, err
		}
		r.Proof = nil
	}
	s, length, err := fit(r, 0)
	if err == nil && s == "" {
		err = fmt.Errorf("report: expected at most %d bytes, found %d without its message", v1alpha1.MaxReportBytes, length)
	}
	return s, err
}

// fit cuts the message's end where needed, but keeps so many bytes of it. If that is not enough, it gives "" and the length that was reached.
func fit(r v1alpha1.Report, least int) (string, int, error) {
	b, err := marshal(r)
	if err != nil || len(b) <= v1alpha1.MaxReportBytes {
		return string(b), len(b), err
	}
	const ellipsis = "…"
	// Every byte of the message takes at least one of the encoding, so cutting the excess is always enough.
	keep := len(r.Message) - (len(b) - v1alpha1.MaxReportBytes) - len(ellipsis)
	if keep < least {
		keep = min(least, len(r.Message))
	}
	for keep > 0 && keep < len(r.Message) && !utf8.RuneStart(r.Message[keep]) {
		keep--
	}
	switch {
	case keep == len(r.Message):
	case keep > 0:
		r.Message = r.Message[:keep] + ellipsis
	default:
		r.Message = ""
	}
	if b, err = marshal(r); err != nil || len(b) > v1alpha1.MaxReportBytes {
		return "", len(b), err
	}
	return string(b), len(b), nil
}

func marshal(r v1alpha1.Report) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// urgent reports whether an operator, or a person, waits for what changed since the report that was sent last.
func urgent(sent *v1alpha1.Report, next v1alpha1.Report) bool {
	if sent == nil {
		return true
	}
	if next.Draining && next.Position.Quantity != sent.Position.Quantity {
		// The operator scales down, or lets the resource go, when a drained position is flat.
		return true
	}
	return sent.Phase != next.Phase ||
		sent.Reason != next.Reason ||
		sent.Healthy != next.Healthy ||
		sent.Quarantine.Active != next.Quarantine.Active ||
		sent.Quarantine.Incident != next.Quarantine.Incident ||
		sent.Quarantine.Release != next.Quarantine.Release ||
		sent.Acknowledged != next.Acknowledged ||
		sent.Draining != next.Draining ||
		next.Draining && sent.OpenIntent != next.OpenIntent
}

// commandsOf reads the operator's annotation; none is no command.
func commandsOf(annotations map[string]string) (v1alpha1.Commands, error) {
	var c v1alpha1.Commands
	s, ok := annotations[v1alpha1.AnnotationCommands]
	if !ok {
		return c, nil
	}
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		return v1alpha1.Commands{}, fmt.Errorf("annotation %s: expected commands as JSON, found %.100q: %w", v1alpha1.AnnotationCommands, s, err)
	}
	return c, nil
}
