package mam_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/mam"
)

// recorded is the real store; it notes the entries that were saved.
type recorded struct {
	mam.Store
	entries *[]audit.Entry
}

func (r recorded) Save(ctx context.Context, c mam.Change) error {
	err := r.Store.Save(ctx, c)
	if err == nil {
		*r.entries = append(*r.entries, c.Entries...)
	}
	return err
}

// record makes w note what is recorded from here on.
func (w *world) record() *[]audit.Entry {
	w.Helper()
	var entries []audit.Entry
	var err error
	w.mam, err = mam.New(mam.Config{
		Store: recorded{w.store.MAM(), &entries}, Signer: w, Issuer: issuer, Now: w.clock,
		OrderKeys: func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
	})
	must(w, err)
	return &entries
}

func TestEveryStepOfAnOperationIsOnRecord(t *testing.T) {
	w := newWorld(t)
	entries := w.record()
	p := w.newPC(anna)
	id := p.enroll()
	q := mam.WipeRequest{Tenant: tenant, User: anna, Device: w.get(id).Device, Reason: "lost", By: adminActor()}
	for range 2 { // the second finds the first under way
		_, err := w.mam.RequestWipe(t.Context(), q)
		must(t, err)
	}
	op := w.last(id)
	if op.RequestedBy != string(adminActor().User) {
		t.Errorf("requested by %q", op.RequestedBy)
	}
	_, err := w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	must(t, err)
	asked := w.askDiagnostics(id)
	_, err = w.mam.Cancel(t.Context(), tenant, id, asked.ID, adminActor())
	must(t, err)
	wipe := w.requestWipe(id)
	failed := w.receiptFor(wipe)
	failed.Succeeded = false
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, wipe.ID, p.receipt(failed)))
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, wipe.ID, p.receipt(w.receiptFor(wipe))))
	silent := p.enroll()
	w.now = w.now.Add(100 * aDay)
	w.sweep()

	var told []string
	for _, e := range *entries {
		told = append(told, e.Activity)
		if e.ID == "" || e.Tenant != tenant || e.Kind != audit.Registration || e.Operation != audit.Action || e.At.IsZero() ||
			e.Target != string(id) && e.Target != string(silent) || e.Name != edge+" on laptop" {
			t.Errorf("on record: %+v", e)
		}
		byAdmin := strings.HasSuffix(e.Activity, "requested") || strings.HasSuffix(e.Activity, "cancelled")
		if byAdmin && len(told) != 5 && e.Actor != adminActor() || !byAdmin && e.Actor.Name == "" {
			t.Errorf("%s by %+v", e.Activity, e.Actor)
		}
	}
	want := []string{
		"wipe requested", "wipe cancelled", "diagnostics requested", "diagnostics cancelled",
		"wipe requested", "wipe failed", "wipe done", "registration expired",
	}
	if !slices.Equal(told, want) {
		t.Fatalf("on record: %q\nwant %q", told, want)
	}
	var after map[string]string
	must(t, json.Unmarshal((*entries)[6].After, &after))
	if after["operation"] != wipe.ID || after["state"] != "done" || after["receipt"] == "" || after["deviceName"] != "laptop" || after["userId"] != string(anna) {
		t.Errorf("the record of a wipe is %v", after)
	}
}

func TestAWipeThatNobodyOrderedIsOnRecordToo(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	p.enroll()
	entries := w.record()
	w.wipeUser(leaver())
	w.told()
	if e := *entries; len(e) != 1 || e[0].Activity != "wipe requested" || e[0].Actor.User != "" || e[0].Actor.Name == "" {
		t.Errorf("on record: %+v", e)
	}
}
