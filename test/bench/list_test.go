package bench_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/test/play"
)

// A list of POSTERN_REGISTRATIONS registrations (2,000 without it) is read to its
// end, page by page through the Graph door. Every one of them comes once. What
// memory the service takes on the way, and how long the first and last pages
// take, is printed.
func TestAListIsReadToItsEnd(t *testing.T) {
	play.OnEveryEngine(t, func(t *testing.T, h *play.House) {
		n := number("POSTERN_REGISTRATIONS", 2000)
		h.Furnish(t)
		one := enroll(t, h).Status().RegistrationID
		o := store.Options{DatabaseURL: h.Database()}
		if o.DatabaseURL == "" {
			o.Path = filepath.Join(h.Data(), "postern.db")
		}
		storetest.Crowd(t, o, storetest.Original{Tenant: h.TenantID, Registration: one}, n)
		h.Kill(t)
		h.Run(t)
		r := &reader{House: h}
		r.read(t, registrations+"?$top=1") // signed in, warm

		began := time.Now()
		total := r.text(t, registrations+"/$count")
		t.Logf("$count: %s in %s", total, time.Since(began).Round(time.Microsecond))
		if total != strconv.Itoa(n+1) {
			t.Errorf("$count is %s, want %d", total, n+1)
		}
		began = time.Now()
		if p := r.read(t, registrations+"?$filter="+url.QueryEscape("userId eq 'user-0000007'")); len(p.Value) != 3 || p.Next != "" {
			t.Errorf("a user has %d registrations, want 3", len(p.Value))
		}
		t.Logf("$filter=userId eq: %s", time.Since(began).Round(time.Microsecond))
		r.walk(t, n+1)
	})
}

const registrations = "/v1.0/deviceAppManagement/managedAppRegistrations"

// reader reads lists as an administrator's script does.
type reader struct {
	*play.House
	token string
	until time.Time
}

type listPage struct {
	Value []struct {
		ID string `json:"id"`
	} `json:"value"`
	Next string `json:"@odata.nextLink"`
}

// walk reads every page and tells what it took.
func (r *reader) walk(t *testing.T, want int) {
	t.Helper()
	first := r.memory(t, "VmRSS:")
	seen, last, pages, began := 0, "", 0, time.Now()
	var took []time.Duration
	most := first
	for next := registrations + "?$top=999"; next != ""; pages++ {
		asked := time.Now()
		p := r.read(t, next)
		took = append(took, time.Since(asked))
		for _, v := range p.Value {
			if v.ID <= last {
				t.Fatalf("%q comes behind %q", v.ID, last)
			}
			last = v.ID
			seen++
		}
		most = max(most, r.memory(t, "VmRSS:"))
		next = strings.TrimPrefix(p.Next, r.GraphEndpoint)
	}
	if seen != want {
		t.Errorf("%d registrations were listed, want %d", seen, want)
	}
	tenth := max(1, len(took)/10)
	t.Logf("%d registrations in %d pages: %s; a page %s at first and %s at last", seen, pages, time.Since(began).Round(time.Millisecond), median(took[:tenth]), median(took[len(took)-tenth:]))
	t.Logf("memory of the service: %d KiB before, %d KiB at most while it was listed (load average %s)", first, most, loadAverage())
}

func (r *reader) read(t *testing.T, path string) (p listPage) {
	t.Helper()
	ok(t, json.Unmarshal([]byte(r.text(t, path)), &p))
	return p
}

func (r *reader) text(t *testing.T, path string) string {
	t.Helper()
	if time.Now().After(r.until) {
		r.signIn(t)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.GraphEndpoint+path, nil)
	ok(t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	return r.send(t, req)
}

func (r *reader) signIn(t *testing.T) {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {r.ClientID}, "client_secret": {r.ClientSecret}, "scope": {"https://graph.microsoft.com/.default"},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	ok(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token string `json:"access_token"`
	}
	ok(t, json.Unmarshal([]byte(r.send(t, req)), &answer))
	r.token, r.until = answer.Token, time.Now().Add(5*time.Minute)
}

func (r *reader) send(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := r.Client().Do(req)
	ok(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", req.URL, resp.StatusCode, body)
	}
	return string(body)
}

// memory is a line of the service's status, in KiB; 0 where there is none.
func (r *reader) memory(t *testing.T, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.Process()))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, name); found {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

func median(d []time.Duration) time.Duration {
	all := append([]time.Duration(nil), d...)
	slices.Sort(all)
	return all[len(all)/2].Round(10 * time.Microsecond)
}
