package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/agent"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// measured is this PC as it is measured now. Asking sends nothing.
type measured struct {
	Adapter      string            `json:"adapter,omitempty"`
	Release      string            `json:"release,omitempty"` // as people know it; never sent
	OSVersion    string            `json:"osVersion,omitempty"`
	DisplayName  string            `json:"displayName,omitempty"`
	Manufacturer string            `json:"manufacturer,omitempty"`
	Model        string            `json:"model,omitempty"`
	Management   *wire.Management  `json:"management,omitempty"`
	Providers    map[string]string `json:"providers,omitempty"`
	Error        string            `json:"error,omitempty"` // why health is unknown
}

func measure(ctx context.Context, health sdk.HealthSource) measured {
	m, err := health.Measure(ctx)
	if err != nil {
		return measured{Error: err.Error()}
	}
	now := measured{
		Adapter: m.Adapter, OSVersion: m.OSVersion, DisplayName: m.DisplayName, Manufacturer: m.Manufacturer, Model: m.Model,
		Management: &m.Management, Providers: m.Providers,
	}
	if m.Adapter == "windows" {
		now.Release = agent.Release()
	}
	return now
}

// print says it to a person.
func (m measured) print(out io.Writer) {
	fmt.Fprintln(out, "\nThis PC, as it is measured now:")
	if m.Error != "" {
		fmt.Fprintf(out, "  %-18s %s\n", "unknown", m.Error)
		return
	}
	line := func(name, value string) { fmt.Fprintf(out, "  %-18s %s\n", name, value) }
	line("measured by", m.Adapter)
	line("name", m.DisplayName)
	line("system", strings.TrimSpace(m.Release+" ("+m.OSVersion+")"))
	line("model", cmp.Or(strings.TrimSpace(m.Manufacturer+" "+m.Model), "unknown"))
	line("joined", map[bool]string{true: "to an organization's directory", false: "no"}[m.Management.DirectoryJoined])
	line("managed", map[bool]string{true: "by an MDM service", false: "no"}[m.Management.MDMEnrolled])
	for _, p := range slices.Sorted(maps.Keys(m.Providers)) {
		line(p, m.Providers[p])
	}
}
