package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed templates/*.html
var files embed.FS

//go:embed templates/style.css
var style string

//go:embed templates/reveal.js
var reveal string // lets people look at the password they typed

//go:embed templates/submit.js
var submit string

var templates = template.Must(template.New("").Funcs(template.FuncMap{"sentence": sentence, "paragraphs": paragraphs}).
	ParseFS(files, "templates/*.html"))

// product is the name above a page that belongs to no organization.
const product = "Postern"

// sheet is what the frame around every page needs.
type sheet struct {
	Title  string
	Brand  string
	Style  template.CSS
	Script template.JS // empty: the page runs none
	Nonce  string      // challenge to a browser extension
	Alert  bool        // the title starts with "Error"
	Wide   bool
	View   any

	asks    bool     // its script asks this server
	forms   bool     // the page posts to this server
	targets []string // and from there to these
}

// WriteSignIn renders v with the given status.
func WriteSignIn(w http.ResponseWriter, status int, v SignIn) {
	write(w, status, "signIn", sheet{Title: "Sign in", Brand: v.Organization, Script: template.JS(reveal),
		Alert: v.Error != "", View: v, forms: true, targets: v.Targets})
}

// WriteNewPassword renders v with the given status.
func WriteNewPassword(w http.ResponseWriter, status int, v NewPassword) {
	write(w, status, "newPassword", sheet{Title: "Choose a new password", Brand: v.Organization, Script: template.JS(reveal),
		Alert: v.Error != "", View: v, forms: true, targets: v.Targets})
}

// WriteSecondFactor renders v with the given status.
func WriteSecondFactor(w http.ResponseWriter, status int, v SecondFactor) {
	write(w, status, "secondFactor", sheet{Title: "Enter your code", Brand: v.Organization,
		Alert: v.Error != "", View: v, forms: true, targets: v.Targets})
}

// WriteRegisterFactor renders v with the given status.
func WriteRegisterFactor(w http.ResponseWriter, status int, v RegisterFactor) {
	view := struct {
		RegisterFactor
		Secret string
		URI    template.URL
	}{RegisterFactor: v, Secret: grouped(v.Secret)}
	if strings.HasPrefix(v.URI, "otpauth://totp/") {
		view.URI = template.URL(v.URI) // the prefix is checked: html/template knows http and https only
	}
	write(w, status, "registerFactor", sheet{Title: "Set up your second factor", Brand: v.Organization,
		Alert: v.Error != "", View: view, forms: true, targets: v.Targets})
}

// WriteFormPost renders v with the given status. A URI that is not http or
// https cannot receive a form and gets an error page instead.
func WriteFormPost(w http.ResponseWriter, status int, v FormPost) {
	u, err := url.Parse(v.URI)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		WriteError(w, http.StatusBadRequest, Error{Title: "The app cannot receive the answer", Code: "invalid_request",
			Detail: "The app asked for its answer as a form, at an address that cannot take one."})
		return
	}
	write(w, status, "formPost", sheet{Title: "One moment", Script: template.JS(submit),
		View: v, forms: true, targets: []string{v.URI}})
}

// WriteDenied renders d with the given status.
func WriteDenied(w http.ResponseWriter, status int, d Denied) {
	switch {
	case d.Title != "":
	case len(d.Remedies) > 0:
		d.Title = "You can't get there from here yet"
	default:
		d.Title = "You can't get there from here"
	}
	nonce := d.Nonce
	if d.Flow == "" || d.ProofURL == "" {
		nonce = "" // a challenge that nothing could answer
	}
	script := ""
	if d.Live != "" && d.CheckAgain != "" && d.CheckMethod != "post" {
		script = live
	}
	write(w, status, "denied", sheet{Title: d.Title, Brand: d.Organization, Nonce: nonce, Wide: true, View: d, Script: template.JS(script),
		asks: script != "", forms: nonce != "" || d.CheckMethod == "post", targets: d.Targets})
}

// WriteSignedOut renders v with the given status.
func WriteSignedOut(w http.ResponseWriter, status int, v SignedOut) {
	write(w, status, "signedOut", sheet{Title: "You are signed out", Brand: v.Organization, View: v})
}

// WriteError renders v with the given status.
func WriteError(w http.ResponseWriter, status int, v Error) {
	if v.Title == "" {
		v.Title = http.StatusText(status)
	}
	write(w, status, "error", sheet{Title: v.Title, Alert: true, View: v})
}

// WriteMessage renders v with the given status.
func WriteMessage(w http.ResponseWriter, status int, v Message) {
	write(w, status, "message", sheet{Title: v.Title, Brand: v.Organization, Wide: true, View: v})
}

// write renders into memory first, so that a page is whole or absent.
func write(w http.ResponseWriter, status int, name string, s sheet) {
	if s.Brand == "" {
		s.Brand = product
	}
	s.Style = template.CSS(style)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Content-Security-Policy", contentPolicy(s))
	body := new(bytes.Buffer)
	if err := templates.ExecuteTemplate(body, name, s); err != nil {
		http.Error(w, "this page could not be drawn", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the browser is gone; nothing to do
}

// contentPolicy permits the one style, the one script if there is one, and
// forms to this server and the page's targets; nothing else.
func contentPolicy(s sheet) string {
	b := new(strings.Builder)
	b.WriteString("default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src " + hash(string(s.Style)))
	if s.Script != "" {
		b.WriteString("; script-src " + hash(string(s.Script)))
	}
	if s.asks {
		b.WriteString("; connect-src 'self'")
	}
	b.WriteString("; form-action ")
	if !s.forms {
		b.WriteString("'none'")
		return b.String()
	}
	b.WriteString("'self'")
	for _, t := range s.targets {
		if src := source(t); src != "" {
			b.WriteString(" " + src)
		}
	}
	return b.String()
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:"

// source turns a URL into a source expression of Content Security Policy: its
// origin; its scheme where that is all the grammar can say (an app's own
// scheme, a literal IPv6 address); "" for what must never be a target. Nothing
// in it can end the directive.
func source(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "", "javascript", "data", "blob", "file", "filesystem", "about":
		return ""
	case "http", "https":
		if u.Host == "" {
			return ""
		}
		if strings.Trim(u.Host, hostCharacters) == "" {
			return u.Scheme + "://" + u.Host
		}
		if !strings.HasPrefix(u.Host, "[") {
			return ""
		}
	}
	return u.Scheme + ":"
}

// grouped parts a key into groups of four, as people copy it.
func grouped(secret string) string {
	b := new(strings.Builder)
	for i, r := range []rune(strings.TrimRight(secret, "=")) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// sentence makes prose of an error's text: a capital first letter, unless the
// first word is a name of a protocol, and a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	word, _, _ := strings.Cut(s, " ")
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz',") == "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

func paragraphs(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n\n"), func(p string) bool { return p == "" })
}
