package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/wire"
)

// sent are the types that go from a PC to the service.
func sent() []any {
	return []any{
		wire.RegisterDevice{}, wire.Enroll{}, wire.CheckIn{}, wire.Diagnostics{}, wire.ReceiptEnvelope{}, wire.WipeReceipt{}, wire.DeviceProof{},
	}
}

// named are the members of maps, which no type lists.
func named(message, path string) bool {
	return message == "CheckIn" && strings.HasPrefix(path, "providers/") || message == "Diagnostics" && strings.HasPrefix(path, "facts/")
}

// paths are those of all leaves of a type.
func paths(t reflect.Type, at string) (all []string) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return []string{at}
	case t.Kind() == reflect.Pointer:
		return paths(t.Elem(), at)
	case t.Kind() == reflect.Slice:
		return paths(t.Elem(), at+"/*")
	case t.Kind() == reflect.Map:
		return nil
	case t.Kind() != reflect.Struct:
		return []string{at}
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if at != "" && name != "" {
			name = "/" + name
		}
		all = append(all, paths(f.Type, at+name)...)
	}
	return all
}

func TestEveryMemberOfEveryMessageIsDeclaredAndNothingElse(t *testing.T) {
	for _, m := range sent() {
		message := reflect.TypeOf(m).Name()
		want := paths(reflect.TypeOf(m), "")
		for _, f := range wire.Ledger() {
			if f.Message != message || named(message, f.Path) {
				continue
			}
			i := slices.Index(want, f.Path)
			if i < 0 {
				t.Errorf("%s has no member %s, or it is declared twice", message, f.Path)
				continue
			}
			want = slices.Delete(want, i, i+1)
		}
		for _, path := range want {
			t.Errorf("%s of %s leaves the PC and is not declared: say in wire/fields.go what it is, why, to whom it goes and for how long", path, message)
		}
	}
}

func TestADeclarationSaysEverything(t *testing.T) {
	var order []string
	for _, f := range wire.Ledger() {
		if f.Path == "" || f.What == "" || f.Why == "" || f.To == "" || f.Kept == "" {
			t.Errorf("%+v lacks something", f)
		}
		if len(order) == 0 || order[len(order)-1] != f.Message {
			order = append(order, f.Message)
		}
	}
	var all []string
	for _, m := range wire.Messages() {
		all = append(all, m.Name)
		if m.When == "" {
			t.Errorf("nobody knows when %s is sent", m.Name)
		}
	}
	if !slices.Equal(order, all) {
		t.Errorf("fields are of %q, messages are %q", order, all)
	}
}

