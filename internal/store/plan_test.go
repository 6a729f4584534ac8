package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

// A page of registrations is read from an index that is in the order of the
// page: nothing is sorted and the table is never walked, whatever is asked.
func TestPagesOfRegistrationsComeFromAnIndex(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { plans(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { plans(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}

func plans(t *testing.T, o store.Options) {
	s := crowded(t, o)
	for name, want := range map[string]struct {
		filter mam.Filter
		index  string
	}{
		"userId eq":      {mam.Filter{User: "user-0000007"}, "registrations_user"},
		"deviceTag eq":   {mam.Filter{Device: "pc-0000007"}, "registrations_device"},
		"user, next":     {mam.Filter{User: "user-0000007", After: "r-0000021"}, "registrations_user"},
		"user and ended": {mam.Filter{User: "user-0000007", Ended: true}, "registrations_user"},
		"all":            {mam.Filter{}, "registrations_pkey"},
		"all, next":      {mam.Filter{After: "r-0001500"}, "registrations_pkey"},
	} {
		plan, err := store.PlanOfList(t.Context(), s, "t1", want.filter)
		if err != nil {
			t.Fatal(err)
		}
		index := want.index
		if o.DatabaseURL == "" && index == "registrations_pkey" {
			index = "sqlite_autoindex_registrations_1"
		}
		if !strings.Contains(plan, index+" ") || walks(plan) {
			t.Errorf("%s is not read from %s:\n%s", name, index, plan)
		}
	}
	plan, err := store.PlanOfCount(t.Context(), s, "t1", mam.Filter{User: "user-0000007"})
	if err != nil || !strings.Contains(plan, "registrations_user") && !strings.Contains(plan, "registrations_alive") || walks(plan) {
		t.Errorf("a user's registrations are not counted from an index: %v\n%s", err, plan)
	}
}

// So is a page of the sign-in log.
func TestPagesOfTheLogComeFromAnIndex(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { logPlans(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { logPlans(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}

func logPlans(t *testing.T, o store.Options) {
	s, ctx := storetest.OpenWith(t, o), t.Context()
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	if _, err := s.Admin().Tenants().Save(ctx, directory.Tenant{ID: "t1", DisplayName: "T", CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	storetest.SignIns(t, o, "t1", 20_000)
	mark := access.Mark{At: now, ID: "s-1000"}
	for name, want := range map[string]struct {
		query access.RecordQuery
		index string
	}{
		"all":             {access.RecordQuery{Limit: 101}, "sign_ins_at"},
		"next":            {access.RecordQuery{After: mark, Limit: 101}, "sign_ins_at"},
		"oldest first":    {access.RecordQuery{OldestFirst: true, Limit: 101}, "sign_ins_at"},
		"a day":           {access.RecordQuery{From: now, To: now.Add(time.Hour), Limit: 101}, "sign_ins_a"}, // or by age alone, where nearly all is of one tenant
		"a user":          {access.RecordQuery{User: "user-7", Limit: 101}, "sign_ins_user"},
		"a user, next":    {access.RecordQuery{User: "user-7", After: mark, Limit: 101}, "sign_ins_user"},
		"a name":          {access.RecordQuery{UserPrincipalName: "user-7@contoso.example", Limit: 101}, "sign_ins_name"},
		"an app":          {access.RecordQuery{Client: "app-7", OldestFirst: true, Limit: 101}, "sign_ins_client"},
		"one request":     {access.RecordQuery{CorrelationID: "request-77", Limit: 101}, "sign_ins_correlation"},
		"refused":         {access.RecordQuery{Refused: true, Limit: 11}, "sign_ins_refused"},
		"refused, oldest": {access.RecordQuery{Refused: true, After: mark, OldestFirst: true, Limit: 11}, "sign_ins_refused"},
	} {
		plan, err := store.PlanOfRecords(ctx, s, "t1", want.query)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, want.index) || walks(strings.ReplaceAll(plan, "Incremental Sort", "")) {
			t.Errorf("%s is not read from %s:\n%s", name, want.index, plan)
		}
	}
}

// walks reports whether a plan sorts, or reads a table in its own order.
func walks(plan string) bool {
	for _, bad := range []string{"SCAN ", "TEMP B-TREE", "Seq Scan", "Sort  ("} {
		if strings.Contains(plan, bad) {
			return true
		}
	}
	return false
}

// crowded is a store with 3,000 registrations of 1,000 people.
func crowded(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, ctx := storetest.OpenWith(t, o), t.Context()
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	in := directory.Installation{Tenant: "t1", User: "anna", Device: "pc", App: "com.example.app"}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Admin().Tenants().Save(ctx, directory.Tenant{ID: "t1", DisplayName: "T", CreatedAt: now}))
	must(s.Admin().Users().Save(ctx, directory.User{ID: "anna", Tenant: "t1", UserPrincipalName: "anna@example", Enabled: true, CreatedAt: now}))
	must(s.Admin().Devices().Save(ctx, directory.Device{ID: "pc", Tenant: "t1", Owner: "anna", KeyThumbprint: "jkt", Enabled: true, CreatedAt: now}))
	must(nil, s.MAM().Save(ctx, mam.Change{Registration: &mam.Registration{
		Standing: compliance.Standing{Registration: "r", Installation: in, EnrolledAt: now, LastSyncAt: now}, KeyThumbprint: "jkt",
	}}))
	storetest.Crowd(t, o, storetest.Original{Tenant: "t1", Registration: "r"}, 3000)
	return s
}
