package vectors

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Parts are what of an answer is compared, in the order in which differences are
// told.
func Parts() []string {
	return []string{"result", "errorCode", "missingControls", "session", "policies"}
}

// Main is the runner as a program: its arguments after the name, what it prints,
// and its exit code: 0 when every answer is as expected, 1 when one differs, 2
// when nothing can be run.
func Main(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	engine := flags.String("engine", "", "the `command` that answers, with its arguments, split at spaces")
	parts := flags.String("compare", strings.Join(Parts(), ","), "which `parts` of an answer must be as expected")
	within := flags.Duration("timeout", 5*time.Minute, "how long the engine may take for all vectors")
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: run -engine './my-engine' [file ...]\nWithout files all of them are run.\n")
		flags.PrintDefaults()
	}
	if flags.Parse(args) != nil {
		return 2
	}
	all, err := selected(flags.Args())
	if err == nil && len(strings.Fields(*engine)) == 0 {
		err = fmt.Errorf("-engine is missing; name the command that answers")
	}
	chosen := strings.Split(*parts, ",")
	for _, p := range chosen {
		if err == nil && !slices.Contains(Parts(), p) {
			err = fmt.Errorf("-compare holds %q; valid are %s", p, strings.Join(Parts(), ", "))
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	ctx, stop := context.WithTimeout(context.Background(), *within)
	defer stop()
	program := exec.CommandContext(ctx, strings.Fields(*engine)[0], strings.Fields(*engine)[1:]...)
	program.Stderr, program.WaitDelay = stderr, time.Second
	differ, err := Run(program, all, chosen, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, cmp.Or(context.Cause(ctx), err))
		return 2
	case differ > 0:
		return 1
	}
	return 0
}

func selected(names []string) (all []Vector, err error) {
	if len(names) == 0 {
		return All()
	}
	for _, name := range names {
		some, err := File(name)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// Run starts a program, writes it the vectors, one a line and without what is
// expected, and reads an answer a line, in the same order. It prints which
// answers differ, in which of the parts, and returns how many do. It fails when
// the program cannot be started or ends before it has answered all.
func Run(program *exec.Cmd, all []Vector, parts []string, out io.Writer) (differ int, err error) {
	in, err := program.StdinPipe()
	if err != nil {
		return 0, err
	}
	answers, err := program.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := program.Start(); err != nil {
		return 0, err
	}
	go ask(in, all)
	lines := bufio.NewReader(answers)
	for i, v := range all {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) == 0 && err != nil {
			_ = in.Close() // it has ended, or is to
			return differ, fmt.Errorf("the engine ended after %d of %d answers: %w", i, len(all), cmp.Or(program.Wait(), err))
		}
		if found := differences(v, line, parts); len(found) > 0 {
			differ++
			fmt.Fprintf(out, "%s: %s\n  %s\n", v.ID, v.Title, strings.Join(found, "\n  "))
		}
	}
	fmt.Fprintf(out, "%d vectors, %d as expected, %d differ\n", len(all), len(all)-differ, differ)
	return differ, program.Wait()
}

// ask writes the questions. An error means that the engine has ended, which the
// reader sees too.
func ask(to io.WriteCloser, all []Vector) {
	defer func() { _ = to.Close() }()
	for _, v := range all {
		v.Expected = nil
		line, err := json.Marshal(v)
		if err == nil {
			_, err = to.Write(append(line, '\n'))
		}
		if err != nil {
			return
		}
	}
}

// differences compares a line that an engine wrote with what is expected.
func differences(v Vector, line []byte, parts []string) []string {
	var got Answer
	if err := json.Unmarshal(line, &got); err != nil {
		return []string{fmt.Sprintf("the answer is no JSON object as README.md describes it: %v", err)}
	}
	if got.ID != "" && got.ID != v.ID {
		return []string{fmt.Sprintf("the answer is to %s; answers must come in the order of the vectors", got.ID)}
	}
	return Compare(got, *v.Expected, parts)
}

// Compare lists in which of the parts two answers differ, a line each.
func Compare(got, want Answer, parts []string) (found []string) {
	a, b := byPart(got), byPart(want)
	for _, part := range parts {
		if reflect.DeepEqual(a[part], b[part]) {
			continue
		}
		had, _ := encode(a[part])
		wanted, _ := encode(b[part])
		found = append(found, fmt.Sprintf("%s is %s, expected %s", part, had, wanted))
	}
	return found
}

// byPart takes an answer apart, with every list in one order.
func byPart(a Answer) map[string]any {
	session := Session{}
	if a.Session != nil {
		session = *a.Session
	}
	policies := []Policy{}
	for _, p := range a.Policies {
		p.ConditionsNotMet, p.UnmetControls = sorted(p.ConditionsNotMet), sorted(p.UnmetControls)
		policies = append(policies, p)
	}
	slices.SortFunc(policies, func(p, q Policy) int { return cmp.Compare(p.ID, q.ID) })
	return map[string]any{
		"result": a.Result, "errorCode": a.ErrorCode, "missingControls": sorted(a.MissingControls), "session": session, "policies": policies,
	}
}

func sorted(words []string) []string {
	return append([]string{}, slices.Sorted(slices.Values(words))...)
}
