package devicefilter_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/version"
)

// rule is a rule as the generator made it, and its meaning said once more, slowly
// and with other words.
type rule struct {
	text string
	mean func(facts map[string]string) bool
}

// inAnyCase writes a word in upper, lower or its own case.
func inAnyCase(t *rapid.T, s string) string {
	return rapid.SampledFrom([]func(string) string{strings.ToUpper, strings.ToLower, strings.Clone}).Draw(t, "case")(s)
}

func dressed(t *rapid.T, operator string) string {
	return rapid.SampledFrom([]string{"-", "", "\u2013", "\u2014"}).Draw(t, "dash") + inAnyCase(t, operator)
}

func quotedValue(t *rapid.T, s string) string {
	if rapid.Bool().Draw(t, "single") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return `"` + strings.NewReplacer("`", "``", `"`, "`\"").Replace(s) + `"`
}

func values(t *rapid.T) string {
	return rapid.StringMatching("[aAbÉé\"'` \\\\]{0,3}").Draw(t, "value")
}

func versions(t *rapid.T) string {
	return rapid.SampledFrom([]string{"1", "1.0", "1.2", "10.0", "22631", "10.0.22631", "10.0.22631.7"}).Draw(t, "version")
}

// leaf makes one comparison.
func leaf(t *rapid.T, v devicefilter.Vocabulary) rule {
	p := rapid.SampledFrom(v.Properties()).Draw(t, "property")
	o := rapid.SampledFrom(p.Operators).Draw(t, "operator")
	operands, null := []string{}, (o == "eq" || o == "ne") && rapid.IntRange(0, 4).Draw(t, "null") == 0
	for range 1 + rapid.IntRange(0, 2).Draw(t, "more") {
		operands = append(operands, operand(t, p, o))
	}
	var written string
	switch {
	case null:
		operands, written = nil, rapid.SampledFrom([]string{"$null", "null", "$NULL"}).Draw(t, "nothing")
	case o == "in" || o == "notIn":
		quoted := make([]string, len(operands))
		for i, s := range operands {
			quoted[i] = quotedValue(t, s)
		}
		written = "[" + strings.Join(quoted, rapid.SampledFrom([]string{",", " , "}).Draw(t, "comma")) + "]"
	default:
		operands = operands[:1]
		written = quotedValue(t, operands[0])
	}
	return rule{
		inAnyCase(t, p.Name) + " " + dressed(t, string(o)) + " " + written,
		func(facts map[string]string) bool { return slow(p, o, operands, facts[p.Name]) },
	}
}

func operand(t *rapid.T, p devicefilter.Property, o devicefilter.Operator) string {
	switch {
	case p.Kind == devicefilter.Version || strings.Contains("gt ge lt le", string(o)):
		return versions(t)
	case p.Kind == devicefilter.Boolean:
		return rapid.SampledFrom([]string{"True", "false"}).Draw(t, "boolean")
	case p.Values != nil:
		return inAnyCase(t, rapid.SampledFrom(p.Values).Draw(t, "choice"))
	default:
		return values(t)
	}
}

// slow evaluates one comparison; no operands means $null, "" an absent value.
func slow(p devicefilter.Property, o devicefilter.Operator, operands []string, value string) bool {
	if positive, negative := strings.CutPrefix(string(o), "not"); negative {
		return !slow(p, devicefilter.Operator(strings.ToLower(positive[:1])+positive[1:]), operands, value)
	}
	if o == "ne" {
		return !slow(p, "eq", operands, value)
	}
	if operands == nil {
		return value == ""
	}
	if value == "" {
		return false
	}
	value = strings.ToLower(value)
	for _, s := range operands {
		if one(p, o, strings.ToLower(s), value) {
			return true
		}
	}
	return false
}

// one compares one value with one operand, both in lower case.
func one(p devicefilter.Property, o devicefilter.Operator, s, value string) bool {
	if p.Kind == devicefilter.Version || strings.Contains("gt ge lt le", string(o)) {
		read := version.Parse
		if strings.Contains(p.Name, "operatingSystemVersion") || strings.Contains(p.Name, "osVersion") {
			read = version.ParseWindows
		}
		v, err := read(value)
		w, _ := read(s)
		return err == nil && strings.Contains(map[int]string{-1: "lt le", 0: "eq le ge", 1: "gt ge"}[v.Compare(w)], string(o))
	}
	if p.Kind == devicefilter.Collection {
		return strings.Contains("\n"+value+"\n", "\n"+s+"\n")
	}
	switch o {
	case "startsWith":
		return strings.HasPrefix(value, s)
	case "endsWith":
		return strings.HasSuffix(value, s)
	case "contains":
		return strings.Contains(value, s)
	default:
		return value == s
	}
}

