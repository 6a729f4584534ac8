package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// view is how things stand. Text, JSON and the page of "status" show this one, so
// that they say the same.
type view struct {
	At      time.Time `json:"at"`
	Version string    `json:"version"` // of the agent
	sdk.Status
	Measured measured `json:"measured"`
}

// look takes the view as of now. Nothing is sent for it.
func look(ctx context.Context, s session) view {
	defer s.waiting("measuring this PC")()
	v := view{At: time.Now().UTC().Truncate(time.Second), Version: version, Status: s.client.Status(), Measured: measure(ctx, s.health)}
	if v.Verdict != nil && v.Verdict.Lease != "" { // signed, for the agent alone: what it says is in the decision
		plain := *v.Verdict
		plain.Lease = ""
		v.Verdict = &plain
	}
	return v
}

// rule is one line of the policy.
type rule struct {
	Name, Value string
	Source      string // the policy that decided
}

// Rules is the policy, settings first.
func (v view) Rules() (all []rule) {
	for _, name := range slices.Sorted(maps.Keys(v.Settings)) {
		all = append(all, rule{name, v.Settings[name], v.Sources[name]})
	}
	for _, c := range v.Checks {
		source := cmp.Or(v.Sources[c.Subject+":"+c.Action], v.Sources[c.Subject])
		all = append(all, rule{c.Subject, strings.TrimSpace(c.Action + " " + c.Value), source})
	}
	return all
}

// show prints the view to a person, or to a program.
func (v view) show(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, v)
	}
	v.print(out)
	return nil
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (v view) print(out io.Writer) {
	defer v.Measured.print(out)
	if !v.WipedAt.IsZero() {
		fmt.Fprintf(out, "wiped            %s: the organization's data was removed\n", v.WipedAt.Format(time.RFC3339))
	}
	if !v.Enrolled {
		fmt.Fprintf(out, "enrolled         no: %s is not protected; run \"postern-agent enroll\"\n", v.App)
		if len(v.Sent) > 0 { // an enrolment that did not come to its end
			left(out, v.Sent)
		}
		return
	}
	fmt.Fprintf(out, "managed          %s for user %s at %s\n", v.App, v.UserID, v.Authority)
	fmt.Fprintf(out, "device key       %s\n", heldBy(v.KeyProtection))
	fmt.Fprintf(out, "last check-in    %s\n", v.LastCheckInAt.Format(time.RFC3339))
	fmt.Fprintf(out, "policy           %s\n", v.PolicyETag)
	for _, r := range v.Rules() {
		fmt.Fprintf(out, "  %-18s %s%s\n", r.Name, r.Value, from(r.Source))
	}
	for _, c := range v.Configuration {
		fmt.Fprintf(out, "configuration    %s = %s (%s)\n", c.Name, c.Value, c.Source)
	}
	fmt.Fprintf(out, "access           %s\n", v.Decision.Action)
	for _, r := range v.Decision.Reasons {
		fmt.Fprintf(out, "  %-14s %s\n", r.Action, r.Text)
		for i, step := range r.Steps {
			fmt.Fprintf(out, "  %-14s   %d. %s\n", "", i+1, step)
		}
	}
	enforced(out, v.Controls)
	left(out, v.Sent)
}

func from(source string) string {
	if source == "" {
		return ""
	}
	return " (" + source + ")"
}

// enforced prints how far each control is enforced.
func enforced(out io.Writer, controls []wire.Control) {
	fmt.Fprintln(out, "\nHow far the policy is enforced here, as your organization is told:")
	for _, c := range controls {
		fmt.Fprintf(out, "  %-18s %s, by %s\n", c.Control, c.State, c.By)
		for _, gap := range c.Gaps {
			fmt.Fprintf(out, "  %-18s   %s\n", "", enforcement.Text(gap))
		}
	}
}

// longest is what is printed of one body, in bytes.
const longest = 2000

// left prints what really left this PC.
func left(out io.Writer, sent []sdk.Sent) {
	fmt.Fprintln(out, "\nWhat really left this PC since it was enrolled, newest of each kind. Each field is explained in docs/privacy-ledger.md:")
	for _, m := range sent {
		body := string(m.Body)
		switch {
		case m.TooLong > 0:
			body = fmt.Sprintf("%d bytes, too long to be kept; \"postern-agent diagnose\" prints what it would be now", m.TooLong)
		case len(body) > longest:
			body = strings.ToValidUTF8(body[:longest], "") + "… (\"status -o json\" prints all of it)"
		}
		fmt.Fprintf(out, "  %-18s %d times, last %s\n  %-18s   %s\n", m.Message, m.Count, m.At.Format(time.RFC3339), "", body)
	}
}

// heldBy says what guards the device key.
func heldBy(protection string) string {
	switch protection {
	case "tpm":
		return "in the TPM of this PC, which nothing copies it out of (tpm)"
	case "cng":
		return "kept by Windows, which does not export it (cng)"
	case "dpapi":
		return "in a file that Windows seals for your account (dpapi)"
	default:
		return "in a file that only you can read (" + protection + ")"
	}
}