func TestWhatImplementationsSendAsExamplesIsDeclared(t *testing.T) {
	for file, message := range map[string]string{
		"register-device.json": "RegisterDevice", "enroll.json": "Enroll", "check-in.json": "CheckIn", "receipt.json": "ReceiptEnvelope", "diagnostics.json": "Diagnostics",
	} {
		doc, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.Undeclared(message, doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAMemberThatNobodyDeclaredIsNamed(t *testing.T) {
	for doc, path := range map[string]string{
		`{"appVersion":"1","location":{"lat":1}}`: "location",
		`{"APPVERSION":"1"}`:                      "APPVERSION",
		`{"":1}`:                                  "",
		`{"management":{"mdmEnrolled":true,"by":"Contoso"}}`:      "management/by",
		`{"management/mdmEnrolled":"a name that spells a path"}`:  "management/mdmEnrolled",
		`{"failedChecks":["a",{"files":["C:\\"]}]}`:               "failedChecks/*/files",
		`{"failedChecks":{"*":"smuggled"}}`:                       "failedChecks/*",
		`{"providers":{"antivirus":"good","browserHistory":"x"}}`: "providers/browserHistory",
		`{"osVersion":["10"]}`:                                    "osVersion/*",
		`{"osVersion":{"build":1}}`:                               "osVersion/build",
		`{"management":[[[[]]]]}`:                                 "management/*",
		`["x"]`:                                                   "*",
	} {
		err := wire.Undeclared("CheckIn", []byte(doc))
		if e, ok := errors.AsType[*wire.UndeclaredError](err); !ok || e.Path != path || e.Message != "CheckIn" {
			t.Errorf("%s: %v", doc, err)
		}
	}
	err := wire.Undeclared("Enroll", []byte(`{"x`+strings.Repeat("é", 1000)+`":1}`))
	if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "docs/privacy-ledger.md") {
		t.Errorf("got %v", err)
	}
	if err := wire.Undeclared("Gossip", []byte(`1`)); err == nil {
		t.Error("a message that nobody declared passes")
	}
}

func TestWhatIsNoJSONIsNotDeclaredEither(t *testing.T) {
	for _, doc := range []string{``, `{`, `{"appVersion"`, `{"appVersion":`, `{"appVersion":}`, `{"failedChecks":["a"`, `{1:2}`, `{"appVersion":"1" "x":2}`} {
		if err := wire.Undeclared("CheckIn", []byte(doc)); err == nil {
			t.Errorf("%s passes", doc)
		}
	}
}

func TestSecretsAreShownByNameOnly(t *testing.T) {
	got, err := wire.Shown("TokenRequest", []byte(`{"grant_type":"refresh_token","refresh_token":"hush","scope":"a"}`))
	if err != nil || string(got) != `{"grant_type":"refresh_token","refresh_token":"`+wire.Hidden+`","scope":"a"}` {
		t.Errorf("%s, %v", got, err)
	}
	doc := `{"iat":1760000000123456789,"items":[{"name":"tokens","removed":true}]}`
	if got, err := wire.Shown("WipeReceipt", []byte(doc)); err != nil || string(got) != doc {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := wire.Shown("CheckIn", []byte(`{`)); err == nil {
		t.Error("half a document is shown")
	}
}

// No body, however it is made, gets a member through that is not declared.
func FuzzUndeclared(f *testing.F) {
	for _, doc := range []string{`{"providers":{"antivirus":"good"},"failedChecks":["x"]}`, `{"facts":{"a":1}}`, `[[]]`, `{"management":null}`, `{"a/b":1,"*":2}`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if wire.Undeclared("CheckIn", doc) != nil {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(doc))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%q passes and is no JSON: %v", doc, err)
		}
		all, ok := v.(map[string]any)
		for name := range all {
			if _, err := wire.Shown("CheckIn", doc); err != nil || ok && !slices.ContainsFunc(wire.Ledger(), func(f wire.Field) bool {
				return f.Message == "CheckIn" && (f.Path == name || strings.HasPrefix(f.Path, name+"/"))
			}) {
				t.Fatalf("%q passes with %q (%v)", doc, name, err)
			}
		}
	})
}

// The page for people says what the table says. "go test ./wire -update" writes it.
func TestThePageForPeopleIsTheTable(t *testing.T) {
	var page strings.Builder
	page.WriteString(`# What leaves the PC

This page is written from the table in ` + "`wire/fields.go`" + ` by ` + "`go test ./wire -update`" + `. The agent and apps made with the SDK send nothing that is not
listed here: each message is checked against the table before it leaves, and one with anything else is not sent. The service refuses it as
well, by name (400, code ` + "`undeclared`" + `). ` + "`postern-agent status`" + ` and the extension's window list what was really sent, newest of each kind.

Everything goes to the service of the organization that the person signed in to, and to nobody else. What is marked secret is shown by name
only. An entry of the service's sign-in log holds what its decision was made from, for 180 days,
whatever is deleted meanwhile. What an organization keeps beyond that, in backups, or of what it exports, is for the organization to say.
`)
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	for _, m := range wire.Messages() {
		page.WriteString("\n## " + m.Name + "\n\n" + m.When + "\n\n| field | what | why | to whom | kept |\n|---|---|---|---|---|\n")
		for _, f := range wire.Ledger() {
			if f.Message != m.Name {
				continue
			}
			what := f.What
			if f.Secret {
				what += " (secret)"
			}
			page.WriteString("| `" + f.Path + "` | " + cell.Replace(what) + " | " + cell.Replace(f.Why) + " | " + cell.Replace(f.To) + " | " + cell.Replace(f.Kept) + " |\n")
		}
	}
	const path = "../docs/privacy-ledger.md"
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil || string(stored) != page.String() {
		t.Errorf("docs/privacy-ledger.md is not what the table says (%v); write it with: go test ./wire -update", err)
	}
}
