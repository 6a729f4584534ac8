package access_test

import (
	"encoding"
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
)

func TestNamesGoThereAndBack(t *testing.T) {
	type names struct {
		States    []access.State
		Operators []access.Operator
		Outcomes  []access.Outcome
	}
	in := names{
		[]access.State{access.Disabled, access.Enabled, access.ReportOnly},
		[]access.Operator{access.And, access.Or},
		[]access.Outcome{access.Denied, access.Challenge, access.Granted},
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"States":["disabled","enabled","enabledForReportingButNotEnforced"],"Operators":["AND","OR"],"Outcomes":["denied","challenge","granted"]}`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
	var out names
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for i, s := range in.States {
		if out.States[i] != s || s.String() != []string{"disabled", "enabled", "enabledForReportingButNotEnforced"}[i] {
			t.Errorf("%s became %s", s, out.States[i])
		}
	}
	for i, o := range in.Operators {
		if out.Operators[i] != o {
			t.Errorf("%s became %s", o, out.Operators[i])
		}
	}
	for i, o := range in.Outcomes {
		if out.Outcomes[i] != o {
			t.Errorf("%s became %s", o, out.Outcomes[i])
		}
	}
}

func TestAnUnknownNameIsRefusedWithTheValidOnes(t *testing.T) {
	state, operator, outcome := access.Enabled, access.Or, access.Granted
	for _, v := range []encoding.TextUnmarshaler{&state, &operator, &outcome} {
		err := v.UnmarshalText([]byte("on"))
		if err == nil || !strings.Contains(err.Error(), `"on"`) || !strings.Contains(err.Error(), "valid are") {
			t.Errorf("%T: %v", v, err)
		}
	}
	if state != access.Enabled || operator != access.Or || outcome != access.Granted {
		t.Error("a refused name changed the value")
	}
}

func TestAValueWithoutANameIsNotWritten(t *testing.T) {
	for _, v := range []encoding.TextMarshaler{access.State(3), access.Operator(2), access.Outcome(3)} {
		if text, err := v.MarshalText(); err == nil {
			t.Errorf("%T is written as %q", v, text)
		}
	}
	if got := access.Outcome(9).String(); got != "Outcome(9)" {
		t.Errorf("got %q", got)
	}
}

func TestThePlatformIsWhatTheUserAgentClaims(t *testing.T) {
	const webKit = " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	for ua, want := range map[string]access.Platform{
		"": "",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webKit + " Edg/140.0.0.0":            access.Windows,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0": access.Windows,
		"postern-agent/1.0 (WINDOWS 10.0.26100)":                                           access.Windows,
		"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950)":            access.WindowsPhone,
		"Mozilla/5.0 (Linux; Android 16; Pixel 9)" + webKit:                                access.Android,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15":      access.IOS,
		"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15":               access.IOS,
		"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_0 like Mac OS X)":                       access.IOS,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" + webKit:                         access.MacOS,
		"MyApp/2 (macOS 15)":                                access.MacOS,
		"MyApp/2 (Intel Mac OS X 10_15)":                    access.MacOS,
		"Mozilla/5.0 (X11; Linux x86_64)" + webKit:          access.Linux,
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + webKit: "",
		"Mozilla/5.0 (X11; FreeBSD amd64)" + webKit:         "",
		"MyApp/1 CFNetwork/3826 Darwin/24.6.0":              "",
		"curl/8.14.1":                                       "",
		"win":                                               "",
	} {
		if got := access.PlatformOf(ua); got != want {
			t.Errorf("%q is %q, want %q", ua, got, want)
		}
	}
}
