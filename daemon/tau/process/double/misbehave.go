package double

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// faultyRow does what the plan orders for this tick instead of writing the row; done says that nothing is left to
// write.
func (r *runner) faultyRow(tick int, row []uint64) (done bool, err error) {
	last := len(row) - 1
	text := make([]string, len(row))
	for o, v := range row {
		text[o] = strconv.FormatUint(v, 10) + "\n"
	}
	if r.plan.tick != tick {
		return false, nil
	}
	switch {
	case r.fires(ErrorText):
		return true, errors.New("[sbf] Syntax Error: Unexpected '2' at 1:1 (1): 2")
	case r.fires(Exit):
		return true, io.EOF
	case r.fires(Hang):
		hang()
	case r.fires(OrphanedKill):
		leaveOrphan()
		hang()
	case r.fires(Die):
		err := r.puts(text[:len(text)/2])
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		return true, err
	case r.fires(HalfHang):
		if err := r.puts(text[:last]); err != nil {
			return true, err
		}
		hang()
	case r.fires(Late):
		time.Sleep(r.arg)
		return false, nil
	case r.fires(Chatter):
		_, err := os.Stdout.WriteString(strings.Repeat("no news is good news\n", 50_000))
		return false, err
	case r.fires(Symbol):
		text[0] = "e s' y\n"
	case r.fires(Garbage):
		text[0] = "\x00\xff\x1b[31m\n"
	case r.fires(Endless):
		text[0] = strings.Repeat("1", 4000)
	case r.fires(Range):
		text[0] = strconv.FormatUint(r.info.Outputs[0].Max(), 10) + "9\n"
	case r.fires(EmptyLine):
		text[0] = "\n"
	case r.fires(LeadingZero):
		text[0] = "0" + text[0]
	case r.fires(Twice):
		text[last] += text[last]
	case r.fires(Missing):
		text[0] = ""
	case r.fires(CutLine):
		text[last] = strings.TrimSuffix(text[last], "\n")
		return true, errors.Join(r.puts(text), io.EOF)
	case r.fires(WrongMirror):
		for o := range row {
			if _, ok := r.mirrors[o]; ok {
				text[o] = strconv.FormatUint(r.info.Outputs[o].Max()-row[o], 10) + "\n"
			}
		}
	case r.fires(WrongAnswer):
		for o := range row {
			if _, ok := r.mirrors[o]; !ok {
				text[o] = strconv.FormatUint(r.info.Outputs[o].Max()-row[o], 10) + "\n"
				break
			}
		}
	default:
		return false, nil
	}
	return true, r.puts(text)
}

// after does what the plan orders once the row is out.
func (r *runner) after(tick int, row []uint64) error {
	last := len(row) - 1
	switch {
	case r.firesAt(ExitAfter, tick):
		return io.EOF
	case r.firesAt(ErrorAfter, tick):
		fmt.Println("(Error) something went wrong")
		hang()
	case r.firesAt(ExtraLater, tick):
		time.Sleep(20 * time.Millisecond)
		return r.put(last, "0\n")
	}
	return nil
}

func (r *runner) puts(text []string) error {
	for o, t := range text {
		if t == "" {
			continue
		}
		if err := r.put(o, t); err != nil {
			return err
		}
	}
	return nil
}
