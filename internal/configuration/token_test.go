package configuration_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
)

var ada = configuration.Person{ID: "u-1", Tenant: "t-1", UserPrincipalName: "ada.l@contoso.example", Mail: "ada@mail.example", DisplayName: `Ada "{{mail}}" \ <L>`}

func TestTokensStandForFactsAboutThePerson(t *testing.T) {
	for value, want := range map[string]string{
		"{{userprincipalname}}":                  "ada.l@contoso.example",
		"<{{mail}}>":                             "<ada@mail.example>",
		"{{partialupn}}{{PARTIALUPN}}":           "ada.lada.l",
		"{{accountid}}/{{userid}}":               "t-1/u-1",
		"{{username}}":                           `Ada "{{mail}}" \ <L>`, // a fact is no token
		"{{PrimarySMTPAddress}}":                 "ada@mail.example",
		"{{primarysmtpaddress}}":                 "ada@mail.example",
		"{{{mail}}}":                             "{ada@mail.example}",
		"{{mail} {{ mail }} {{nobody}} {mail}}}": "{{mail} {{ mail }} {{nobody}} {mail}}}",
		"{{":                                     "{{",
		"":                                       "",
	} {
		if got := configuration.Expand(value, ada); got != want {
			t.Errorf("%q becomes %q, want %q", value, got, want)
		}
	}
	for _, token := range configuration.Tokens() {
		if got := configuration.Expand(token, ada); got == token || got == "" {
			t.Errorf("%s becomes %q", token, got)
		}
		if got := configuration.Expand(token, configuration.Person{}); got != "" {
			t.Errorf("%s of nobody becomes %q", token, got)
		}
	}
}

// No fact about a person reads as a token, and none gets out of the JSON string
// that it stands in.
func FuzzExpand(f *testing.F) {
	f.Add("https://a.example/{{username}}", `"},{"name":"x`)
	f.Add("{{{username}}}{{mail}", "{{mail}}")
	f.Add("{{user{{username}}name}}", "{{user")
	f.Add(`\{{username}}\`, "\x00\xff\u2028</script>")
	f.Fuzz(func(t *testing.T, value, name string) {
		p := configuration.Person{DisplayName: name, Mail: "m"}
		want := strings.ReplaceAll(configuration.Expand(value, configuration.Person{DisplayName: "\x1f", Mail: "m"}), "\x1f", name)
		if got := configuration.Expand(value, p); !strings.Contains(value, "\x1f") && got != want {
			t.Fatalf("%q for %q becomes %q, want %q", value, name, got, want)
		}
		k, _ := configuration.Lookup("URLBlocklist")
		list, _ := json.Marshal([]string{"x" + value, "second"})
		canonical, err := k.Parse(string(list))
		if err != nil {
			return
		}
		policy := everyone("A_1", func(q *configuration.Policy) {
			q.Catalog = []configuration.Setting{{Name: "URLBlocklist", Value: canonical}}
		})
		e := configuration.Merge([]configuration.Policy{policy}, configuration.Target{App: edge, Person: p})
		var back []string
		if err := json.Unmarshal([]byte(e.Settings[0].Value), &back); err != nil || len(back) != 2 || back[1] != "second" {
			t.Fatalf("%s for %q becomes %s, %v", canonical, name, e.Settings[0].Value, err)
		}
	})
}
