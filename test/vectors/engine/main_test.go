package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/test/vectors"
)

// The test is also the program that it starts.
const asProgram = "POSTERN_VECTORS_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestOurEngineAnswersEveryVectorAsExpected(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		a, err := answer(v)
		if err != nil {
			t.Fatal(v.ID, err)
		}
		if found := vectors.Compare(a, *v.Expected, vectors.Parts()); len(found) > 0 {
			t.Errorf("%s: %s\n  %s", v.ID, v.Title, strings.Join(found, "\n  "))
		}
	}
}

func TestOurEngineAsAProgramPasses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProgram, "1")
	var out, errs bytes.Buffer
	if code := vectors.Main([]string{"-engine", self}, &out, &errs); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, &out, &errs)
	}
}

// A vector that may be saved is one that any engine can take in.
func TestWhatIsNotMeantToBeRefusedMayBeSaved(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		for _, doc := range v.Policies {
			p, err := conditional.ReadPolicy(doc)
			if err == nil {
				err = access.Validate(p)
			}
			if (err != nil) != (v.Expected.Result == vectors.Refused) {
				t.Errorf("%s: %v", v.ID, err)
			}
		}
	}
}

// A condition that is passed over would let in whom the policy keeps out.
func TestAPolicyThatSaysWhatIsNotKnownIsRefused(t *testing.T) {
	for _, doc := range []string{`[]`, `{"id":"p","displayName":"p"}`, `{"id":"p","displayName":"p","state":"enabled","conditions":{"moon":"full"}}`} {
		a, err := answer(vectors.Vector{ID: "v", Policies: []json.RawMessage{json.RawMessage(doc)}, SignIn: &vectors.SignIn{}})
		if err != nil || a.ID != "v" || a.Result != vectors.Refused {
			t.Errorf("%s: %+v %v", doc, a, err)
		}
	}
}

func TestAVectorThatCannotBeReadIsAnError(t *testing.T) {
	for _, v := range []vectors.Vector{
		{},
		{SignIn: &vectors.SignIn{IPAddress: "here"}},
		{SignIn: &vectors.SignIn{Methods: []string{"telepathy"}}},
		{NamedLocations: []json.RawMessage{json.RawMessage(`[]`)}},
		{NamedLocations: []json.RawMessage{json.RawMessage(`{"ipRanges":[{"cidrAddress":"x"}]}`)}},
		{AuthenticationStrengths: []json.RawMessage{json.RawMessage(`[]`)}},
		{AuthenticationStrengths: []json.RawMessage{json.RawMessage(`{"allowedCombinations":["x"]}`)}},
	} {
		if a, err := answer(v); err == nil {
			t.Errorf("%+v", a)
		}
	}
	if err := serve(strings.NewReader("no"), new(bytes.Buffer)); err == nil {
		t.Error("a line that is no vector is answered")
	}
}
