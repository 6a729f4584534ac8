package protection

// Contribution is what one policy asks for one setting.
type Contribution struct {
	Policy   PolicyID
	Setting  string // as in Effective.Sources: a catalogue setting, or Check.Name
	Value    string // with defaults: a value of the catalogue, or Check.Limit
	Decisive bool   // it is the one that Effective.Sources names
}

// Explain returns what every policy that applies to t asks for every setting,
// beside what Merge makes of it: policies in the order of identifiers, settings
// in the order of the catalogue, rows in that of severity. It returns nothing
// when no policy targets t. It is for people; Merge is what decides.
func Explain(policies []Policy, t Target) []Contribution {
	e := Merge(policies, t)
	if e == nil {
		return nil
	}
	var all []Contribution
	for _, p := range joining(policies, t) {
		s := p.Settings.WithDefaults()
		add := func(setting, value string) {
			all = append(all, Contribution{p.ID, setting, value, e.Sources[setting] == p.ID})
		}
		for i := range catalogue {
			if entry := &catalogue[i]; !entry.HealthCheck() {
				add(entry.Name, entry.Value(s))
			}
		}
		for _, c := range s.Checks {
			add(c.Name(), c.Limit())
		}
	}
	return all
}
