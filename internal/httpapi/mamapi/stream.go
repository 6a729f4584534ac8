package mamapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/wire"
)

const (
	defaultHeartbeat   = 15 * time.Second
	defaultWriteWithin = 10 * time.Second
)

// stream holds the connection open and passes nudges on (text/event-stream, the
// HTML standard section 9.2). It ends when the client leaves, the registration
// ends, a newer stream replaces it, or the service stops.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	id := registration(r)
	reg, err := h.MAM.Open(r.Context(), c, id)
	if err != nil {
		return err
	}
	k := key{c.Tenant, id}
	l := h.Hub.join(k, reg.Installation)
	defer h.Hub.leave(k, l)
	// What ended between the look and the join sent its news to nobody: look again.
	if _, err := h.MAM.Open(r.Context(), c, id); err != nil {
		return err
	}
	if etag, err := h.MAM.Effective(r.Context(), c.Tenant, id); err == nil {
		h.Hub.told(k, etag)
	}
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // proxies in front must not hold nudges back
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	// A limit on how long the request may take to arrive has served; on HTTP/1 it
	// would end the connection. Who is gone is found by writing.
	_ = rc.SetReadDeadline(time.Time{})
	h.pass(&pen{w: w, rc: rc, within: cmp.Or(h.WriteWithin, defaultWriteWithin)}, r, l, func(ctx context.Context) (string, error) {
		return h.MAM.Effective(ctx, c.Tenant, id)
	})
	return nil
}

// pass writes until there is a reason to stop. What waits is sent before the line
// asks whether its policy is still the same.
func (h *Handler) pass(p *pen, r *http.Request, l *line, effective func(context.Context) (string, error)) {
	every := h.Heartbeat
	if every <= 0 {
		every = defaultHeartbeat
	}
	beat := time.NewTicker(every)
	defer beat.Stop()
	p.nudge(hello)
	for p.err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-h.Done:
			return
		case <-l.over:
			return
		case <-beat.C:
			p.write(": still here\n\n")
		case <-l.wake:
			whats, suspect := l.take()
			for _, what := range whats {
				p.nudge(what)
			}
			if suspect {
				h.Hub.ask(r.Context(), l, effective)
			}
		}
	}
}

// pen writes to the stream until the first error, which it keeps.
type pen struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	within time.Duration // a write may take
	err    error
}

func (p *pen) nudge(what string) {
	data, err := json.Marshal(wire.Nudge{What: what})
	if err != nil {
		p.err = err
		return
	}
	p.write("event: " + what + "\ndata: " + string(data) + "\n\n")
}

func (p *pen) write(text string) {
	if p.err != nil {
		return
	}
	// The server's own write timeout is for answers that end; a stream gets time
	// anew for every write, and none in between: on HTTP/2 a deadline that passes ends
	// the stream although nobody writes. Writers that know no deadlines go without.
	_ = p.rc.SetWriteDeadline(time.Now().Add(p.within))
	if _, p.err = p.w.Write([]byte(text)); p.err == nil {
		p.err = p.rc.Flush()
	}
	_ = p.rc.SetWriteDeadline(time.Time{})
}
