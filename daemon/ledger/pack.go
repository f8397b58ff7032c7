package ledger

import (
	"bufio"
	"hash"
	"io"
	"math/bits"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// packLevel is the zstd level of sealed segments: klauspost's "better", about zstd's 7. With one encoder at a time the
// same bytes give the same file.
const packLevel = zstd.SpeedBetterCompression

const (
	// packWindowBits bound the window, and so the memory that packing takes: a segment of the default size fits into it, and a shorter one has a
	// shorter window.
	packWindowBits, packWindowBitsMin = 22, 16
	// unpackWindow bounds what unpacking takes: any zstd unpacks a window of 8 MiB.
	unpackWindow = 8 << 20
)

// packers keep the encoders of short segments, which follow each other fast, for the next one; by the window's bits. That of a segment of the default
// size is not kept: it is needed again in hours, and takes 10 MiB.
var packers [packWindowBits]sync.Pool

// pack compresses the lines of a segment into one zstd frame with a checksum.
func pack(lines []byte) ([]byte, error) {
	window := min(max(bits.Len(uint(len(lines))), packWindowBitsMin), packWindowBits)
	if window < packWindowBits {
		if encoder, ok := packers[window].Get().(*zstd.Encoder); ok {
			defer packers[window].Put(encoder)
			return encoder.EncodeAll(lines, nil), nil
		}
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(packLevel), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithWindowSize(1<<window),
		zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	if window < packWindowBits {
		defer packers[window].Put(encoder)
	}
	return encoder.EncodeAll(lines, nil), nil
}

// unpackError is damage in a compressed file.
type unpackError struct{ err error }

func (e *unpackError) Error() string { return e.err.Error() }
func (e *unpackError) Unwrap() error { return e.err }

// openPacked opens a compressed file for reading its lines. sum, when not nil, takes the file's bytes.
func openPacked(path string, sum hash.Hash) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &packedFile{file: f}
	var in io.Reader = &readErrors{f, p}
	if sum != nil {
		in = io.TeeReader(in, sum)
	}
	p.in = bufio.NewReaderSize(in, 256<<10)
	p.decoder, err = zstd.NewReader(p.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(unpackWindow))
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

type packedFile struct {
	file    *os.File
	in      *bufio.Reader
	decoder *zstd.Decoder
	failed  error // the file system's error, which is no damage
}

// readErrors remembers an error of the file itself, so that it isn't taken for damage.
type readErrors struct {
	f *os.File
	p *packedFile
}

func (r *readErrors) Read(b []byte) (int, error) {
	n, err := r.f.Read(b)
	if err != nil && err != io.EOF {
		r.p.failed = err
	}
	return n, err
}

func (p *packedFile) Read(b []byte) (int, error) {
	n, err := p.decoder.Read(b)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case p.failed != nil:
		return n, p.failed
	}
	return n, &unpackError{err}
}

func (p *packedFile) Close() error {
	p.decoder.Close()
	return p.file.Close()
}