// tree makes a rule with at most depth levels.
func tree(t *rapid.T, v devicefilter.Vocabulary, depth int) rule {
	shape := rapid.IntRange(0, 3).Draw(t, "shape")
	if depth == 0 || shape == 0 {
		return leaf(t, v)
	}
	a, b := tree(t, v, depth-1), tree(t, v, depth-1)
	switch shape {
	case 1:
		return rule{dressed(t, "not") + "(" + a.text + ")", func(f map[string]string) bool { return !a.mean(f) }}
	case 2:
		return rule{"(" + a.text + ")" + dressed(t, "and") + "(" + b.text + ")", func(f map[string]string) bool { return a.mean(f) && b.mean(f) }}
	default:
		return rule{"((" + a.text + ") " + dressed(t, "or") + " " + b.text + " )", func(f map[string]string) bool { return a.mean(f) || b.mean(f) }}
	}
}

func someFacts(t *rapid.T, v devicefilter.Vocabulary) map[string]string {
	facts := map[string]string{}
	for _, p := range v.Properties() {
		switch rapid.IntRange(0, 3).Draw(t, p.Name) {
		case 0: // unknown
		case 1:
			facts[p.Name] = versions(t)
		default:
			facts[p.Name] = operand(t, p, "eq")
			if p.Kind == devicefilter.Collection && facts[p.Name] != "" {
				facts[p.Name] += "\n" + values(t)
			}
		}
	}
	return facts
}

func TestASlowEvaluatorAgrees(t *testing.T) {
	for name, v := range map[string]devicefilter.Vocabulary{
		"apps": devicefilter.ManagedApps(house()), "devices": devicefilter.WindowsDevices(house()), "access": devicefilter.ConditionalAccess(),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				made := tree(t, v, 3)
				r, err := devicefilter.Parse(made.text, v)
				if err != nil {
					t.Fatalf("%s: %v", made.text, err)
				}
				facts := someFacts(t, v)
				if got, want := r.Matches(known(facts)), made.mean(facts); got != want {
					t.Fatalf("%s is %v, should be %v, for %q", made.text, got, want, facts)
				}
			})
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`(app.deviceManufacturer -eq "Contoso") and not (app.appVersion -startsWith "119.")`,
		`((device.manufacturer -eq "a") and (device.model -in ["b", 'c'])) or (device.operatingSystemSKU -eq $null)`,
		`device.isCompliant -eq True -or device.trustType –ne 'ServerAD'`,
		"(app.deviceModel -eq \"a`\"b``\") or (app.deviceModel -eq 'd''Or')",
		`(app.operatingSystemVersion -ge 22631.1)`, `((((`, `-not -not`, `app.appVersion -in [`, `"`, "\xff", "app.deviceModel -contains \"\u212a\"",
	} {
		f.Add(seed, "Contoso")
	}
	vocabularies := []devicefilter.Vocabulary{devicefilter.ManagedApps(house()), devicefilter.WindowsDevices(house()), devicefilter.ConditionalAccess()}
	f.Fuzz(func(t *testing.T, text, value string) {
		facts := func(string) (string, bool) { return value, value != "" }
		for _, v := range vocabularies {
			r, err := devicefilter.Parse(text, v)
			if err != nil {
				if !r.IsZero() {
					t.Fatal("a rule and an error")
				}
				continue
			}
			again, err := devicefilter.Parse(r.String(), v)
			if err != nil || r.String() != text || again.Matches(devicefilter.FactFunc(facts)) != r.Matches(devicefilter.FactFunc(facts)) || again.Matches(known(nil)) != r.Matches(known(nil)) {
				t.Fatalf("%q does not round-trip: %v", text, err)
			}
			opposite, err := devicefilter.Parse("not ("+text+")", v)
			if err == nil && opposite.Matches(devicefilter.FactFunc(facts)) == r.Matches(devicefilter.FactFunc(facts)) {
				t.Fatalf("not (%s) is the same", text)
			}
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	r, err := devicefilter.Parse(`((app.deviceManufacturer -in ["Fabrikam", "Contoso"]) and (app.deviceModel -contains "book")) or (app.appVersion -startsWith "119.")`, devicefilter.ManagedApps(house()))
	if err != nil {
		b.Fatal(err)
	}
	facts := func(property string) (string, bool) {
		switch property {
		case devicefilter.AppDeviceManufacturer:
			return "contoso", true
		case devicefilter.AppDeviceModel:
			return "Surface Book 3", true
		default:
			return "", false
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if !r.Matches(devicefilter.FactFunc(facts)) {
			b.Fatal("no match")
		}
	}
}

// house reads versions as the house does.
func house() devicefilter.Versions {
	return devicefilter.Versions{
		App:     func(text string) ([4]uint32, error) { return version.Parse(text) },
		Windows: func(text string) ([4]uint32, error) { return version.ParseWindows(text) },
	}
}
