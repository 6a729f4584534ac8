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

// fact is a line for a person.
type fact struct{ Name, Value string }

// Facts are what was measured, for a person.
func (m measured) Facts() []fact {
	if m.Error != "" {
		return []fact{{"unknown", m.Error}}
	}
	all := []fact{
		{"measured by", m.Adapter},
		{"name", m.DisplayName},
		{"system", strings.TrimSpace(m.Release + " (" + m.OSVersion + ")")},
		{"model", cmp.Or(strings.TrimSpace(m.Manufacturer+" "+m.Model), "unknown")},
	}
	if m.Management != nil {
		all = append(all,
			fact{"joined", map[bool]string{true: "to an organization's directory", false: "no"}[m.Management.DirectoryJoined]},
			fact{"managed", map[bool]string{true: "by an MDM service", false: "no"}[m.Management.MDMEnrolled]})
	}
	for _, p := range slices.Sorted(maps.Keys(m.Providers)) {
		all = append(all, fact{p, m.Providers[p]})
	}
	return all
}

// print says it to a person.
func (m measured) print(out io.Writer) {
	fmt.Fprintln(out, "\nThis PC, as it is measured now:")
	for _, f := range m.Facts() {
		fmt.Fprintf(out, "  %-18s %s\n", f.Name, f.Value)
	}
}
