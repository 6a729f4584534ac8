package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

type enrollCmd struct {
	Open bool `help:"Also open the sign-in page in the browser."`
	Anew bool `help:"Give up a device key that cannot be opened any more, and what was kept with it, and enroll as a new PC."`
}

func (*enrollCmd) run(ctx context.Context, s session) error {
	if err := s.client.Enroll(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "This app is protected now. Only the organization's data in it is managed; nothing else on this PC is.")
	return statusCmd{Output: "text"}.run(ctx, s)
}

type statusCmd struct {
	Output string `help:"text or json." default:"text" enum:"text,json" short:"o"`
}

func (c statusCmd) run(ctx context.Context, s session) error {
	st, now := s.client.Status(), measure(ctx, s.health)
	if c.Output == "json" {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			sdk.Status
			Measured measured `json:"measured"`
		}{st, now})
	}
	defer now.print(s.out)
	if !st.WipedAt.IsZero() {
		fmt.Fprintf(s.out, "wiped            %s: the organization's data was removed\n", st.WipedAt.Format(time.RFC3339))
	}
	if !st.Enrolled {
		fmt.Fprintf(s.out, "enrolled         no: %s is not protected; run \"postern-agent enroll\"\n", st.App)
		if len(st.Sent) > 0 { // an enrolment that did not come to its end
			left(s.out, st.Sent)
		}
		return nil
	}
	fmt.Fprintf(s.out, "managed          %s for user %s at %s\n", st.App, st.UserID, st.Authority)
	fmt.Fprintf(s.out, "device key       %s\n", heldBy(st.KeyProtection))
	fmt.Fprintf(s.out, "last check-in    %s\n", st.LastCheckInAt.Format(time.RFC3339))
	fmt.Fprintf(s.out, "policy           %s\n", st.PolicyETag)
	for _, c := range st.Configuration {
		fmt.Fprintf(s.out, "configuration    %s = %s (%s)\n", c.Name, c.Value, c.Source)
	}
	fmt.Fprintf(s.out, "access           %s\n", st.Decision.Action)
	for _, r := range st.Decision.Reasons {
		fmt.Fprintf(s.out, "  %-14s %s\n", r.Action, r.Text)
		if len(r.Steps) > 0 {
			fmt.Fprintf(s.out, "  %-14s %s\n", "to fix it", strings.Join(r.Steps, " "))
		}
	}
	enforced(s.out, st.Controls)
	left(s.out, st.Sent)
	return nil
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

type syncCmd struct{}

func (syncCmd) run(ctx context.Context, s session) error {
	wiped, err := s.client.Orders(ctx)
	if err == nil && !wiped {
		_, err = s.client.CheckIn(ctx)
	}
	return errors.Join(err, statusCmd{Output: "text"}.run(ctx, s))
}

type runCmd struct{}

func (runCmd) run(ctx context.Context, s session) error {
	err := s.client.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

type diagnoseCmd struct{}

func (diagnoseCmd) run(ctx context.Context, s session) error {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	return e.Encode(s.client.Diagnostics(ctx))
}

type proveCmd struct {
	Nonce  string `arg:"" help:"The challenge of the page."`
	Origin string `arg:"" help:"The origin of the page, as the browser shows it."`
}

func (c proveCmd) run(_ context.Context, s session) error {
	proof, err := s.client.ProveDevice(c.Nonce, c.Origin)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, proof)
	return nil
}

type signOutCmd struct{}

func (signOutCmd) run(ctx context.Context, s session) error {
	if err := s.client.SignOut(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Signed out. The protection has ended, and nothing is reported any more.")
	return nil
}
