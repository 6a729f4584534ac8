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

// userAgent is what the test browser claims to be: Edge on Windows.
const userAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.2849.80"

const (
	maxPage  = 1 << 20 // bytes
	maxForms = 8       // filled in on one journey
)

// Browser is a declared test client: it keeps cookies, follows redirects and
// fills in the forms of the sign-in pages as a person would, through nothing
// that a real browser lacks.
type Browser struct {
	client   *http.Client
	UserName string
	Password string
	// NewPassword is what it chooses when a page wants another password.
	NewPassword string
	// Prove answers the device challenge of a page, as a browser extension does;
	// nil: there is none. Its error leaves the page unanswered.
	Prove func(nonce, origin string) (string, error)
}

// Page is what the browser ended up at.
type Page struct {
	URL    *url.URL
	Status int
	Body   string
}

// NewBrowser returns a browser without cookies over transport.
func NewBrowser(transport http.RoundTripper) (*Browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Browser{client: &http.Client{Transport: transport, Jar: jar}}, nil
}

// Client is the browser's own HTTP client, with its cookies.
func (b *Browser) Client() *http.Client { return b.client }

// Open goes to an address and through every form that it can fill in, and
// returns the page where nothing more can be done. A device proves itself once
// on the way.
func (b *Browser) Open(ctx context.Context, address string) (Page, error) {
	p, err := b.load(ctx, http.MethodGet, address, nil)
	proved := false
	for range maxForms {
		if err != nil {
			return p, err
		}
		f, found := form{}, false
		for _, f = range p.forms() {
			if found = b.fill(p, f, &proved); found {
				break
			}
		}
		if !found {
			return p, nil
		}
		to, bad := p.URL.Parse(f.action)
		if bad != nil {
			return p, bad
		}
		p, err = b.load(ctx, http.MethodPost, to.String(), f.fields)
	}
	return p, errors.Join(err, fmt.Errorf("the sign-in pages do not come to an end: %s", p.summary()))
}

// fill fills in a form of the sign-in pages, and reports whether it could.
func (b *Browser) fill(p Page, f form, proved *bool) bool {
	switch {
	case f.fields.Has("new_password"):
		f.fields.Set("new_password", b.NewPassword)
		b.Password = b.NewPassword // from now on
		return true
	case f.fields.Has("password"):
		f.fields.Set("username", b.UserName)
		f.fields.Set("password", b.Password)
		return true
	case f.fields.Has("proof") && b.Prove != nil && !*proved:
		proof, err := b.Prove(attribute(challenge, p.Body), p.URL.Scheme+"://"+p.URL.Host)
		*proved = true
		f.fields.Set("proof", proof)
		return err == nil
	}
	return false
}

func (b *Browser) load(ctx context.Context, method, address string, fields url.Values) (Page, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return Page{}, err
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
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

// form is a form of a page with the fields as the server filled them in.
type form struct {
	action string
	fields url.Values
}

// The pages are our own, so a few patterns read them; what they do not find,
// the story does not observe.
var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*\baction="([^"]*)".*?</form>`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	nameAttr  = regexp.MustCompile(`\bname="([^"]*)"`)
	valueAttr = regexp.MustCompile(`\bvalue="([^"]*)"`)
	challenge = regexp.MustCompile(`<meta name="mam-device-challenge" content="([^"]*)"`)
	titleTag  = regexp.MustCompile(`(?s)<h1>(.*?)</h1>`)
	whyTag    = regexp.MustCompile(`(?s)</h2>\s*<p>(.*?)</p>`)
	stepTag   = regexp.MustCompile(`(?s)<li>(.*?)</li>`)
	codeTag   = regexp.MustCompile(`<dt>Error code</dt><dd>([^<]*)</dd>`)
	remedyTag = regexp.MustCompile(`data-code="([^"]*)"`)
	anyTag    = regexp.MustCompile(`(?s)<(style|script|head)\b.*?</(style|script|head)>|<[^>]*>`)
)

func attribute(re *regexp.Regexp, in string) string {
	if m := re.FindStringSubmatch(in); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func (p Page) forms() (all []form) {
	for _, f := range formTag.FindAllStringSubmatch(p.Body, -1) {
		out := form{action: html.UnescapeString(f[1]), fields: url.Values{}}
		for _, in := range inputTag.FindAllString(f[0], -1) {
			out.fields.Set(attribute(nameAttr, in), attribute(valueAttr, in))
		}
		all = append(all, out)
	}
	return all
}

// steps are what a page that refuses tells the person to do.
func (p Page) steps() []string { return texts(stepTag, p.Body) }

// code is the error code of a page that refuses.
func (p Page) code() string { return attribute(codeTag, p.Body) }

// names reports whether a page that refuses gives code among its reasons.
func (p Page) names(code string) bool {
	for _, m := range remedyTag.FindAllStringSubmatch(p.Body, -1) {
		if m[1] == code {
			return true
		}
	}
	return false
}

// summary is a page in one line: status, code, title, reasons and steps.
func (p Page) summary() string {
	line := fmt.Sprint(p.Status)
	if code := p.code(); code != "" {
		line += " (error " + code + ")"
	}
	title := texts(titleTag, p.Body)
	if len(title) == 0 { // not a page of ours
		const most = 200
		text := []rune(plain(p.Body))
		return line + " " + string(text[:min(len(text), most)])
	}
	line += " " + title[0] + "."
	if why := texts(whyTag, p.Body); len(why) > 0 {
		line += " " + sentences(why)
	}
	if steps := p.steps(); len(steps) > 0 {
		line += " Steps: " + strings.Join(steps, " ")
	}
	return line
}

// sentences joins texts, each with its full stop.
func sentences(all []string) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(s)
		if !strings.HasSuffix(s, ".") {
			b.WriteString(".")
		}
	}
	return b.String()
}

func texts(re *regexp.Regexp, in string) (all []string) {
	for _, m := range re.FindAllStringSubmatch(in, -1) {
		all = append(all, plain(m[1]))
	}
	return all
}

// plain is what a person reads of HTML, on one line.
func plain(markup string) string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(markup, " "))), " ")
}
