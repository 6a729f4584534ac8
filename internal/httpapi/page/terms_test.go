package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/httpapi/page"
)

func termsPage(v page.Terms) string {
	_, body := render(func(w http.ResponseWriter) { page.WriteTerms(w, http.StatusOK, v) })
	return body
}

func TestTermsAreShownAsTheyWereWritten(t *testing.T) {
	body := termsPage(page.Terms{
		Flow: "f1", Organization: "Contoso", UserName: "ada@contoso.example", Site: "Payroll", Action: "/t/terms",
		Agreements: []page.TermsText{{ID: "a1", Name: "Private PCs", Body: "1. <Be> careful.\n\n  2. Lock it."}},
	})
	for _, want := range []string{
		"ada@contoso.example", "Contoso asks you", "<strong>Payroll</strong>", "Private PCs</h2>", ">1. &lt;Be&gt; careful.\n\n  2. Lock it.</div>",
		`action="/t/terms"`, `name="flow" value="f1"`, `name="agreement" value="a1"`, `name="decision" value="accept"`, `name="decision" value="decline"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, `name="view"`) || strings.Contains(body, "<script") {
		t.Errorf("the page asks for more than an answer:\n%s", body)
	}
}

func TestTermsThatMustBeOpenedCannotBeAcceptedBefore(t *testing.T) {
	v := page.Terms{Flow: "f1", Action: "/t/terms", Agreements: []page.TermsText{
		{ID: "a1", Name: "One", Body: "first text"}, {ID: "a2", Name: "Two", Body: "second text", MustView: true},
	}}
	closed := termsPage(v)
	for _, want := range []string{"first text", `name="view" value="a2"`, `value="decline"`, `name="agreement" value="a1"`} {
		if !strings.Contains(closed, want) {
			t.Errorf("the closed page lacks %q", want)
		}
	}
	for _, early := range []string{"second text", `value="accept"`, `name="agreement" value="a2"`} {
		if strings.Contains(closed, early) {
			t.Errorf("the closed page has %q", early)
		}
	}
	v.Agreements[1].Viewed = true
	opened := termsPage(v)
	for _, want := range []string{"second text", `value="accept"`, `name="agreement" value="a2"`} {
		if !strings.Contains(opened, want) {
			t.Errorf("the opened page lacks %q", want)
		}
	}
	if strings.Contains(opened, `name="view"`) {
		t.Error("what is open can be opened")
	}
}

func TestAProblemWithTermsIsSaidFirst(t *testing.T) {
	body := termsPage(page.Terms{Problem: "the terms changed: read them again", Agreements: []page.TermsText{{ID: "a", Name: "N", Body: "B"}}})
	if !strings.Contains(body, "<title>Error: Terms of use") || !strings.Contains(body, `role="alert"`) || strings.Index(body, "The terms changed") > strings.Index(body, "<section>") {
		t.Error(body)
	}
}
