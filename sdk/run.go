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
	longestPause = time.Hour // between attempts without a connection
	maxLine      = 64 << 10
)

// Run holds the service's stream, checks in when it is time or told to, and
// obeys orders, until ctx ends or a wipe is done. Without a connection it tries
// again with growing pauses. It returns nil after a wipe and ctx.Err otherwise.
func (c *Client) Run(ctx context.Context) error {
	pause := firstPause
	for {
		began := time.Now()
		_ = c.enforce(ctx) // what could not go is tried again in the next round; access is blocked anyway
		wiped, err := c.session(ctx)
		if wiped && err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > longestPause/60 {
			pause = firstPause // it worked for a while: this is a new failure
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1)) // spread, so that PCs do not come back all at once
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
		pause = min(pause*2, longestPause)
	}
}

// session is one connection: orders first, then a check-in, then nudges.
func (c *Client) session(ctx context.Context) (wiped bool, err error) {
	if wiped, err := c.Orders(ctx); wiped || err != nil {
		return wiped, err
	}
	if c.snapshot().Registration == "" {
		return false, errors.New("sdk: this app is not enrolled")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, call{method: http.MethodGet, path: c.path("/stream")})
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // the status says enough
		return false, refusal(resp.StatusCode, body)
	}
	nudges, ended := make(chan wire.Nudge), make(chan error, 1)
	go func() { ended <- read(ctx, resp.Body, nudges) }()
	defer func() { cancel(); _ = resp.Body.Close(); <-ended }()
	due := time.NewTimer(c.interval())
	defer due.Stop()
	for {
		select {
		case n := <-nudges:
			if wiped, err := c.obey(ctx, n); wiped || err != nil {
				return wiped, err
			}
		case <-due.C:
			if wiped, err := c.obey(ctx, wire.Nudge{What: "hello"}); wiped || err != nil {
				return wiped, err
			}
		case err := <-ended:
			ended <- err
			return false, errors.Join(err, io.ErrUnexpectedEOF)
		case <-ctx.Done():
			return false, ctx.Err()
		}
		due.Reset(c.interval())
	}
}

// obey does what a nudge asks for.
func (c *Client) obey(ctx context.Context, n wire.Nudge) (wiped bool, err error) {
	if n.What != "operation" {
		result, err := c.CheckIn(ctx)
		if _, refused := errors.AsType[*ServiceError](err); err != nil && !refused {
			return false, err
		}
		// A refusal, of a disabled account for example, does not stop orders.
		if err == nil && result.Operations == 0 {
			return false, nil
		}
	}
	return c.Orders(ctx)
}

func (c *Client) interval() time.Duration {
	const usual, least = 30 * time.Minute, time.Second
	s := c.snapshot()
	if s.LastResult == nil || s.LastResult.CheckInSeconds <= 0 {
		return usual
	}
	return max(least, time.Duration(s.LastResult.CheckInSeconds)*time.Second)
}

// read turns a stream of server-sent events into nudges.
func read(ctx context.Context, body io.Reader, to chan<- wire.Nudge) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue // comments and other fields
		}
		var n wire.Nudge
		if json.Unmarshal([]byte(strings.TrimSpace(data)), &n) != nil {
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
