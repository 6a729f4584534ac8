//go:build windows

package agent

import (
	"context"
	"fmt"

	"github.com/postern-mam/postern/internal/agent/winver"
	"github.com/postern-mam/postern/internal/agent/wsc"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// Windows measures the Windows that it runs on. It is an sdk.Watcher.
type Windows struct{}

// System is what measures this PC.
func System() sdk.HealthSource { return Windows{} }

// Measure asks Windows Security Center, and Windows itself for version, model,
// join and management. Whether somebody manages the PC must be known.
func (Windows) Measure(context.Context) (sdk.Measurement, error) {
	join, err := winver.Directory()
	if err != nil {
		return sdk.Measurement{}, fmt.Errorf("whether this PC is joined to a directory cannot be found out: %w", err)
	}
	word, enrolments, err := winver.Management()
	if err != nil {
		return sdk.Measurement{}, fmt.Errorf("whether this PC is managed cannot be found out: %w", err)
	}
	pc := winver.Machine()
	return sdk.Measurement{
		Adapter: "windows", DisplayName: pc.Name, Model: pc.Model, Manufacturer: pc.Manufacturer, OSVersion: winver.Measure().Version(),
		Management: wire.Management{DirectoryJoined: join.Joined(), MDMEnrolled: winver.Managed(word, enrolments)},
		Providers:  wsc.Health(),
	}, nil
}

// Watch calls changed when Windows Security Center says that something changed.
func (Windows) Watch(ctx context.Context, changed func()) error { return wsc.Watch(ctx, changed) }

// Release names the Windows as people know it.
func Release() string { return winver.Measure().String() }
