package config

import (
	"io/fs"
	"os"
)

// CheckFiles looks whether the files that the configuration names are there: the kernel's spec, recorded series, and the folder of the
// supporting specs where the file names one. The error joins one *Error for each that is not.
func (c *Config) CheckFiles() error {
	r := &reader{file: c.file, lines: c.lines, bad: map[string]bool{}}
	r.needFile("paths.kernel_spec", c.Paths.KernelSpec)
	if c.Engine.Type == EngineTau || c.Engine.Type == EngineBoth {
		r.needFile("paths.tau_bin", c.Paths.TauBin)
	}
	if c.given["paths.specs_root"] {
		if info, err := os.Stat(c.Paths.SpecsRoot); err != nil || !info.IsDir() {
			r.problem("paths.specs_root", "a folder at "+c.Paths.SpecsRoot, found(info, err), "")
		}
	}
	for i, s := range c.Oracle.Sources {
		if s.Replay != nil && s.Replay.File != "" {
			r.needFile(element("oracle.sources", i)+".replay.file", s.Replay.File)
		}
	}
	return joinErrors(r.problems)
}

func (r *reader) needFile(key, path string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		file, openErr := os.Open(path)
		if openErr == nil {
			_ = file.Close() // Nothing was written, so there is nothing to lose.
			return
		}
		err = openErr
	}
	r.problem(key, "a readable file at "+path, found(info, err), "")
}

func found(info fs.FileInfo, err error) string {
	switch {
	case os.IsNotExist(err):
		return "none"
	case os.IsPermission(err):
		return "one without permission to read it"
	case err != nil:
		return "an error (" + err.Error() + ")"
	}
	return kindOf(info)
}

func kindOf(info fs.FileInfo) string {
	switch {
	case info.IsDir():
		return "a folder"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "a special file"
}
