package strength

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxName        = 256  // characters
	maxDescription = 1024 // characters
)

// Validate returns every rule that s breaks, joined. Each names the field, the
// value and what would be valid.
func Validate(s Strength) error {
	errs := []error{text("displayName", s.DisplayName, 1, maxName), text("description", s.Description, 0, maxDescription)}
	if _, builtIn := BuiltIn(s.ID); builtIn {
		errs = append(errs, fmt.Errorf("id is %q, which is a built-in authentication strength's", s.ID))
	}
	if len(s.Combinations) == 0 {
		errs = append(errs, fmt.Errorf("allowedCombinations is empty; name at least one of %s", spelled()))
	}
	for i, c := range s.Combinations {
		switch {
		case !slices.Contains(Combinations(), c):
			errs = append(errs, fmt.Errorf("allowedCombinations: %q is no combination that can be allowed; valid are %s", c, spelled()))
		case slices.Contains(s.Combinations[:i], c):
			errs = append(errs, fmt.Errorf("allowedCombinations: %q is there twice; name each combination once", c))
		}
	}
	return errors.Join(errs...)
}

// spelled lists the combinations for people.
func spelled() string {
	var all []string
	for _, c := range Combinations() {
		all = append(all, `"`+c.String()+`"`)
	}
	return strings.Join(all, ", ")
}

// text judges a line of text by its length in characters.
func text(field, value string, least, most int) error {
	n := utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value):
		return fmt.Errorf("%s is not valid UTF-8", field)
	case n < least:
		return fmt.Errorf("%s is missing; it needs at least %d character(s)", field, least)
	case n > most:
		return fmt.Errorf("%s has %d characters; at most %d are allowed", field, n, most)
	}
	return nil
}
