package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/httpapi/page"
)

const target = "https://app.example:8443/callback?x=1"

// pages is one of each kind, filled with markup wherever a stranger's text may go.
func pages() map[string]func(http.ResponseWriter) {
	const evil = `<img src=x onerror=alert(1)>"'`
	to := []string{target}
	return map[string]func(http.ResponseWriter){
		"sign-in": func(w http.ResponseWriter) {
			page.WriteSignIn(w, 200, page.SignIn{Action: "/t/login", Flow: evil, UserName: evil, Error: evil, Organization: evil, Targets: to})
		},
		"new password": func(w http.ResponseWriter) {
			page.WriteNewPassword(w, 200, page.NewPassword{Action: "/t/password", Flow: evil, UserName: evil, Error: evil, Rules: []string{evil}, Targets: to})
		},
		"second factor": func(w http.ResponseWriter) {
			page.WriteSecondFactor(w, 200, page.SecondFactor{Action: "/t/code", Flow: evil, UserName: evil, Error: evil, Targets: to})
		},
		"register factor": func(w http.ResponseWriter) {
			page.WriteRegisterFactor(w, 200, page.RegisterFactor{Action: "/t/code", Flow: evil, UserName: evil, Secret: evil, URI: "otpauth://totp/a?secret=B", Error: evil, Targets: to})
		},
		"form post": func(w http.ResponseWriter) {
			page.WriteFormPost(w, 200, page.FormPost{URI: target, Params: []page.Param{{Name: evil, Value: evil}}})
		},
		"denied": func(w http.ResponseWriter) {
			page.WriteDenied(w, 200, page.Denied{Title: evil, UserName: evil, Site: evil, Code: 53009, CorrelationID: evil, At: evil,
				Remedies:   []access.Remedy{{Code: evil, Title: evil, Why: evil, Steps: []string{evil}}},
				CheckAgain: "/t/again", CheckMethod: "post", Flow: evil, Nonce: evil, ProofURL: "/t/proof", Targets: to})
		},
		"terms": func(w http.ResponseWriter) {
			page.WriteTerms(w, 200, page.Terms{Flow: evil, Organization: evil, UserName: evil, Site: evil, Action: "/t/terms", Problem: evil, Targets: to,
				Agreements: []page.TermsText{{ID: evil, Name: evil, Body: evil}, {ID: evil, Name: evil, Body: evil, MustView: true}}})
		},
		"signed out": func(w http.ResponseWriter) {
			page.WriteSignedOut(w, 200, page.SignedOut{UserName: evil, SignIn: "javascript:alert(1)"})
		},
		"error": func(w http.ResponseWriter) {
			page.WriteError(w, 200, page.Error{Title: evil, Detail: evil, Code: evil, CorrelationID: evil, At: evil})
		},
		"message": func(w http.ResponseWriter) {
			page.WriteMessage(w, 200, page.Message{Title: evil, Text: evil, Organization: evil, Code: evil,
				Sections: []page.Section{{Title: evil, Text: evil, Steps: []string{evil}, Command: evil}},
				Links:    []page.Link{{Text: evil, URL: "javascript:alert(1)"}}, Button: page.Link{Text: evil, URL: "/go"}})
		},
	}
}

func render(write func(http.ResponseWriter)) (*httptest.ResponseRecorder, string) {
	w := httptest.NewRecorder()
	write(w)
	return w, w.Body.String()
}

func directive(w *httptest.ResponseRecorder, name string) string {
	for d := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), "; ") {
		if rest, ok := strings.CutPrefix(d, name+" "); ok {
			return rest
		}
	}
	return ""
}

