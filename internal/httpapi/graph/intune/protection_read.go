package intune

import (
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/protection"
)

// readProtection takes over the body of a policy. Of the properties that it
// does not know, those of other platforms are what the portal always sends, and
// they pass.
func readProtection(c *graph.Call, o *odata.Object, p *protection.Policy) {
	if p.Revision == 0 {
		p.Tenant = c.Tenant()
	}
	if kind := o.Type(); kind != "" && kind != protectionKind {
		o.Refuse("@odata.type", "is %q; it must be %s", kind, protectionType)
		return
	}
	o.Text("displayName", &p.DisplayName)
	o.Text("description", &p.Description)
	o.Texts("roleScopeTagIds", &p.ScopeTags)
	p.Settings.Checks = slices.Clone(p.Settings.Checks)
	for _, s := range protection.Catalogue() {
		if s.HealthCheck() {
			readCheck(o, s, &p.Settings)
		} else {
			readSetting(o, s, &p.Settings)
		}
	}
	if o.Has("apps") {
		readApps(o, &p.Apps)
	}
	if o.Has("assignments") {
		readAssignments(o, &p.Assignments)
	}
}

func readSetting(o *odata.Object, s protection.Setting, to *protection.Settings) {
	name := s.Properties[0].Name
	if !o.Has(name) {
		return
	}
	value := s.Default
	if s.Kind == protection.KindSwitch {
		on := value == s.Values[1]
		o.Flag(name, &on)
		value = s.Values[map[bool]int{false: 0, true: 1}[on]]
	} else if o.Word(name, &value, s.Values...); value == "" {
		value = s.Default
	}
	if err := s.Set(to, value); err != nil {
		o.Refuse(name, "cannot be taken over: %s", fault.Detail(err))
	}
}

// readCheck takes over the rows of one health check.
func readCheck(o *odata.Object, s protection.Setting, to *protection.Settings) {
	if s.Single {
		readSingle(o, s, to)
		return
	}
	for _, property := range s.Properties {
		if !o.Has(property.Name) {
			continue
		}
		var limit string
		if s.Kind == protection.KindDuration {
			d := time.Duration(-1)
			if o.Duration(property.Name, &d); d < 0 {
				continue // refused
			}
			limit = protection.Check{Subject: protection.Subject(s.Name), After: d}.Limit()
			if o.Null(property.Name) {
				limit = ""
			}
		} else {
			o.Text(property.Name, &limit)
		}
		replace(o, to, row{property.Name, s.Name, property.Action, limit, limit != ""})
	}
}

// readSingle takes over a check that has one row, whose action is a property.
func readSingle(o *odata.Object, s protection.Setting, to *protection.Settings) {
	level, action, field := "", "", ""
	for _, k := range to.Checks {
		if string(k.Subject) == s.Name {
			level, action = k.Limit(), k.Action.String()
		}
	}
	for _, property := range s.Properties {
		if property.Holds == protection.HoldsAction {
			o.Word(property.Name, &action, protection.Block.String(), protection.Wipe.String())
		} else {
			o.Word(property.Name, &level, append([]string{notConfigured}, s.Values...)...)
		}
		field = property.Name
	}
	configured := action != ""
	if s.Kind == protection.KindLevel {
		configured = level != "" && level != notConfigured
		if action == "" {
			action = protection.Block.String()
		}
	}
	a, _ := protection.ParseAction(action) // one of the two above, or not configured
	replace(o, to, row{field, s.Name, a, level, configured})
}

type row struct {
	property, subject string
	action            protection.Action
	limit             string
	configured        bool
}

// replace puts a row in the place of the one before it. A check with a single
// row loses all others.
func replace(o *odata.Object, to *protection.Settings, r row) {
	s, _ := protection.Lookup(r.subject)
	to.Checks = slices.DeleteFunc(to.Checks, func(k protection.Check) bool {
		return string(k.Subject) == r.subject && (s.Single || k.Action == r.action)
	})
	if !r.configured {
		return
	}
	k, err := protection.ParseCheck(r.subject, r.action.String(), r.limit)
	if err != nil {
		o.Refuse(r.property, "is %q: %s", r.limit, fault.Detail(err))
		return
	}
	to.Checks = append(to.Checks, k)
}
