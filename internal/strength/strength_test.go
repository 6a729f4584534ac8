package strength_test

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/strength"
)

func TestAnyAllowedCombinationWillDoAndNoPartOfOne(t *testing.T) {
	s := strength.Strength{Combinations: []strength.Methods{0, strength.Password | strength.SoftwareOath, strength.FIDO2}}
	for used, want := range map[strength.Methods]bool{
		0: false, strength.Password: false, strength.SoftwareOath: false, strength.SMS: false,
		strength.Password | strength.SMS: false, strength.Password | strength.SoftwareOath: true, strength.FIDO2: true,
		strength.Password | strength.SMS | strength.SoftwareOath: true,
		strength.Password | strength.FIDO2:                       true, // the password came first: what was used since counts
	} {
		if got := s.Satisfied(used); got != want {
			t.Errorf("%q satisfies: %v", used, got)
		}
	}
	if (strength.Strength{}).Satisfied(^strength.Methods(0)) {
		t.Error("a strength that allows nothing is satisfied")
	}
}

func TestUsingMoreNeverLosesAStrength(t *testing.T) {
	for _, s := range strength.BuiltIns() {
		for _, c := range strength.Combinations() {
			for _, mode := range strength.Modes() {
				if s.Satisfied(c) && !s.Satisfied(c|mode.Method) {
					t.Errorf("%s is satisfied by %q and not by %q", s.DisplayName, c, c|mode.Method)
				}
			}
		}
	}
}

func TestABuiltInStrengthImpliesTheWeakerOnes(t *testing.T) {
	all := strength.BuiltIns()
	if len(all) != 3 || all[0].ID != strength.Multifactor || all[1].ID != strength.Passwordless || all[2].ID != strength.PhishingResistant {
		t.Fatalf("the built-in strengths are %v", all)
	}
	for i := range all[1:] {
		for _, c := range all[i+1].Combinations {
			if !slices.Contains(all[i].Combinations, c) {
				t.Errorf("%s allows %q and %s does not", all[i+1].DisplayName, c, all[i].DisplayName)
			}
		}
	}
	for n, want := range []int{17, 4, 3} { // as Microsoft documents them
		s := all[n]
		if len(s.Combinations) != want || !s.BuiltIn || s.Tenant != "" || s.Revision != 1 || !s.SatisfiesMFA() || s.CreatedAt.IsZero() {
			t.Errorf("built in: %+v", s)
		}
		for _, c := range s.Combinations {
			if !slices.Contains(strength.Combinations(), c) {
				t.Errorf("%s allows %q, which no strength may", s.DisplayName, c)
			}
		}
	}
}

func TestWhatIsBuiltInCannotBeSpoiled(t *testing.T) {
	strength.BuiltIns()[2].Combinations[0] = strength.Password
	if s, ok := strength.BuiltIn(strength.PhishingResistant); !ok || s.Satisfied(strength.Password) {
		t.Errorf("phishing-resistant is %+v", s)
	}
	if s, ok := strength.BuiltIn("00000000-0000-0000-0000-000000000001"); ok {
		t.Errorf("there is a built-in strength %+v", s)
	}
}

func TestTheCombinationsAreThoseThatGraphDocuments(t *testing.T) {
	var have []string
	for _, c := range strength.Combinations() {
		have = append(have, c.String())
	}
	want := []string{
		"windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush", "temporaryAccessPassOneTime",
		"temporaryAccessPassMultiUse", "password,microsoftAuthenticatorPush", "password,softwareOath", "password,hardwareOath",
		"password,sms", "password,voice", "federatedMultiFactor", "microsoftAuthenticatorPush,federatedSingleFactor",
		"softwareOath,federatedSingleFactor", "hardwareOath,federatedSingleFactor", "sms,federatedSingleFactor",
		"voice,federatedSingleFactor", "password,x509CertificateSingleFactor", "password,x509CertificateMultiFactor",
		"x509CertificateSingleFactor", "sms", "password", "federatedSingleFactor", "email",
	}
	if !slices.Equal(have, want) {
		t.Errorf("combinations are\n%v, want\n%v", have, want)
	}
}

