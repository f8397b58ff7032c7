package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestParseFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string // part of the error; empty: accepted
	}{
		"a file and its path":          {[]string{"bin/taud=/taud"}, ""},
		"a path in a folder":           {[]string{"bin/taud=/usr/bin/taud"}, ""},
		"no path is refused":           {[]string{"bin/taud"}, "expected FILE=/path/in/image"},
		"no file is refused":           {[]string{"=/taud"}, "expected FILE=/path/in/image"},
		"a relative path is refused":   {[]string{"bin/taud=taud"}, "expected an absolute path"},
		"a path with .. is refused":    {[]string{"bin/taud=/../taud"}, "expected an absolute path"},
		"the root is refused":          {[]string{"bin/taud=/"}, "expected an absolute path"},
		"the same path is refused":     {[]string{"a=/taud", "b=/taud"}, "/taud is in the image already"},
		"two paths of one file are ok": {[]string{"a=/taud", "a=/manager"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := parseFiles(tc.args)
			switch {
			case tc.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.want == "" && len(files) != len(tc.args):
				t.Fatalf("%d files, expected %d", len(files), len(tc.args))
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("error %v, expected one with %q", err, tc.want)
			}
		})
	}
}

// The image is read back by the library that reads it for a registry, not by what wrote it.
func TestImageHoldsTheFilesAndRunsAsNonRoot(t *testing.T) {
	dir := t.TempDir()
	from, out := filepath.Join(dir, "binary"), filepath.Join(dir, "image.tar")
	if err := os.WriteFile(from, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{out, "localhost/test:v1", from + "=/taud", from + "=/manager"}); err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || len(config.Config.Entrypoint) != 1 || config.Config.Entrypoint[0] != "/taud" {
		t.Errorf("user %q, entrypoint %q", config.Config.User, config.Config.Entrypoint)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, error %v; expected one", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	for r, i := tar.NewReader(content), 0; i < 2; i++ {
		header, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if want := []string{"taud", "manager"}[i]; err != nil || header.Name != want || header.Mode != 0o555 || string(b) != "content" {
			t.Errorf("entry %d: %s mode %o content %q error %v; expected %s", i, header.Name, header.Mode, b, err, want)
		}
	}
}

func TestEqualFilesGiveAnEqualImage(t *testing.T) {
	dir := t.TempDir()
	var images [2][]byte
	for i := range images {
		from, out := filepath.Join(dir, "binary"), filepath.Join(dir, "image.tar")
		_ = os.Remove(from)
		// Other times and other modes must not show.
		if err := os.WriteFile(from, []byte("content"), []os.FileMode{0o600, 0o755}[i]); err != nil {
			t.Fatal(err)
		}
		if err := run([]string{out, "localhost/test:v1", from + "=/taud"}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		images[i] = b
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("the two archives differ")
	}
}
