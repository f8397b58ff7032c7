package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

func specCommand() *cobra.Command {
	c := &cobra.Command{Use: "spec", Short: "Check, run and prove Tau specs"}
	c.AddCommand(specCheckCommand(), specRunCommand(), specProveCommand())
	return c
}

// checkedSpec is what check says of one file.
type checkedSpec struct {
	File string `json:"file"`
	Good bool   `json:"good"`
	// Findings are the reasons of a refusal, each with its place.
	Findings []string     `json:"findings,omitempty"`
	Lookback int          `json:"lookback"`
	Inputs   []specStream `json:"inputs,omitempty"`
	Outputs  []specStream `json:"outputs,omitempty"`
	// Engines that run it, with the protocols of the real binary.
	Engines []string `json:"engines,omitempty"`
}

// specStream is a stream as check prints it; Path is "" for the console.
type specStream struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Path string `json:"path"`
}

func specCheckCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "check FILE...", Short: "Say of each spec what it reads and writes and which engines run it, or why it is refused", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			var list []checkedSpec
			refused := 0
			for _, f := range files {
				s, err := checkSpec(f)
				if err != nil {
					return err
				}
				if !s.Good {
					refused++
				}
				list = append(list, s)
			}
			if err := printChecked(c.OutOrStdout(), list, asJSON); err != nil {
				return err
			}
			if refused > 0 {
				return wrongError{fmt.Errorf("%d of %d specs refused", refused, len(files))}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// checkSpec reads and checks one spec. An error is that it could not be read; a refusal is a result.
func checkSpec(file string) (checkedSpec, error) {
	s := checkedSpec{File: file}
	src, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	info, err := lang.Validate(file, src)
	if err != nil {
		for _, f := range lang.Findings(err) {
			s.Findings = append(s.Findings, f.Error())
		}
		if s.Findings == nil {
			s.Findings = []string{err.Error()}
		}
		return s, nil
	}
	s.Good, s.Lookback, s.Inputs, s.Outputs = true, info.Lookback, specStreams(info.Inputs), specStreams(info.Outputs)
	s.Engines = []string{"embedded", "tau (session, file)"}
	wide := func(s lang.Stream) bool { return s.Bits > 0 }
	if slices.ContainsFunc(info.Inputs, wide) || slices.ContainsFunc(info.Outputs, wide) {
		// The binary blasts bit-vectors of a spec file into bits and hangs; its REPL compares them as numbers.
		s.Engines[1] = "tau (session and file, through its REPL: bit-vectors)"
	}
	return s, nil
}

func printChecked(w io.Writer, list []checkedSpec, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	for _, s := range list {
		if !s.Good {
			fmt.Fprintf(w, "%s: refused\n", s.File)
			for _, f := range s.Findings {
				fmt.Fprintln(w, f)
			}
			continue
		}
		fmt.Fprintf(w, "%s: good, look-back %d, engines %s\n", s.File, s.Lookback, strings.Join(s.Engines, ", "))
		for _, side := range []struct {
			name    string
			streams []specStream
		}{{"in", s.Inputs}, {"out", s.Outputs}} {
			for _, st := range side.streams {
				path := st.Path
				if path == "" {
					path = "console"
				}
				fmt.Fprintf(w, "  %-3s %-20s %-6s %s\n", side.name, st.Name, st.Type, path)
			}
		}
	}
	return nil
}

func specStreams(streams []lang.Stream) []specStream {
	list := make([]specStream, len(streams))
	for i, s := range streams {
		list[i] = specStream{s.Name, "sbf", s.Path}
		if s.Bits > 0 {
			list[i].Type = fmt.Sprintf("bv[%d]", s.Bits)
		}
	}
	return list
}

func specRunCommand() *cobra.Command {
	var inputs string
	c := &cobra.Command{
		Use: "run SPEC.tau --inputs FILE.csv", Short: "Run a spec in the embedded engine on the rows of a CSV file", Args: cobra.ExactArgs(1),
		Long: "Run a spec in the embedded engine. The CSV file has a header of all input streams' names and one row an input line, in decimal.\n" +
			"Standard output gets a header of the output streams in the order of their declarations and one row an output row, the initial rows first.",
		RunE: func(c *cobra.Command, args []string) error {
			src, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			p, err := lang.Load(args[0], src)
			if err != nil {
				return wrongError{err}
			}
			f, err := os.Open(inputs)
			if err != nil {
				return err
			}
			defer f.Close()
			return runSpec(p, inputs, f, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&inputs, "inputs", "", "the CSV file of the inputs")
	if err := c.MarkFlagRequired("inputs"); err != nil {
		panic(err) // the flag is defined in the line above
	}
	return c
}

// runSpec steps the program over the rows of r, which is named for messages, and writes its rows to w.
func runSpec(p *lang.Program, name string, r io.Reader, w io.Writer) error {
	info, m, rows, out := p.Info(), p.NewMachine(), csv.NewReader(r), csv.NewWriter(w)
	columns, err := header(info, name, rows)
	if err != nil {
		return err
	}
	names := make([]string, len(info.Outputs))
	for i, s := range info.Outputs {
		names[i] = s.Name
	}
	out.Write(names) // the writer keeps its first error for the end
	values := make([]uint64, len(info.Outputs))
	for _, row := range p.InitialRows() {
		out.Write(texts(row))
	}
	in := make([]uint64, len(info.Inputs))
	for columns != nil {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(flushed(out), fmt.Errorf("%s: %w", name, err))
		}
		line, _ := rows.FieldPos(0)
		for c, at := range columns {
			if in[at], err = strconv.ParseUint(row[c], 10, 64); err != nil {
				return errors.Join(flushed(out), fmt.Errorf("%s:%d: input %s: expected a decimal number, found %q", name, line, info.Inputs[at].Name, row[c]))
			}
		}
		if err := m.Step(in, values); err != nil {
			return errors.Join(flushed(out), fmt.Errorf("%s:%d: %w", name, line, err))
		}
		out.Write(texts(values))
	}
	return flushed(out)
}

// flushed writes out what is complete, also before an error: those rows are good.
func flushed(w *csv.Writer) error {
	w.Flush()
	return w.Error()
}

// header reads the first row: for each column the input that it holds. nil means that there is no input and no row.
func header(info lang.Info, name string, rows *csv.Reader) ([]int, error) {
	row, err := rows.Read()
	if errors.Is(err, io.EOF) && len(info.Inputs) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: expected a header of the input streams' names: %w", name, err)
	}
	var columns []int
	for _, column := range row {
		at := slices.IndexFunc(info.Inputs, func(s lang.Stream) bool { return s.Name == column })
		if at < 0 || slices.Contains(columns, at) {
			return nil, fmt.Errorf("%s:1: expected each of the input streams %s once, found %q", name, streamNames(info.Inputs), column)
		}
		columns = append(columns, at)
	}
	if len(columns) < len(info.Inputs) {
		return nil, fmt.Errorf("%s:1: expected the %d input streams %s, found %d", name, len(info.Inputs), streamNames(info.Inputs), len(columns))
	}
	return columns, nil
}

func streamNames(streams []lang.Stream) string {
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

func texts(row []uint64) []string {
	list := make([]string, len(row))
	for i, v := range row {
		list[i] = strconv.FormatUint(v, 10)
	}
	return list
}
