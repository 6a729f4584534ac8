package demo

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// edge is what the test browser claims to be.
const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.2849.80"

const (
	maxPage  = 1 << 20
	maxPages = 12
)

// Browser is a declared test client: it keeps cookies, follows links and fills
// in the forms of the sign-in pages as a person would, through nothing that a
// real browser lacks.
type Browser struct {
	client   *http.Client
	UserName string
	Password string
	// NewPassword is what it chooses when the page wants another password; empty:
	// it gives up.
	NewPassword string
	// Prove answers the device challenge of a page, as the browser extension
	// does; nil: there is no agent.
	Prove func(nonce, origin string) (string, error)

	proved bool // on this journey: a device proves itself once
}

// Page is what the browser ended up at.
type Page struct {
	URL    *url.URL
	Status int
	Body   string
}

// NewBrowser returns a browser with an empty cookie jar over transport.
func NewBrowser(transport http.RoundTripper) (*Browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Browser{client: &http.Client{Transport: transport, Jar: jar}}, nil
}

// Open goes to an address and through every form it knows, and returns the
// page where nothing more can be done.
func (b *Browser) Open(ctx context.Context, address string) (Page, error) {
	b.proved = false
	p, err := b.load(ctx, http.MethodGet, address, nil)
	for range maxPages {
		if err != nil {
			return p, err
		}
		action, form, known, bad := b.fill(p)
		if bad != nil || !known {
			return p, bad
		}
		p, err = b.load(ctx, http.MethodPost, action, form)
	}
	return p, errors.New("the sign-in pages do not come to an end")
}

func (b *Browser) load(ctx context.Context, method, address string, form url.Values) (Page, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	r.Header.Set("User-Agent", edge)
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin") // the form came from there
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return Page{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return Page{URL: resp.Request.URL, Status: resp.StatusCode, Body: string(body)}, err
}

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	inputTag = regexp.MustCompile(`<(?:input|textarea)[^>]*>`)
	attr     = func(name string) *regexp.Regexp { return regexp.MustCompile(`\b` + name + `="([^"]*)"`) }
	nameAttr = attr("name")
	value    = attr("value")
	action   = attr("action")
	content  = regexp.MustCompile(`<meta name="mam-device-challenge" content="([^"]*)"`)
)

func first(re *regexp.Regexp, in string) string {
	if m := re.FindStringSubmatch(in); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// fill finds a form of the sign-in pages and fills it in. known is false when
// the page has none that this browser can answer.
func (b *Browser) fill(p Page) (to string, form url.Values, known bool, err error) {
	for _, f := range formTag.FindAllString(p.Body, -1) {
		form, answers := url.Values{}, map[string]string{
			"username": b.UserName, "password": b.Password, "new_password": b.NewPassword,
		}
		for _, in := range inputTag.FindAllString(f, -1) {
			name := first(nameAttr, in)
			form.Set(name, first(value, in))
			if answer := answers[name]; answer != "" {
				form.Set(name, answer)
				known = true
			}
			if nonce := first(content, p.Body); name == "proof" && nonce != "" && b.Prove != nil && !b.proved {
				if proof, err := b.Prove(nonce, p.URL.Scheme+"://"+p.URL.Host); err == nil {
					form.Set(name, proof)
					known, b.proved = true, true
				} // an agent that cannot answer leaves the page as it is
			}
		}
		if !known {
			continue
		}
		if form.Has("new_password") { // from now on it is the password
			b.Password, b.NewPassword = b.NewPassword, ""
		} else if form.Has("password") && strings.Contains(p.Body, `role="alert"`) {
			return "", nil, false, fmt.Errorf("the sign-in page refuses: %s", Text(p.Body))
		}
		at, err := p.URL.Parse(first(action, f))
		if err != nil {
			return "", nil, false, err
		}
		return at.String(), form, true, nil
	}
	return "", nil, false, nil
}

var (
	noise = regexp.MustCompile(`(?s)<(style|script|head)[^>]*>.*?</(style|script|head)>|<[^>]*>`)
	space = regexp.MustCompile(`\s+`)
)

// Text is what a person reads on a page, on one line.
func Text(body string) string {
	return strings.TrimSpace(space.ReplaceAllString(html.UnescapeString(noise.ReplaceAllString(body, " ")), " "))
}