func TestEveryPageIsWholeAndItsPolicyPermitsExactlyWhatItHolds(t *testing.T) {
	inline := regexp.MustCompile(`(?s)<(style|script)>(.*?)</(?:style|script)>`)
	for name, write := range pages() {
		t.Run(name, func(t *testing.T) {
			w, body := render(write)
			if w.Code != 200 || !strings.HasSuffix(body, "</html>\n") {
				t.Fatalf("status %d, body ends %q", w.Code, body[max(0, len(body)-60):])
			}
			held := map[string]string{}
			for _, m := range inline.FindAllStringSubmatch(body, -1) {
				sum := sha256.Sum256([]byte(m[2]))
				held[m[1]] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
			}
			for _, kind := range []string{"style", "script"} {
				if got := directive(w, kind+"-src"); got != held[kind] {
					t.Errorf("%s-src permits %q, the page holds %q", kind, got, held[kind])
				}
			}
			if got := directive(w, "default-src"); got != "'none'" {
				t.Errorf("default-src is %q", got)
			}
			if got := directive(w, "frame-ancestors"); got != "'none'" {
				t.Errorf("frame-ancestors is %q", got)
			}
			for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
				"X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestNothingAStrangerWritesBecomesMarkup(t *testing.T) {
	for name, write := range pages() {
		t.Run(name, func(t *testing.T) {
			_, body := render(write)
			for _, bad := range []string{"<img", "javascript:", ` style=`, ` onerror=alert(1)>"`} {
				if strings.Contains(body, bad) {
					t.Errorf("the page holds %q", bad)
				}
			}
		})
	}
}

func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	load := regexp.MustCompile(`(?i)(src|srcset|data|poster)\s*=\s*["']?https?:|@import|url\(|<link|<iframe`)
	for name, write := range pages() {
		if _, body := render(write); load.MatchString(body) {
			t.Errorf("%s loads %q", name, load.FindString(body))
		}
	}
}

func TestFormsMayEndAtTheirTargetsAndNowhereElse(t *testing.T) {
	for _, name := range []string{"sign-in", "new password", "second factor", "register factor", "form post", "denied"} {
		w, _ := render(pages()[name])
		if got := directive(w, "form-action"); got != "'self' https://app.example:8443" {
			t.Errorf("%s: form-action is %q", name, got)
		}
	}
	for _, name := range []string{"signed out", "error", "message"} {
		w, body := render(pages()[name])
		if got := directive(w, "form-action"); got != "'none'" || strings.Contains(body, "<form") {
			t.Errorf("%s: form-action is %q", name, got)
		}
	}
}

func TestATargetBecomesTheNarrowestSourceThatTheGrammarCanSay(t *testing.T) {
	tests := map[string]string{
		"http://127.0.0.1:49152/cb":            " http://127.0.0.1:49152",
		"https://app.example/cb":               " https://app.example",
		"http://[::1]:49152/cb":                " http:",
		"com.example.app:/callback":            " com.example.app:",
		"ms-appx-web://microsoft.aad/x":        " ms-appx-web:",
		"https://app.example; script-src *":    "",
		"https://a b/":                         "",
		"https://*/cb":                         "",
		"https://a,b/":                         "",
		"https:opaque":                         "",
		"javascript:alert(1)":                  "",
		"data:text/html,x":                     "",
		"/relative":                            "",
		"https://app.example/cb;frame-src%20*": " https://app.example",
	}
	for in, want := range tests {
		w, _ := render(func(w http.ResponseWriter) { page.WriteSignIn(w, 200, page.SignIn{Targets: []string{in}}) })
		if got := directive(w, "form-action"); got != "'self'"+want {
			t.Errorf("%q gives form-action %q, want %q", in, got, "'self'"+want)
		}
	}
}

func TestEveryInputHasALabelAndEveryFormItsFlow(t *testing.T) {
	input := regexp.MustCompile(`<input id="([^"]+)"[^>]*>`)
	for name, write := range pages() {
		_, body := render(write)
		for _, m := range input.FindAllStringSubmatch(body, -1) {
			if !strings.Contains(body, `<label for="`+m[1]+`">`) {
				t.Errorf("%s: %s has no label", name, m[1])
			}
			if !strings.Contains(m[0], "autocomplete=") {
				t.Errorf("%s: %s has no autocomplete", name, m[1])
			}
		}
		forms, flows := strings.Count(body, "<form"), strings.Count(body, `name="flow"`)
		if name != "form post" && forms != flows {
			t.Errorf("%s: %d forms, %d flows", name, forms, flows)
		}
	}
}

func TestAnErrorIsAnnounced(t *testing.T) {
	for _, name := range []string{"sign-in", "new password", "second factor", "register factor", "error"} {
		if _, body := render(pages()[name]); !strings.Contains(body, `role="alert"`) || !strings.Contains(body, "<title>Error: ") {
			t.Errorf("%s does not announce its error", name)
		}
	}
	if _, body := render(func(w http.ResponseWriter) { page.WriteSignIn(w, 200, page.SignIn{}) }); strings.Contains(body, `role="alert"`) {
		t.Error("a page without an error announces one")
	}
}

func TestASetupKeyIsGroupedAndOnlyAnOtpauthLinkIsShown(t *testing.T) {
	show := func(uri string) string {
		_, body := render(func(w http.ResponseWriter) {
			page.WriteRegisterFactor(w, 200, page.RegisterFactor{Secret: "JBSWY3DPEHPK3PXP==", URI: uri})
		})
		return body
	}
	body := show("otpauth://totp/Contoso:ada?secret=JBSWY3DPEHPK3PXP&issuer=Contoso")
	if !strings.Contains(body, ">JBSW Y3DP EHPK 3PXP<") {
		t.Error("the key is not grouped")
	}
	if !strings.Contains(body, `href="otpauth://totp/Contoso:ada?secret=JBSWY3DPEHPK3PXP&amp;issuer=Contoso"`) {
		t.Error("the link is missing")
	}
	if body := show("javascript:alert(1)"); strings.Contains(body, "<a ") {
		t.Error("a link that is not otpauth is shown")
	}
}

func TestAFormPostGoesOnlyToTheWeb(t *testing.T) {
	for _, uri := range []string{"com.example.app:/cb", "javascript:alert(1)", "https:", "%zz"} {
		w, body := render(func(w http.ResponseWriter) { page.WriteFormPost(w, 200, page.FormPost{URI: uri}) })
		if w.Code != http.StatusBadRequest || strings.Contains(body, "<form") {
			t.Errorf("%q: status %d", uri, w.Code)
		}
	}
}

func TestARefusalOffersTheProofOnlyWhenItCanBeAnswered(t *testing.T) {
	show := func(d page.Denied) string {
		_, body := render(func(w http.ResponseWriter) { page.WriteDenied(w, 403, d) })
		return body
	}
	full := page.Denied{Flow: "f", Nonce: "n", ProofURL: "/proof", CheckAgain: "/again?resource=a"}
	body := show(full)
	for _, want := range []string{`<meta name="mam-device-challenge" content="n">`, `id="mam-device-proof"`, `name="proof"`, `href="/again?resource=a"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	full.ProofURL = ""
	if body := show(full); strings.Contains(body, "mam-device") {
		t.Error("a challenge without a place to answer is offered")
	}
	if body := show(page.Denied{}); !strings.Contains(body, "ask your administrator") || strings.Contains(body, "Check again") {
		t.Error("a refusal without a remedy names no one to ask, or offers to check")
	}
}

func TestAnErrorWithoutATitleIsNamedByItsStatus(t *testing.T) {
	if _, body := render(func(w http.ResponseWriter) { page.WriteError(w, 404, page.Error{}) }); !strings.Contains(body, "<h1>Not Found</h1>") {
		t.Error("the page has no title")
	}
}

func TestAnErrorReadsAsASentence(t *testing.T) {
	for in, want := range map[string]string{
		"the password is wrong":               "<p>The password is wrong.</p>",
		"redirect_uri is missing":             "<p>redirect_uri is missing.</p>",
		"try again, please!":                  "<p>Try again, please!</p>",
		"Zwei Wörter é":                       "<p>Zwei Wörter é.</p>",
		"the first.\n\nThe second paragraph.": "<p>The first.</p>\n<p>The second paragraph.</p>",
	} {
		if _, body := render(func(w http.ResponseWriter) { page.WriteError(w, 400, page.Error{Title: "x", Detail: in}) }); !strings.Contains(body, want) {
			t.Errorf("%q lacks %q", in, want)
		}
	}
	if _, body := render(func(w http.ResponseWriter) { page.WriteSignIn(w, 200, page.SignIn{Error: "the code is wrong"}) }); !strings.Contains(body, "<p>The code is wrong.</p>") {
		t.Error("the alert is no sentence")
	}
}

func TestARefusalIsNamedByWhetherItCanBeHelped(t *testing.T) {
	for _, tt := range []struct {
		denied page.Denied
		want   string
	}{
		{page.Denied{}, "<h1>You can&#39;t get there from here</h1>"},
		{page.Denied{Remedies: []access.Remedy{{Title: "x"}}}, "<h1>You can&#39;t get there from here yet</h1>"},
		{page.Denied{Title: "Closed"}, "<h1>Closed</h1>"},
	} {
		if _, body := render(func(w http.ResponseWriter) { page.WriteDenied(w, 403, tt.denied) }); !strings.Contains(body, tt.want) {
			t.Errorf("the page lacks %q", tt.want)
		}
	}
}