func TestAStrengthSatisfiesMFAOnlyIfEveryCombinationDoes(t *testing.T) {
	two, one := strength.Password|strength.SMS, strength.Password
	for _, test := range []struct {
		allowed []strength.Methods
		want    bool
	}{
		{nil, false}, {[]strength.Methods{two}, true}, {[]strength.Methods{one}, false}, {[]strength.Methods{two, one}, false},
		{[]strength.Methods{strength.Password | strength.CertificateSingleFactor, strength.Password | strength.CertificateMultiFactor}, true},
		{[]strength.Methods{strength.Email}, false}, {[]strength.Methods{strength.CertificateSingleFactor}, false},
	} {
		if got := (strength.Strength{Combinations: test.allowed}).SatisfiesMFA(); got != test.want {
			t.Errorf("%v satisfies MFA: %v", test.allowed, got)
		}
	}
}

func TestEveryMethodHasOneBitAndOneWord(t *testing.T) {
	var seen strength.Methods
	words := map[string]bool{}
	for _, m := range strength.Modes() {
		if bits.OnesCount32(uint32(m.Method)) != 1 || seen&m.Method != 0 || words[m.Name] || m.Base == "" || m.DisplayName == "" {
			t.Errorf("mode %+v", m)
		}
		seen, words[m.Name] = seen|m.Method, true
		if got, err := strength.ParseCombination(m.Name); err != nil || got != m.Method {
			t.Errorf("%s is %d: %v", m.Name, got, err)
		}
	}
	if strength.QRCodePin != 131072 || strength.FederatedMultiFactor != 32768 { // the values of Graph's enumeration
		t.Errorf("qrCodePin is %d", strength.QRCodePin)
	}
}

func TestACombinationIsReadInAnyOrderAndWrittenInOne(t *testing.T) {
	for _, text := range []string{"password,softwareOath", "softwareOath,password", " softwareOath , password ", "PASSWORD,softwareoath"} {
		m, err := strength.ParseCombination(text)
		if err != nil || m != strength.Password|strength.SoftwareOath || m.String() != "password,softwareOath" {
			t.Errorf("%q is %q: %v", text, m, err)
		}
	}
}

func TestWhatIsNoCombinationIsRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		"": `"" is no`, ",": `"" is no`, "password,": `"" is no`, "pass word": `"pass word" is no`, "unknownFutureValue": `"unknownFutureValue" is no`,
		"password,pigeon": `"pigeon" is no`, "sms,password,sms": "names sms twice",
	} {
		m, err := strength.ParseCombination(text)
		if err == nil || m != 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %q: %v", text, m, err)
		}
	}
}

func TestMethodsAreKeptAsWords(t *testing.T) {
	type kept struct {
		Used  strength.Methods
		Empty strength.Methods
		Many  []strength.Methods
	}
	before := kept{strength.FIDO2, 0, strength.Combinations()}
	doc, err := json.Marshal(before)
	if err != nil || !strings.HasPrefix(string(doc), `{"Used":"fido2","Empty":"","Many":["windowsHelloForBusiness","fido2",`) {
		t.Fatalf("%s: %v", doc, err)
	}
	after := kept{Empty: strength.SMS}
	if err := json.Unmarshal(doc, &after); err != nil || after.Used != before.Used || after.Empty != 0 || !slices.Equal(after.Many, before.Many) {
		t.Errorf("%+v: %v", after, err)
	}
	used := strength.SMS
	if err := used.UnmarshalText([]byte("pigeon")); err == nil || used != strength.SMS {
		t.Errorf("a pigeon is %q: %v", used, err)
	}
}

func FuzzParseCombination(f *testing.F) {
	for _, c := range strength.Combinations() {
		f.Add(c.String())
	}
	for _, text := range []string{"", ",", "password, sms", "sms,sms", "fido2,", "FIDO2", "qrCodePin,email"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := strength.ParseCombination(text)
		if err != nil {
			if m != 0 {
				t.Errorf("%q is refused and is %q", text, m)
			}
			return
		}
		again, err := strength.ParseCombination(m.String())
		if err != nil || again != m || m == 0 {
			t.Errorf("%q is %q, which is %q: %v", text, m, again, err)
		}
		if strings.Count(m.String(), ",") != strings.Count(text, ",") {
			t.Errorf("%q lost a method as %q", text, m)
		}
	})
}
