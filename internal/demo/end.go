package demo

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// away: the PC is offline for longer than policy allows. The clock jumps.
func (s *story) away(ctx context.Context) error {
	began := time.Now()
	if err := s.pc.stop(); err != nil {
		return err
	}
	const long = 721 * time.Minute
	s.Advance(long)
	local := s.pc.client.Decide()
	_, sealed := s.pc.client.Vault().Load("plans.txt")
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	reason := ""
	if len(local.Reasons) > 0 {
		reason = local.Reasons[0].Text
	}
	s.tell(began, Step{
		Name: "offline grace expires, and the app is blocked", Asked: "the virtual clock moves on by 721 minutes while the agent is off; then GET " + s.siteURL(),
		Answer:   fmt.Sprintf("on the PC: %s; at the proxy: %d %s", local.Action, p.Status, short(Text(p.Body))),
		Why:      reason + " Organisation files stay sealed meanwhile.",
		Observed: local.Action == "block" && sealed != nil && !in(p),
	})
	return nil
}

// operation is what Graph shows of an order.
type operation struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	State       string `json:"state"`
}

// wiped: an order is given while the PC is off; it comes back, verifies, wipes
// and signs a receipt.
func (s *story) wiped(ctx context.Context) error {
	st := s.pc.client.Status()
	if err := s.order(ctx, st.DeviceID); err != nil {
		return err
	}
	began := time.Now()
	s.pc.run(ctx)
	s.waiting("the agent comes back and finds the order")
	if err := s.untilWiped(ctx); err != nil {
		return err
	}
	_, vault := s.pc.client.Vault().Load("plans.txt")
	left, err := filepath.Glob(filepath.Join(s.dir, "agent", "organization*"))
	if err != nil {
		return err
	}
	own, err := os.ReadFile(s.made.note)
	s.tell(began, Step{
		Name: "the agent wipes the organisation's data, and nothing else", Asked: "agent: fetch orders, verify the signature, destroy the key, delete",
		Answer:   fmt.Sprintf("organisation file: %v; sealed files and keys left: %d; the person's own file: %q", vault, len(left), own),
		Observed: vault != nil && len(left) == 0 && err == nil && string(own) == "Nobody's business." && !s.pc.client.Status().WipedAt.IsZero(),
		Why:      "the order named this registration and this device key; any other would have been refused",
	})
	return s.receipt(ctx, st.RegistrationID)
}

func (s *story) order(ctx context.Context, device string) error {
	began := time.Now()
	path := "/v1.0/users/" + s.made.user + "/wipeManagedAppRegistrationsByDeviceTag"
	if err := s.graph.do(ctx, s.Now(), http.MethodPost, path, map[string]any{"deviceTag": device}, nil); err != nil {
		return err
	}
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "the administrator orders a selective wipe", Asked: "Graph: POST " + path,
		Answer: fmt.Sprintf("204; the browser: %d %s", p.Status, short(Text(p.Body))), Observed: !in(p),
		Why: "access is cut from the request on, however long the PC stays away",
	})
	return nil
}

// untilWiped waits for the agent's loop to end by itself, as it does after a wipe.
func (s *story) untilWiped(ctx context.Context) error {
	defer s.pc.cancel()
	select {
	case err := <-s.pc.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receipt looks at the wipe from the administrator's side.
func (s *story) receipt(ctx context.Context, registration string) error {
	began := time.Now()
	var ops struct {
		Value []operation `json:"value"`
	}
	path := "/beta/deviceAppManagement/managedAppRegistrations/" + registration + "/operations"
	if err := s.graph.do(ctx, s.Now(), http.MethodGet, path, nil, &ops); err != nil {
		return err
	}
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	state := "none"
	if len(ops.Value) > 0 {
		state = ops.Value[0].DisplayName + " is " + ops.Value[0].State
	}
	s.tell(began, Step{
		Name: "the receipt is in, and access stays cut", Asked: "Graph: GET " + path + "; then GET " + s.siteURL(),
		Answer:   fmt.Sprintf("%s; the browser: %d %s", state, p.Status, short(Text(p.Body))),
		Observed: len(ops.Value) == 1 && strings.EqualFold(ops.Value[0].State, "done") && !in(p),
		Why:      "the receipt is signed by the key of this PC; enrolling again would let Ada in again",
	})
	return nil
}
