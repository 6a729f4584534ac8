package nativehost

import (
	"context"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// report takes what the extension says of how far it enforces the policy: the
// newest counts, and its check-in keeps no other message waiting.
func (h *Host) report(controls []wire.Control) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.reported: // nobody has heard the one before
	default:
	}
	h.reported <- controls
}

// reports passes on what the extension says.
func (h *Host) reports(ctx context.Context, client Client) {
	for {
		select {
		case controls := <-h.reported:
			if err := client.Report(ctx, controls); err != nil {
				h.note("controls: " + err.Error())
			}
		case <-ctx.Done():
			return
		}
	}
}

// ledger answers what really left this PC, and what it was told of the controls;
// gaps in words for the person.
func (h *Host) ledger(id string, s sdk.Status) error {
	m := message{Type: "sent", ID: id, Sent: s.Sent}
	for _, c := range s.Controls {
		var texts []string
		for _, word := range c.Gaps {
			texts = append(texts, enforcement.Text(word))
		}
		c.Gaps = texts
		m.Controls = append(m.Controls, c)
	}
	return h.say(m)
}
