package ledger

import (
	"bufio"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// packLevel is the zstd level of sealed segments: klauspost's "better", about zstd's 7. With one encoder at a time the
// same bytes give the same file.
const packLevel = zstd.SpeedBetterCompression

const (
	// packWindow bounds the memory that packing takes: a segment of the default size fits into it.
	packWindow = DefaultSegmentBytes
	// unpackWindow bounds what unpacking takes: any zstd unpacks a window of 8 MiB.
	unpackWindow = 8 << 20
)

// pack compresses the lines of a segment into one zstd frame with a checksum.
func pack(lines []byte) ([]byte, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(packLevel), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithWindowSize(packWindow),
		zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	packed := encoder.EncodeAll(lines, nil)
	return packed, encoder.Close()
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
