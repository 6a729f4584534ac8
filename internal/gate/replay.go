package gate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Draft is what policies would be, and which sign-ins to hold it against.
type Draft struct {
	Put   []access.Policy   // in place of those with the same identifier, or beside them
	Drop  []access.PolicyID // gone
	Since time.Time
	// Enforce takes the report-only policies of Put as enabled.
	Enforce bool
	// Progress is called now and then with how many were looked at; nil: it is not.
	Progress func(looked int)
}

// maxExamples bounds the sign-ins that an Impact lists.
const maxExamples = 100

// Impact is what a draft would have done to the sign-ins of a time.
type Impact struct {
	Now, Draft access.SetID
	SignIns    int
	// Reproduced counts the sign-ins that came out as recorded when decided anew by
	// the rules of then; Strayed lists others.
	Reproduced int
	Strayed    []Stray
	Effects    [access.EffectCount]int // of the draft, beside the rules of now
	People     [access.EffectCount]int // by the worst that each met
	Apps       []Tally                 // that are affected, the most affected first
	Groups     []Tally
	Examples   []Example
}

// Stray is a sign-in that does not come out as recorded.
type Stray struct {
	ID  string
	Why string
}

// Tally counts effects on the sign-ins to one app, or of one group's members.
type Tally struct {
	ID      string
	Name    string // of an app
	Effects [access.EffectCount]int
}

// Example is a sign-in that the draft would have changed.
type Example struct {
	Record   access.Record
	Effect   access.Effect
	Code     int              // under the draft
	Policies []access.Applied // of the draft, that failed
}

// Replay decides past sign-ins anew: by the rules of then, to see that what was
// recorded is what was decided; by the rules of now; and by the rules of now with
// a draft in them. Nothing is saved, and nobody is asked for anything. An invalid
// draft is fault.Invalid.
func (s *Service) Replay(ctx context.Context, t directory.TenantID, d Draft) (Impact, error) {
	config, err := s.store.Config(ctx, t)
	if err != nil {
		return Impact{}, err
	}
	for i := range d.Put {
		p := &d.Put[i]
		if d.Enforce && p.State == access.ReportOnly {
			p.State = access.Enabled
		}
		p.ID = cmp.Or(p.ID, access.PolicyID("draft"))
		if err := access.Validate(*p); err != nil {
			return Impact{}, err
		}
	}
	now := rules(config)
	r := &replay{
		service: s, tenant: t, now: access.Compile(now), draft: access.Compile(now.Draft(d.Put, d.Drop)),
		sets: map[access.SetID]*access.Set{}, people: map[directory.UserID]access.Effect{}, apps: map[string]*Tally{}, groups: map[string]*Tally{},
	}
	err = s.store.History(ctx, t, d.Since, func(rec access.Record) bool {
		r.look(ctx, rec)
		if d.Progress != nil && r.SignIns%1000 == 0 {
			d.Progress(r.SignIns)
		}
		return r.err == nil && ctx.Err() == nil
	})
	if err = errors.Join(err, r.err, ctx.Err()); err != nil {
		return Impact{}, err
	}
	return r.impact(), nil
}

// replay gathers an Impact.
type replay struct {
	Impact
	service *Service
	tenant  directory.TenantID
	now     *access.Set
	draft   *access.Set
	sets    map[access.SetID]*access.Set // nil: they are not kept any more
	before  access.Decision
	after   access.Decision
	people  map[directory.UserID]access.Effect
	apps    map[string]*Tally
	groups  map[string]*Tally
	err     error
}

// look decides one sign-in anew.
func (r *replay) look(ctx context.Context, rec access.Record) {
	r.SignIns++
	r.reproduce(ctx, rec)
	r.now.EvaluateInto(&r.before, rec.Facts)
	r.draft.EvaluateInto(&r.after, rec.Facts)
	effect := access.Compare(r.before.Outcome, r.after.Outcome)
	r.Effects[effect]++
	if rec.User != "" {
		r.people[rec.User] = max(r.people[rec.User], effect)
	}
	if effect == access.Unchanged {
		return
	}
	count(r.apps, string(rec.Resource), rec.ResourceName, effect)
	for _, g := range rec.Facts.Groups {
		count(r.groups, string(g), "", effect)
	}
	if len(r.Examples) >= maxExamples {
		return
	}
	e := Example{Record: rec, Effect: effect, Code: r.after.Code}
	for _, a := range r.after.Matched() {
		if a.Result == access.Failure {
			e.Policies = append(e.Policies, a)
		}
	}
	r.Examples = append(r.Examples, e)
}

// reproduce decides by the rules of then.
func (r *replay) reproduce(ctx context.Context, rec access.Record) {
	set, err := r.service.setOf(ctx, r.tenant, rec.Set, r.sets)
	if err != nil {
		r.err = err
		return
	}
	why := "the rules of then are not kept any more, or were another release's"
	if set != nil {
		err := set.Reproduce(rec)
		if err == nil {
			r.Reproduced++
			return
		}
		why = err.Error()
	}
	if len(r.Strayed) < maxExamples {
		r.Strayed = append(r.Strayed, Stray{ID: rec.ID, Why: why})
	}
}

func count(tallies map[string]*Tally, id, name string, e access.Effect) {
	t := tallies[id]
	if t == nil {
		t = &Tally{ID: id}
		tallies[id] = t
	}
	t.Name = cmp.Or(name, t.Name)
	t.Effects[e]++
}

func (r *replay) impact() Impact {
	for _, e := range r.people {
		r.People[e]++
	}
	r.Now, r.Draft, r.Apps, r.Groups = r.now.ID(), r.draft.ID(), ranked(r.apps), ranked(r.groups)
	return r.Impact
}

// ranked lists tallies, the most affected first.
func ranked(tallies map[string]*Tally) []Tally {
	total := func(t Tally) (n int) {
		for _, e := range t.Effects {
			n += e
		}
		return n
	}
	var out []Tally
	for _, t := range tallies {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Tally) int { return cmp.Or(total(b)-total(a), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Reasons says of each record what every policy of its rules came to, also of
// those that did not apply: the log keeps facts and rules, and the evaluator says
// the rest. Of a record whose rules are not kept, or do not come to what was
// recorded, it is what the record itself says.
func (s *Service) Reasons(ctx context.Context, t directory.TenantID, records []access.Record) ([][]access.Applied, error) {
	sets := map[access.SetID]*access.Set{}
	out := make([][]access.Applied, len(records))
	for i, r := range records {
		out[i] = r.Applied
		if r.Set == "" || r.Facts == nil {
			continue
		}
		set, err := s.setOf(ctx, t, r.Set, sets)
		if err != nil {
			return nil, err
		}
		if set != nil && set.Reproduce(r) == nil {
			d := set.Evaluate(r.Facts)
			out[i] = d.Applied()
		}
	}
	return out, nil
}

// setOf compiles the rules that were kept under an identifier, once; nil when they
// are not kept any more, or are another evaluator's.
func (s *Service) setOf(ctx context.Context, t directory.TenantID, id access.SetID, compiled map[access.SetID]*access.Set) (*access.Set, error) {
	if set, known := compiled[id]; known {
		return set, nil
	}
	var set *access.Set
	rules, err := s.store.Kept(ctx, t, id)
	switch {
	case err == nil && rules.Engine == access.Engine:
		set = access.Compile(rules)
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return nil, err
	}
	compiled[id] = set
	return set, nil
}
