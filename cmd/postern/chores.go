package main

import (
	"context"
	"log/slog"
	"time"
)

// choresEvery is how often old registrations and operations are looked for. What
// must not be late is decided at each request and does not wait for this.
const choresEvery = time.Hour

// chores ends what was silent for too long and forgets what nobody keeps any
// more, at start and then hourly, until ctx ends. A chore that fails is logged
// and tried again at the next round.
func (h *house) chores(ctx context.Context) error {
	ticker := time.NewTicker(choresEvery)
	defer ticker.Stop()
	for {
		tenants, err := h.store.TenantIDs(ctx)
		if err != nil {
			h.log.LogAttrs(ctx, slog.LevelError, "chores", slog.Any("err", err))
		}
		for _, t := range tenants {
			done, err := h.mam.Sweep(ctx, t)
			if err != nil && ctx.Err() == nil {
				h.log.LogAttrs(ctx, slog.LevelError, "chores", slog.String("tenant", string(t)), slog.Any("err", err))
			}
			if done.Expired+done.Operations+done.Registrations > 0 {
				h.log.LogAttrs(ctx, slog.LevelInfo, "chores", slog.String("tenant", string(t)), slog.Int("expired", done.Expired),
					slog.Int("operations", done.Operations), slog.Int("registrations", done.Registrations))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
