package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/postern-mam/postern/wire"
)

const (
	textMost       = 1024      // runes of a line or fact (wire.Diagnostics)
	maxDiagnostics = 256 << 10 // bytes of what the service takes
)

// Configuration returns what app configuration policies tell this app, sorted by
// name; empty while no policy is known.
func (c *Client) Configuration() []wire.Configured {
	s := c.snapshot()
	if !s.HasPolicy {
		return nil
	}
	return append([]wire.Configured(nil), s.Policy.Configuration...)
}

// Diagnostics collects what this app knows about itself, which is exactly what
// the service is sent when an admin asks for it: versions, verdicts, the state of
// the connection and the newest lines of the journal. Nothing of the person's
// files, sites or accounts is in it, and no secret.
func (c *Client) Diagnostics(ctx context.Context) wire.Diagnostics {
	decision := c.Decide()
	s := c.snapshot()
	d := wire.Diagnostics{
		CollectedAt: c.cfg.Now().UTC(), AppVersion: c.cfg.AppVersion, SDKVersion: Version, PolicyETag: s.Policy.ETag,
		LastSync: s.LastCheckInAt, Facts: map[string]string{
			"app": c.cfg.App, "system": runtime.GOOS + "/" + runtime.GOARCH, "keyProtection": c.key.Protection,
			"enrolled": strconv.FormatBool(s.Registration != ""), "access": decision.Action, "reasons": codes(decision.Reasons),
			"configuration": strconv.Itoa(len(s.Policy.Configuration)), "ended": s.Ended,
			"accountDisabled": strconv.FormatBool(s.Disabled), "wiping": strconv.FormatBool(s.Wiping != nil || s.Removing),
		},
	}
	if s.LastResult != nil {
		d.State = s.LastResult.State
		d.Facts["checkInSeconds"] = strconv.Itoa(s.LastResult.CheckInSeconds)
		d.Facts["serverTime"] = s.LastResult.ServerTime.UTC().Format(time.RFC3339)
	}
	if m, err := c.cfg.Health.Measure(ctx); err != nil {
		d.Facts["health"] = c.plain(err)
		if s.LastSent != nil {
			d.OSVersion = s.LastSent.OSVersion
		}
	} else {
		d.OSVersion, d.Facts["adapter"] = m.OSVersion, m.Adapter
		for name, state := range m.Providers {
			d.Facts["provider."+name] = state
		}
	}
	for name, value := range d.Facts {
		d.Facts[name] = oneLine(value)
	}
	for _, line := range c.journal.Lines() {
		d.Log = append(d.Log, oneLine(line)) // whoever wrote to the file
	}
	return shortened(d)
}

// shortened drops the oldest lines until the service takes d.
func shortened(d wire.Diagnostics) wire.Diagnostics {
	for {
		doc, err := json.Marshal(d)
		if err != nil || len(doc) <= maxDiagnostics || len(d.Log) == 0 {
			return d
		}
		d.Log = d.Log[(len(d.Log)+9)/10:]
	}
}

func codes(reasons []wire.Reason) string {
	var all []string
	for _, r := range reasons {
		all = append(all, r.Code+"="+r.Action)
	}
	return strings.Join(all, " ")
}

// answerDiagnostics sends the diagnostics that a verified order asks for. A
// refusal is final for now: what the service does not take must not stand in the
// way of anything else.
func (c *Client) answerDiagnostics(ctx context.Context, operation string) error {
	path := c.path("/operations/" + url.PathEscape(operation) + "/answer")
	status, err := c.do(ctx, call{method: http.MethodPost, path: path, in: c.Diagnostics(ctx)})
	if _, ours := errors.AsType[*wire.UndeclaredError](err); ours {
		return nil // and noted
	}
	if err != nil && status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		c.note("diagnostics: refused: " + c.plain(err))
		return nil
	}
	if err == nil {
		c.note("diagnostics: sent")
	}
	return err
}

// note writes down what happened, for diagnostics.
func (c *Client) note(text string) {
	c.journal.Append(oneLine(c.cfg.Now().UTC().Format(time.RFC3339) + " " + text))
}

// plain says what went wrong without what a person or the service wrote, and
// without the path of a directory, which has a person's name in it.
func (c *Client) plain(err error) string {
	if e, ok := errors.AsType[*ServiceError](err); ok {
		return strings.TrimSpace("refused with " + strconv.Itoa(e.Status) + " " + e.Code + " " + e.OAuth)
	}
	text := strings.ReplaceAll(err.Error(), c.cfg.Dir, "(state)")
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		text = strings.ReplaceAll(text, home, "(home)")
	}
	return text
}

// oneLine makes text fit for a line of the protocol.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if r := []rune(text); len(r) > textMost {
		text = string(r[:textMost])
	}
	return text
}
