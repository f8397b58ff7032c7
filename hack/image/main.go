package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// user is the image's user and group: "nonroot" by the convention of the distroless images.
const user = "65532:65532"

// file is one file of the image: where it comes from and its absolute path in the image.
type file struct{ from, to string }

// parseFiles reads FILE=/path arguments; every path must be absolute, clean and unique.
func parseFiles(args []string) ([]file, error) {
	seen := map[string]bool{}
	files := make([]file, 0, len(args))
	for _, arg := range args {
		from, to, ok := strings.Cut(arg, "=")
		switch {
		case !ok || from == "":
			return nil, fmt.Errorf("%q: expected FILE=/path/in/image", arg)
		case !path.IsAbs(to) || path.Clean(to) != to || to == "/":
			return nil, fmt.Errorf("%q: expected an absolute path without . or .. after '=', found %q", arg, to)
		case seen[to]:
			return nil, fmt.Errorf("%q: %s is in the image already", arg, to)
		}
		seen[to] = true
		files = append(files, file{from, to})
	}
	return files, nil
}

// layer is an uncompressed tar of the files, executable and read-only, with all that varies between machines left out.
func layer(files []file) ([]byte, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return nil, err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.to, "/"), Mode: 0o555, Size: int64(len(content)), Format: tar.FormatPAX}
		if err := tw.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", f.to, err)
		}
		if _, err := tw.Write(content); err != nil {
			return nil, fmt.Errorf("%s: %w", f.to, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// build makes the image in memory.
func build(files []file) (v1.Image, error) {
	content, err := layer(files)
	if err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	base, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := base.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Entrypoint = []string{files[0].to}
	config.Config.User = user
	return mutate.ConfigFile(img, config)
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: image OUT.tar NAME FILE=/path/in/image [FILE=/path ...]")
	}
	ref, err := name.NewTag(args[1], name.StrictValidation)
	if err != nil {
		return fmt.Errorf("image name %q: expected REGISTRY/NAME:TAG: %w", args[1], err)
	}
	files, err := parseFiles(args[2:])
	if err != nil {
		return err
	}
	img, err := build(files)
	if err != nil {
		return err
	}
	// Renamed at the end: whoever reads OUT never sees half an archive.
	tmp := args[0] + ".tmp"
	defer os.Remove(tmp)
	if err := tarball.WriteToFile(tmp, ref, img); err != nil {
		return err
	}
	if err := os.Rename(tmp, args[0]); err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s %s\n", args[0], ref, digest)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(2)
	}
}
