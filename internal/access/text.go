package access

import (
	"fmt"
	"slices"
	"strings"
)

// Names by value. States and operators are spelled as Graph spells them.
var (
	stateNames    = [...]string{"disabled", "enabled", "enabledForReportingButNotEnforced"}
	operatorNames = [...]string{"AND", "OR"}
	outcomeNames  = [...]string{"denied", "challenge", "granted"}
	resultNames   = [...]string{
		"notApplied", "notEnabled", "success", "failure",
		"reportOnlyNotApplied", "reportOnlySuccess", "reportOnlyFailure", "reportOnlyInterrupted",
	}
	effectNames    = [...]string{"unchanged", "letIn", "eased", "prompted", "blocked"}
	conditionNames = [...]string{
		"users", "applications", "clientAppTypes", "platforms", "locations", "signInRiskLevels", "userRiskLevels", "insiderRiskLevels",
		"clientApplications", "servicePrincipalRiskLevels", "devices", "authenticationFlows",
	}
)

// ParseState is the inverse of State.String. It fails on any other text and
// names what is valid.
func ParseState(s string) (State, error) {
	return parse[State](stateNames[:], "state", s)
}

// ParseOperator is the inverse of Operator.String.
func ParseOperator(s string) (Operator, error) {
	return parse[Operator](operatorNames[:], "operator", s)
}

// ParseOutcome is the inverse of Outcome.String.
func ParseOutcome(s string) (Outcome, error) {
	return parse[Outcome](outcomeNames[:], "outcome", s)
}

// ParseResult is the inverse of Result.String.
func ParseResult(s string) (Result, error) {
	return parse[Result](resultNames[:], "result", s)
}

// ParseCondition is the inverse of Condition.String.
func ParseCondition(s string) (Condition, error) {
	return parse[Condition](conditionNames[:], "condition", s)
}

func (r Result) String() string    { return name(resultNames[:], "Result", r) }
func (c Condition) String() string { return name(conditionNames[:], "Condition", c) }
func (e Effect) String() string    { return name(effectNames[:], "Effect", e) }
func (s State) String() string     { return name(stateNames[:], "State", s) }
func (o Operator) String() string  { return name(operatorNames[:], "Operator", o) }
func (o Outcome) String() string   { return name(outcomeNames[:], "Outcome", o) }

// MarshalText fails on a value that has no name.
func (s State) MarshalText() ([]byte, error) { return marshal(stateNames[:], "state", s) }

// MarshalText fails on a value that has no name.
func (o Operator) MarshalText() ([]byte, error) { return marshal(operatorNames[:], "operator", o) }

// MarshalText fails on a value that has no name.
func (o Outcome) MarshalText() ([]byte, error) { return marshal(outcomeNames[:], "outcome", o) }

// MarshalText fails on a value that has no name.
func (r Result) MarshalText() ([]byte, error) { return marshal(resultNames[:], "result", r) }

// MarshalText fails on a value that has no name.
func (c Condition) MarshalText() ([]byte, error) { return marshal(conditionNames[:], "condition", c) }

// UnmarshalText leaves r alone when it fails.
func (r *Result) UnmarshalText(text []byte) error { return unmarshal(r, text, ParseResult) }

// UnmarshalText leaves c alone when it fails.
func (c *Condition) UnmarshalText(text []byte) error { return unmarshal(c, text, ParseCondition) }

// UnmarshalText leaves s alone when it fails.
func (s *State) UnmarshalText(text []byte) error {
	return unmarshal(s, text, ParseState)
}

// UnmarshalText leaves o alone when it fails.
func (o *Operator) UnmarshalText(text []byte) error {
	return unmarshal(o, text, ParseOperator)
}

// UnmarshalText leaves o alone when it fails.
func (o *Outcome) UnmarshalText(text []byte) error {
	return unmarshal(o, text, ParseOutcome)
}

func parse[E ~uint8](names []string, kind, s string) (E, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("%s %q is unknown; valid are %s", kind, s, strings.Join(names, ", "))
	}
	return E(i), nil
}

func name[E ~uint8](names []string, kind string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(e))
}

func marshal[E ~uint8](names []string, kind string, e E) ([]byte, error) {
	if int(e) < len(names) {
		return []byte(names[e]), nil
	}
	return nil, fmt.Errorf("%s %d has no name; valid are 0 to %d", kind, uint8(e), len(names)-1)
}

func unmarshal[E any](to *E, text []byte, parse func(string) (E, error)) error {
	e, err := parse(string(text))
	if err != nil {
		return err
	}
	*to = e
	return nil
}
