package sdk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/postern-mam/postern/wire"
)

const (
	firstPause   = time.Second
	longestPause = time.Hour   // between attempts without a connection (windows-mam.md section 2)
	stable       = time.Minute // a connection this old ends the growing of pauses
	silence      = time.Minute // on a stream, which says something every 15 s
	maxLine      = 64 << 10
)

// Run holds the service's stream, checks in when it is time, told to or health
// changes (Watcher), and obeys orders, until ctx ends or a wipe is done. Without a connection it tries
// again with pauses that grow to an hour. It returns nil after a wipe, an error
// when the app is not enrolled or its registration has ended, and ctx.Err
// otherwise.
func (c *Client) Run(ctx context.Context) error {
	changes, stop := c.watch(ctx)
	defer stop()
	pause := firstPause
	for {
		began := time.Now()
		_ = c.enforce(ctx) // what could not go is tried again in the next round; access is blocked anyway
		wiped, err := c.session(ctx, changes)
		if wiped && err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s := c.snapshot(); err != nil && s.Wiping == nil && (s.Registration == "" || s.Ended != "") {
			return err
		}
		if time.Since(began) > stable {
			pause = firstPause // it worked for a while: this is a new failure
		}
		if err != nil {
			c.note("connection: " + c.plain(err))
		}
		wait := time.NewTimer(pause*3/4 + rand.N(pause/4+1)) // spread, so that PCs do not come back all at once
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-changes: // the service should hear of it
			wait.Stop()
		case <-wait.C:
		}
		pause = min(pause*2, longestPause)
	}
}

// session is one connection: orders first, then a check-in, then nudges and
// changes of health.
func (c *Client) session(ctx context.Context, changes <-chan struct{}) (wiped bool, err error) {
	if wiped, err := c.Orders(ctx); wiped || err != nil {
		return wiped, err
	}
	if c.snapshot().Registration == "" {
		return false, errNotEnrolled()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := c.openStream(ctx, cancel)
	if err != nil {
		return false, err
	}
	nudges, ended := make(chan wire.Nudge), make(chan error, 1)
	go func() { ended <- read(ctx, body, nudges) }()
	defer func() { cancel(); _ = body.Close(); <-ended }()
	due, quiet := time.NewTimer(c.interval()), time.NewTimer(silence)
	defer due.Stop()
	defer quiet.Stop()
	for {
		select {
		case n := <-nudges:
			quiet.Reset(silence)
			if n.What == "" {
				continue // a sign of life
			}
			if wiped, err := c.obey(ctx, n); wiped || err != nil {
				return wiped, err
			}
		case <-changes:
			if !c.differs(ctx) {
				continue
			}
			if wiped, err := c.obey(ctx, wire.Nudge{What: "hello"}); wiped || err != nil {
				return wiped, err
			}
		case <-due.C:
			if wiped, err := c.obey(ctx, wire.Nudge{What: "hello"}); wiped || err != nil {
				return wiped, err
			}
		case <-quiet.C:
			return false, errors.New("sdk: the stream went silent")
		case err := <-ended:
			ended <- err
			return false, errors.Join(err, io.ErrUnexpectedEOF)
		case <-ctx.Done():
			return false, ctx.Err()
		}
		due.Reset(c.interval())
	}
}

// openStream returns the body of the stream. Only its beginning has a time limit.
func (c *Client) openStream(ctx context.Context, cancel func()) (io.ReadCloser, error) {
	late := time.AfterFunc(callLimit, cancel)
	defer late.Stop()
	resp, err := c.send(ctx, call{method: http.MethodGet, path: c.path("/stream")})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // the status says enough
		_ = resp.Body.Close()
		return nil, c.noteEnd(refusal(resp.StatusCode, body))
	}
	return resp.Body, nil
}

// obey does what a nudge asks for. A check-in that fails, be it that the account
// is disabled or that health cannot be measured, stops no order, and the stream
// stays: a dead connection shows by its silence.
func (c *Client) obey(ctx context.Context, n wire.Nudge) (wiped bool, err error) {
	if n.What != "operation" {
		result, err := c.CheckIn(ctx)
		switch {
		case err == nil && result.Operations == 0:
			_ = c.enforce(ctx) // as in Run
			return false, nil
		case err != nil && c.snapshot().Ended != "":
			return false, err
		}
	}
	return c.Orders(ctx)
}

func (c *Client) interval() time.Duration {
	const usual, least, longest = 30 * time.Minute, time.Second, 1 << 30 // the last in seconds: a Duration holds it
	s := c.snapshot()
	if s.LastResult == nil || s.LastResult.CheckInSeconds <= 0 {
		return usual
	}
	return max(least, time.Duration(min(s.LastResult.CheckInSeconds, longest))*time.Second)
}

// read turns a stream of server-sent events into nudges, and its comments into
// empty ones.
func read(ctx context.Context, body io.Reader, to chan<- wire.Nudge) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok && !strings.HasPrefix(lines.Text(), ":") {
			continue // other fields
		}
		var n wire.Nudge
		if ok && json.Unmarshal([]byte(strings.TrimSpace(data)), &n) != nil {
			continue // a newer service: what we do not understand we do not obey
		}
		select {
		case to <- n:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return lines.Err()
}
