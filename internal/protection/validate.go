package protection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/targeting"
)

// maxName is how many bytes a policy's name may have.
const maxName = 256

// Validate says what is wrong with a policy before it is saved: everything, as
// one fault.Invalid, each with the field, the value and what would be valid.
func Validate(p Policy) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	if name := strings.TrimSpace(p.DisplayName); name == "" || len(name) > maxName {
		say("displayName is %q; valid are 1 to %d bytes", clip(p.DisplayName), maxName)
	}
	if p.Platform != "" && p.Platform != Windows {
		say("platform is %q; valid is %s", clip(p.Platform), Windows)
	}
	choices := map[string]string{ReceiveDataFrom: string(p.Settings.ReceiveFrom), SendOrgDataTo: string(p.Settings.SendTo), CutCopyPaste: string(p.Settings.Clipboard)}
	for i := range catalogue {
		s := &catalogue[i]
		if value := choices[s.Name]; value != "" && !slices.Contains(s.Values, value) {
			say("%s (%s) is %q; valid are %s", s.Properties[0].Name, s.Name, clip(value), strings.Join(s.Values, ", "))
		}
	}
	wrong = append(wrong, badRows(p.Settings.Checks)...)
	for i, app := range p.Apps {
		if !validPackage(app) {
			say("apps[%d] is %q; valid is an app identifier such as com.microsoft.edge", i, clip(string(app)))
		} else if slices.Contains(p.Apps[:i], app) {
			say("apps[%d] is %q, which is there already", i, clip(string(app)))
		}
	}
	if err := targeting.ValidateAssignments(p.Assignments); err != nil {
		wrong = append(wrong, fault.Detail(err))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(wrong, "; "))
}

func badRows(checks []Check) (wrong []string) {
	for i, c := range checks {
		if problem := c.problem(); problem != "" {
			wrong = append(wrong, problem)
			continue
		}
		for _, before := range checks[:i] {
			if before.Subject != c.Subject {
				continue
			}
			if before.Action == c.Action {
				wrong = append(wrong, c.Name()+" is there twice; valid is one row for each action")
			} else if find(string(c.Subject)).Single {
				wrong = append(wrong, string(c.Subject)+" has the actions "+before.Action.String()+" and "+c.Action.String()+"; valid is one row")
			}
		}
	}
	return wrong
}

func validPackage(app directory.PackageID) bool {
	return app != "" && len(app) <= maxName && !strings.ContainsFunc(string(app), func(r rune) bool { return r <= ' ' || r == 0x7f })
}
