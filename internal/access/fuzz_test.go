package access_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
)

// Whatever a client claims, the platform is one that policies know or none, and
// never the word for all of them.
func FuzzPlatformOf(f *testing.F) {
	for _, s := range []string{"", "Mozilla/5.0 (Windows NT 10.0)", "(X11; CrOS x86_64)", "(iPhone; like Mac OS X)", "all", "wINDOWS\xff", "İPHONE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		switch got := access.PlatformOf(ua); got {
		case "", access.Android, access.IOS, access.Windows, access.WindowsPhone, access.MacOS, access.Linux:
			if again := access.PlatformOf(strings.ToUpper(ua)); isASCII(ua) && again != got {
				t.Errorf("%q is %q, in upper case %q", ua, got, again)
			}
		default:
			t.Errorf("%q is %q", ua, got)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

// What a name parses to is written as that name again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "enabled", "enabledForReportingButNotEnforced", "AND", "or", "granted", "Enabled"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := access.ParseState(s); err == nil && v.String() != s {
			t.Errorf("%q became %q", s, v)
		}
		if v, err := access.ParseOperator(s); err == nil && v.String() != s {
			t.Errorf("%q became %q", s, v)
		}
		if v, err := access.ParseOutcome(s); err == nil && v.String() != s {
			t.Errorf("%q became %q", s, v)
		}
	})
}
