package vectors_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/vectors"
)

// The test is also the engines that it starts: as says which.
const as = "POSTERN_VECTORS_AS"

func TestMain(m *testing.M) {
	if kind := os.Getenv(as); kind != "" {
		os.Exit(pretend(kind))
	}
	os.Exit(m.Run())
}

// golden is the file that the engines here know.
const golden = "conditional-access-golden.json"

// pretend is an engine that knows what is expected, and lies in its own way.
func pretend(kind string) int {
	all, err := vectors.File(golden)
	if err != nil {
		return 9
	}
	lines, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for i, v := range all {
		line, err := lines.ReadBytes('\n')
		var asked vectors.Vector
		if err != nil || json.Unmarshal(line, &asked) != nil || asked.ID != v.ID || asked.Expected != nil {
			return 9 // the question is wrong
		}
		a := *v.Expected
		switch {
		case kind == "generous":
			a = vectors.Answer{Result: vectors.Granted}
		case kind == "tired" && i == 3:
			return 4
		case kind == "reversed":
			slices.Reverse(a.Policies)
			slices.Reverse(a.MissingControls)
		case kind == "stuck" && i == 3:
			never, _, _ := os.Pipe()
			_, _ = never.Read(make([]byte, 1))
		case kind == "babbling" && i == 3:
			fmt.Println("well, let me see")
			continue
		case kind == "hasty" && i == 3:
			a.ID = all[4].ID
		case kind == "forgetful":
			a.Policies = nil
		case i == 3:
			lie(kind, &a)
		}
		if out.Encode(a) != nil {
			return 9
		}
	}
	return 0
}

func lie(kind string, a *vectors.Answer) {
	switch kind {
	case "errorCode":
		a.ErrorCode++
	case "missingControls":
		a.MissingControls = append(slices.Clone(a.MissingControls), "x")
	case "session":
		a.Session = &vectors.Session{PersistentBrowser: "never"}
	case "policies":
		a.Policies = slices.Clone(a.Policies)
		a.Policies[0].Result = "x"
	case "result":
		a.Result = "x"
	}
}

// run starts this test as an engine of a kind; the arguments are behind its name.
func run(t *testing.T, kind string, args ...string) (code int, out, errs string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(as, kind)
	var stdout, stderr bytes.Buffer
	code = vectors.Main(append([]string{"-engine", self}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestAnEngineThatAnswersAsExpectedPasses(t *testing.T) {
	for _, kind := range []string{"right", "reversed"} {
		if code, out, errs := run(t, kind, golden); code != 0 || !strings.Contains(out, " 0 differ") {
			t.Errorf("%s: exit code %d\n%s%s", kind, code, out, errs)
		}
	}
}

func TestAnEngineThatIsWrongOnceFails(t *testing.T) {
	for _, part := range vectors.Parts() {
		if code, out, errs := run(t, part, golden); code != 1 || !strings.Contains(out, "\n  "+part+" is ") || !strings.Contains(out, " 1 differ") {
			t.Errorf("%s: exit code %d\n%s%s", part, code, out, errs)
		}
	}
}

func TestAnEngineThatGrantsEverythingFailsWhereverItIsWrong(t *testing.T) {
	all, err := vectors.File(golden)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, v := range all {
		if v.Expected.Result != vectors.Granted {
			wrong++
		}
	}
	code, out, errs := run(t, "generous", "-compare", "result", golden)
	if code != 1 || strings.Count(out, "expected \"") != wrong || !strings.Contains(out, fmt.Sprintf(" %d differ", wrong)) {
		t.Errorf("exit code %d, expected %d to differ\n%s%s", code, wrong, out, errs)
	}
}

func TestPartsAndFilesCanBeChosen(t *testing.T) {
	if code, out, errs := run(t, "forgetful", "-compare", "result,errorCode,missingControls,session", golden); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	// Without names it is every file, more than the engine here knows.
	if code, out, errs := run(t, "right", "-compare", "result"); code != 2 || !strings.Contains(errs, fmt.Sprintf("of %d answers", len(every(t)))) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestAnEngineThatDoesNotSpeakTheProtocolIsToldSo(t *testing.T) {
	for _, test := range []struct {
		kind string
		code int
		says string
	}{
		{"tired", 2, "ended after 3 of"},
		{"babbling", 1, "no JSON object"},
		{"hasty", 1, "in the order of the vectors"},
	} {
		if code, out, errs := run(t, test.kind, golden); code != test.code || !strings.Contains(out+errs, test.says) {
			t.Errorf("%s: exit code %d\n%s%s", test.kind, code, out, errs)
		}
	}
}

func TestAnEngineThatIsStuckIsEnded(t *testing.T) {
	code, out, errs := run(t, "stuck", "-timeout", "1s", golden)
	if code != 2 || !strings.Contains(errs, "deadline exceeded") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestWhatCannotBeRunIsSaid(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{nil, "-engine is missing"},
		{[]string{"-engine", "x", "-compare", "mood"}, "valid are result, errorCode"},
		{[]string{"-engine", "/no/such/engine"}, "no such file"},
		{[]string{"-engine", "x", "no.json"}, "no.json"},
		{[]string{"-x"}, "not defined"},
	} {
		var out bytes.Buffer
		if code := vectors.Main(test.args, &out, &out); code != 2 || !strings.Contains(out.String(), test.says) {
			t.Errorf("%v: exit code %d\n%s", test.args, code, &out)
		}
	}
}
