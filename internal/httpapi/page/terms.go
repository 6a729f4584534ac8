package page

import "net/http"

// Terms asks a person to read terms of use and to accept or decline all of them.
type Terms struct {
	Flow         string
	Organization string
	UserName     string
	Site         string // the name of what was asked for; may be empty
	Action       string // where every form of the page posts
	Agreements   []TermsText
	Problem      string   // one sentence; empty: none
	Targets      []string // redirect URIs or origins that may follow the post
}

// TermsText is one agreement, in the language that the person reads.
type TermsText struct {
	ID       string
	Name     string
	Body     string // plain text; shown as it is, with its line breaks
	MustView bool   // the text has to be opened before it can be accepted
	Viewed   bool   // it was, in this flow
}

// Closed reports whether the text must be opened before the page may take an answer.
func (t TermsText) Closed() bool { return t.MustView && !t.Viewed }

// WriteTerms renders v with the given status. While a text must still be opened
// the page has no button to accept.
func WriteTerms(w http.ResponseWriter, status int, v Terms) {
	view := struct {
		Terms
		Closed bool // one of them at least
	}{Terms: v}
	for _, t := range v.Agreements {
		view.Closed = view.Closed || t.Closed()
	}
	write(w, status, "terms", sheet{Title: "Terms of use", Brand: v.Organization, Alert: v.Problem != "", Wide: true, View: view,
		forms: true, targets: v.Targets})
}
