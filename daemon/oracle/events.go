package oracle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// events reads server-sent events (the event stream of the HTML standard) and calls each with the data of one, until the stream ends or each
// says why to stop. Comments and the fields event, id and retry are passed over; several data lines of an event are joined by line feeds, and an
// event that the stream's end cuts is dropped, as the standard says. A line, and an event, of more than MaxDocumentBytes ends it.
func events(r io.Reader, each func(data []byte) *remote.Failure) *remote.Failure {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), remote.MaxDocumentBytes)
	lines.Split(scanLines)
	var data []byte
	some := false
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if some {
				if failure := each(data); failure != nil {
					return failure
				}
			}
			data, some = data[:0], false
			continue
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		if string(name) != "data" {
			continue
		}
		if some {
			data = append(data, '\n')
		}
		data, some = append(data, bytes.TrimPrefix(value, []byte{' '})...), true
		if len(data) > remote.MaxDocumentBytes {
			return tooLong()
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return tooLong()
	case err != nil:
		return remote.Worded(err)
	}
	return &remote.Failure{Code: remote.Connect, Detail: "the server ended the stream", Passing: true}
}

func tooLong() *remote.Failure {
	return &remote.Failure{Code: remote.Size, Detail: fmt.Sprintf("expected at most %d bytes an event, found more", remote.MaxDocumentBytes)}
}

// scanLines splits at CR LF, LF and CR, as event streams may. A CR at the end of what has come so far waits for what follows it.
func scanLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	case i+1 == len(data) && !atEOF:
		return 0, nil, nil // a LF may follow
	}
	return i + 1, data[:i], nil
}
