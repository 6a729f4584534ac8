package stories_test

import (
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// browser is a person's: it keeps cookies and remembers the page that it shows.
type browser struct {
	client *http.Client
	at     *url.URL
	page   string
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*\bmethod="post"[^>]*\baction="([^"]*)".*?</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// cmdVisit opens an address in a new browser, or with "again" in the one that is
// open; the page is on stdout, its status on stderr: visit BOOTSTRAP URL [again]
func cmdVisit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: visit BOOTSTRAP URL [again]")
	}
	b := browserOf(ts)
	if b.client == nil || len(args) == 2 {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		b.client = client(ts, args[0])
		b.client.Jar = jar
	}
	r, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	b.load(ts, r)
}

// cmdFill posts the form of the page that the browser shows, as the page wants it
// posted, with what a person typed or pressed: fill NAME=VALUE...
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	b := browserOf(ts)
	form := formTag.FindStringSubmatch(b.page)
	if neg || form == nil {
		ts.Fatalf("the page has no form: %s", b.page)
	}
	typed := fields(ts, args)
	for _, in := range hiddenTag.FindAllStringSubmatch(form[0], -1) {
		typed.Set(html.UnescapeString(in[1]), html.UnescapeString(in[2]))
	}
	for name := range typed {
		if !strings.Contains(form[0], `name="`+name+`"`) {
			ts.Fatalf("the form asks for no %s: %s", name, form[0])
		}
	}
	to, err := b.at.Parse(html.UnescapeString(form[1]))
	ts.Check(err)
	r, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(typed.Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.load(ts, r)
}

func (b *browser) load(ts *testscript.TestScript, r *http.Request) {
	r.Header.Set("Accept", "text/html")
	resp := send(ts, b.client, r)
	b.at, b.page = resp.at, resp.body
}

// cmdPost posts a form as a program does, under the authority of a service; the
// answer is on stdout, its status on stderr: post BOOTSTRAP PATH NAME=VALUE...
func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: post BOOTSTRAP PATH NAME=VALUE...")
	}
	authority, _ := members(ts, args[0])["authority"].(string)
	r, err := http.NewRequest(http.MethodPost, authority+args[1], strings.NewReader(fields(ts, args[2:]).Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	send(ts, client(ts, args[0]), r)
}

// cmdLet keeps a member of a JSON file as a variable: let NAME FILE MEMBER
func cmdLet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: let NAME FILE MEMBER")
	}
	value, ok := members(ts, args[1])[args[2]].(string)
	if !ok {
		ts.Fatalf("%s has no text %q", args[1], args[2])
	}
	ts.Setenv(args[0], value)
}

type answer struct {
	at   *url.URL
	body string
}

func send(ts *testscript.TestScript, c *http.Client, r *http.Request) answer {
	resp, err := c.Do(r)
	ts.Check(err)
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ts.Check(err)
	_, _ = ts.Stdout().Write(body)
	_, _ = io.WriteString(ts.Stderr(), resp.Status+"\n")
	return answer{resp.Request.URL, string(body)}
}

// client trusts the service that wrote a bootstrap.json.
func client(ts *testscript.TestScript, bootstrap string) *http.Client {
	path, _ := members(ts, bootstrap)["caCertificate"].(string)
	pem, err := os.ReadFile(ts.MkAbs(path))
	ts.Check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	ts.Defer(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: startLimit}
}

func browserOf(ts *testscript.TestScript) *browser { return ts.Value("browser").(*browser) }

func fields(ts *testscript.TestScript, pairs []string) url.Values {
	out := url.Values{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			ts.Fatalf("%q is not NAME=VALUE", pair)
		}
		out.Set(name, value)
	}
	return out
}
