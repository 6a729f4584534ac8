package crash_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// deaf loses the answer of one kind of call.
type deaf struct {
	http.RoundTripper
	to string // end of the path; empty: it hears everything
}

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode < http.StatusBadRequest && d.to != "" && strings.HasSuffix(r.URL.Path, d.to) {
		return nil, errors.Join(errors.New("the line went"), resp.Body.Close())
	}
	return resp, err
}

// The service enrolled a PC that never heard of it. A wipe of it that is ordered then
// does not keep the PC out for ever: the next enrolment hears of it, obeys, and the
// one after that holds.
func TestAPCThatNeverHeardOfItsEnrolmentIsNotKeptOut(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	line := &deaf{RoundTripper: h.Transport}
	c, err := sdk.New(sdk.Config{
		Authority: h.Authority, App: play.Edge, AppVersion: play.EdgeVersion, Dir: t.TempDir(), Health: demo.Health{}, HTTP: &http.Client{Transport: line},
		Browser: func(ctx context.Context, url string) error {
			_, err := h.Browser(t, nil).Open(ctx, url)
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	line.to = "/registrations"
	if err := c.Enroll(t.Context()); err == nil {
		t.Fatal("it heard its enrolment: this tests nothing")
	}
	line.to = ""
	var devices struct {
		Value []struct {
			ID       string `json:"id"`
			DeviceID string `json:"deviceId"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/v1.0/devices", nil, &devices)
	if len(devices.Value) != 1 {
		t.Fatalf("there are the devices %+v", devices.Value)
	}
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": devices.Value[0].DeviceID}, nil)
	if err := c.Enroll(t.Context()); err != nil {
		t.Fatalf("it is kept out: %v", err)
	}
	if st := c.Status(); st.Decision.Allowed() {
		t.Errorf("it is to be wiped, and in: %+v", st)
	}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Fatalf("wiped %t, %v", wiped, err)
	}
	if err := c.Enroll(t.Context()); err != nil || !c.Status().Decision.Allowed() {
		t.Errorf("after the wipe: %v, %+v", err, c.Status())
	}
}
