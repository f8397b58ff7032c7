package double

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// Version is what the double prints for --version unless TAU_DOUBLE_VERSION says something else.
const Version = "0.7.0-alpha (double)"

// NoRaceDelay belongs into the environment of a double that is built with -race: without it such a process waits a second
// before it ends.
const NoRaceDelay = "GORACE=atexit_sleep_ms=0"

// Asked says whether this process was started to be the double.
func Asked() bool { return os.Getenv("TAU_DOUBLE") == "1" }

// Path is the path under which a test binary whose TestMain asks for it is the double.
func Path() (string, error) { return os.Executable() }

// Main is the double's main function. args are the arguments after the program's name; the result is the exit code.
func Main(args []string) int {
	p, err := readPlan()
	if err != nil {
		fmt.Fprintln(os.Stderr, "(Error) taudouble:", err)
		return 2
	}
	switch {
	case len(args) == 1 && args[0] == "--version":
		return version(&p)
	case len(args) > 0 && !strings.HasPrefix(args[0], "-"):
		return specFile(&p, args[0])
	default:
		return interactive(&p)
	}
}

func version(p *plan) int {
	if p.fires(NoVersion) {
		hang()
	}
	text := os.Getenv("TAU_DOUBLE_VERSION")
	if text == "" {
		text = Version
	}
	fmt.Println(text)
	return 0
}

// wordsInBranches finds conditionals in a spec with bit-vectors.
var wordsInBranches = regexp.MustCompile(`(?s):\s*bv\[.*\?`)

func specFile(p *plan, path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Invalid command or file not exists: "+path)
		return 1
	}
	if wordsInBranches.Match(text) {
		hang()
	}
	return exitCode(1, run(p, string(text)))
}

// interactive reads a command a line.
func interactive(p *plan) int {
	var decls strings.Builder
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lang.MaxSource)
	for lines.Scan() {
		switch line := strings.TrimSpace(lines.Text()); {
		case line == "q":
			return 0
		case strings.HasPrefix(line, "run always "):
			code := exitCode(0, run(p, decls.String()+strings.TrimPrefix(line, "run ")+"\n"))
			fmt.Print("continue? [Enter]/[q]: ")
			return code
		case strings.Contains(line, ":="):
			decls.WriteString(line + "\n")
		case line != "":
			fmt.Printf("(Error) [repl] Syntax Error: Unexpected '%s' at 1:1 (1):\n", line[:1])
		}
	}
	return 0
}

// earlyError is what goes wrong before the first row; only then, and only in a spec file, the exit code tells.
type earlyError struct{ error }

func exitCode(early int, err error) int {
	if err == nil {
		return 0
	}
	fmt.Println("(Error)", err)
	var e earlyError
	if errors.As(err, &e) {
		return early
	}
	return 0
}

// abort ends as the binary's failed assertions do, code 134 as a shell reports it.
func abort() {
	fmt.Fprintln(os.Stderr, "terminate called after throwing an instance of 'std::logic_error'")
	os.Exit(134)
}
