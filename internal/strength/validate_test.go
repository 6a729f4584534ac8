package strength_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/strength"
)

func good() strength.Strength {
	return strength.Strength{ID: "7d718ef4", DisplayName: "Keys", Combinations: []strength.Methods{strength.FIDO2, strength.Password | strength.SMS}}
}

func TestAStrengthThatBreaksARuleIsRefusedByFieldAndValue(t *testing.T) {
	if err := strength.Validate(good()); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spoil func(s *strength.Strength)
		want  string
	}{
		"no name":       {func(s *strength.Strength) { s.DisplayName = "" }, "displayName is missing"},
		"long name":     {func(s *strength.Strength) { s.DisplayName = strings.Repeat("ä", 257) }, "displayName has 257 characters; at most 256"},
		"broken name":   {func(s *strength.Strength) { s.DisplayName = "\xff" }, "displayName is not valid UTF-8"},
		"description":   {func(s *strength.Strength) { s.Description = strings.Repeat("x", 1025) }, "description has 1025"},
		"built in":      {func(s *strength.Strength) { s.ID = strength.Multifactor }, "built-in authentication strength's"},
		"nothing":       {func(s *strength.Strength) { s.Combinations = nil }, "allowedCombinations is empty; name at least one of"},
		"twice":         {func(s *strength.Strength) { s.Combinations = append(s.Combinations, strength.FIDO2) }, `"fido2" is there twice`},
		"no such":       {func(s *strength.Strength) { s.Combinations[0] = strength.SMS | strength.Voice }, `"voice,sms" is no combination`},
		"empty":         {func(s *strength.Strength) { s.Combinations[0] = 0 }, `"" is no combination`},
		"not permitted": {func(s *strength.Strength) { s.Combinations[0] = strength.QRCodePin }, `valid are "windowsHelloForBusiness", "fido2"`},
	} {
		s := good()
		test.spoil(&s)
		if err := strength.Validate(s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFaultIsSaidAtOnce(t *testing.T) {
	err := strength.Validate(strength.Strength{})
	for _, want := range []string{"displayName", "allowedCombinations"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %s", err, want)
		}
	}
}

func TestThereAreNinetyNineContexts(t *testing.T) {
	for n := 1; n <= 99; n++ {
		if err := strength.CheckContextID(fmt.Sprintf("c%d", n)); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"", "c", "c0", "c01", "c100", "c-1", "c+1", "C1", "1", "c1 ", "c٣", "d1", "c1c"} {
		if err := strength.CheckContextID(id); err == nil || !strings.Contains(err.Error(), "c1 to c99") {
			t.Errorf("%q is one: %v", id, err)
		}
	}
}

func TestAContextNeedsItsNumberAlone(t *testing.T) {
	for _, c := range []strength.Context{{ID: "c7"}, {ID: "c7", DisplayName: "Payroll", Description: "with a second factor"}} {
		if err := strength.ValidateContext(c); err != nil {
			t.Error(err)
		}
	}
	err := strength.ValidateContext(strength.Context{ID: "payroll", DisplayName: strings.Repeat("x", 257), Description: strings.Repeat("x", 2000)})
	for _, want := range []string{"id is", "displayName", "description"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %s", err, want)
		}
	}
}
