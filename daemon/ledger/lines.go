package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"sync"
)

// readBuffer holds the longest record and its LF, and is big enough to make reads few.
const readBuffer = 256 << 10

// errLongLine: there is no LF within readBuffer bytes.
var errLongLine = errors.New("a line that is too long")

// lineReader gives the lines of a segment one after the other, in place. Before each of them its buffer has a byte to spare, so that the leaf hash, which is over
// a zero and the line, is computed without a copy of the line.
type lineReader struct {
	in       io.Reader
	buf      []byte
	from, to int // what is read and not yet given lies in buf[from:to]; from is at least 1
	err      error
}

// lineReaders keeps the buffers: a verification reads one segment after the other.
var lineReaders = sync.Pool{New: func() any { return &lineReader{buf: make([]byte, 1+readBuffer)} }}

// newLineReader returns a reader for readSegment, to be given back with release when no line of it is in use any more.
func newLineReader(in io.Reader) (lines *lineReader, release func()) {
	lines = lineReaders.Get().(*lineReader)
	lines.reset(in)
	return lines, func() {
		lines.reset(nil)
		lineReaders.Put(lines)
	}
}

// reset begins with another segment.
func (l *lineReader) reset(in io.Reader) { l.in, l.from, l.to, l.err = in, 1, 1, nil }

// next returns the next line with its LF, or what is left without one and the error that ended it: io.EOF, errLongLine, or the reader's. It is valid
// until the next call.
func (l *lineReader) next() ([]byte, error) {
	for seen := l.from; ; {
		if i := bytes.IndexByte(l.buf[seen:l.to], '\n'); i >= 0 {
			line := l.buf[l.from : seen+i+1]
			l.from = seen + i + 1
			return line, nil
		}
		if l.err != nil {
			rest := l.buf[l.from:l.to]
			l.from = l.to
			return rest, l.err
		}
		if l.from > 1 {
			copy(l.buf[1:], l.buf[l.from:l.to])
			l.from, l.to = 1, l.to-l.from+1
		}
		if l.to == len(l.buf) {
			return l.buf[l.from:l.to], errLongLine
		}
		seen = l.to
		n, err := l.in.Read(l.buf[l.to:])
		l.to += n
		l.err = err
	}
}

// leaf is the leaf hash of the line that next gave last, without its LF. It takes the byte before the line, which is that of the one before.
func (l *lineReader) leaf(length int) Hash {
	begin := l.from - length - 2 // the zero, the line, the LF
	l.buf[begin] = 0
	return sha256.Sum256(l.buf[begin : l.from-1])
}
