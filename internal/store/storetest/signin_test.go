package storetest_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
)

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		want := session("t1", "session")
		want.Revision = 1
		wantEqual(t, must(s.Session(ctx, "t1", "session"))(t), want)
		wantEqual(t, must(s.SessionByCookie(ctx, "t1", "cookie-session"))(t), want)
		for _, hash := range []string{"", "other"} {
			_, err := s.SessionByCookie(ctx, "t1", hash)
			wantKind(t, fault.NotFound, err)
		}
		_, err := s.Session(ctx, "t2", "none")
		wantKind(t, fault.NotFound, err)
		_, err = s.SaveSession(ctx, idp.Session{ID: "x", Tenant: "t1", User: "nobody"})
		wantKind(t, fault.NotFound, err)

		want.MFAAt = now.Add(time.Second)
		saved := must(s.SaveSession(ctx, want, changed("mfa")))(t)
		want.Revision = 2
		wantEqual(t, saved, want)
		results := race(8, func(int) error {
			_, err := s.SaveSession(ctx, saved)
			return err
		})
		wantOneWinner(t, results, conflict)
		wantEqual(t, w.events(t), []event.Event{changed("mfa")})
	})
}

func TestRevokingSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		must(s.SaveSession(ctx, session("t1", "second")))(t)
		over := session("t1", "over")
		over.ExpiresAt = now.Add(-time.Second)
		must(s.SaveSession(ctx, over))(t)
		at := now.Add(time.Minute)

		wantEqual(t, must(s.RevokeSessions(ctx, "t1", "anna", "because", at))(t), 2)
		wantEqual(t, must(s.RevokeSessions(ctx, "t1", "anna", "again", at))(t), 0)
		wantEqual(t, must(s.RevokeSessions(ctx, "t1", "nobody", "again", at))(t), 0)
		got := must(s.Session(ctx, "t1", "second"))(t)
		wantEqual(t, []any{got.RevokedAt, got.RevokedFor, got.Revision}, []any{at, "because", int64(2)})
		wantEqual(t, must(s.Session(ctx, "t2", "session"))(t).RevokedAt.IsZero(), true)
		wantEqual(t, w.events(t), []event.Event{
			event.SessionRevoked{Tenant: "t1", User: "anna", Session: "second", Reason: "because", At: at},
			event.SessionRevoked{Tenant: "t1", User: "anna", Session: "session", Reason: "because", At: at},
		})
	})
}

func TestCredentials(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		_, err := s.Credential(ctx, "t1", "nobody")
		wantKind(t, fault.NotFound, err)
		c := must(s.Credential(ctx, "t1", "anna"))(t)
		wantEqual(t, c, idp.Credential{Tenant: "t1", User: "anna", PasswordHash: "$argon2id$", TOTPSealed: []byte{0, 255, 1}, TOTPStep: 7, Revision: 1})
		c.TOTPStep = 8
		wantOneWinner(t, race(8, func(int) error { return s.SaveCredential(ctx, c, changed("step")) }), conflict)
		wantEqual(t, len(w.events(t)), 1)

		t.Run("a new password keeps the second factor and ends a lockout", func(t *testing.T) {
			c := must(s.Credential(ctx, "t1", "anna"))(t)
			c.Failures, c.LockedUntil = 9, now
			ok(t, s.SaveCredential(ctx, c))
			u := must(s.User(ctx, "t1", "anna"))(t)
			u = must(w.Admin().SaveUserWithPassword(ctx, u, admin.Password{Hash: "new", MustChange: true}, told("password")))(t)
			wantEqual(t, u.Revision, int64(2))
			wantEqual(t, must(s.Credential(ctx, "t1", "anna"))(t),
				idp.Credential{Tenant: "t1", User: "anna", PasswordHash: "new", MustChange: true, TOTPSealed: []byte{0, 255, 1}, TOTPStep: 8, Revision: 4})
			u.Revision = 1
			_, err := w.Admin().SaveUserWithPassword(ctx, u, admin.Password{Hash: "stale"}, told("stale"))
			wantKind(t, fault.Conflict, err)
			wantEqual(t, must(s.Credential(ctx, "t1", "anna"))(t).PasswordHash, "new")
		})
	})
}

// An administrator resets a password because somebody else may know it: what was
// opened with it closes in the same transaction.
func TestAPasswordResetEndsEverySignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		u := must(s.User(ctx, "t1", "anna"))(t)
		u = must(w.Admin().SaveUserWithPassword(ctx, u, admin.Password{Hash: "new"}, told("password")))(t)
		wantEqual(t, must(s.Session(ctx, "t1", "session"))(t).RevokedFor, "passwordReset")
		wantEqual(t, must(s.Session(ctx, "t2", "session"))(t).RevokedFor, "")
		wantEqual(t, w.events(t), []event.Event{
			event.SessionRevoked{Tenant: "t1", User: "anna", Session: "session", Reason: "passwordReset", At: now}, changed("password"),
		})
		must(s.SaveSession(ctx, session("t1", "later")))(t)
		u.DisplayName = "Anna Maria"
		must(w.Admin().Users().Save(ctx, u))(t)
		wantEqual(t, must(s.Session(ctx, "t1", "later"))(t).RevokedFor, "")
	})
}

func TestFlows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		f := must(s.SaveFlow(ctx, idp.Flow{ID: "f", Tenant: "t1", Request: "q", TOTPSealed: []byte{1}, ExpiresAt: now.Add(time.Minute)}))(t)
		wantEqual(t, must(s.Flow(ctx, "t1", "f", now))(t), f)
		_, err := s.Flow(ctx, "t1", "f", f.ExpiresAt)
		wantKind(t, fault.NotFound, err)
		_, err = s.Flow(ctx, "t2", "f", now)
		wantKind(t, fault.NotFound, err)
		wantOneWinner(t, race(8, func(int) error { _, err := s.SaveFlow(ctx, f); return err }), conflict)
	})
}

func TestProvingRegistration(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		wantEqual(t, must(s.ProvingRegistration(ctx, "t1", "anna", "com.example.app", "jkt-pc"))(t), directory.RegistrationID("reg"))
		wantEqual(t, must(s.DeviceByKey(ctx, "t1", "jkt-pc"))(t).ID, directory.DeviceID("pc"))
		for _, c := range [][3]string{{"bert", "com.example.app", "jkt-pc"}, {"anna", "other", "jkt-pc"}, {"anna", "com.example.app", "other"}, {"anna", "com.example.app", ""}} {
			_, err := s.ProvingRegistration(ctx, "t1", directory.UserID(c[0]), directory.PackageID(c[1]), c[2])
			wantKind(t, fault.NotFound, err)
		}
		r := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
		r.EndedAt, r.EndedFor = now, "signedOut"
		ok(t, w.MAM().Save(ctx, mam.Change{Registration: &r}))
		_, err := s.ProvingRegistration(ctx, "t1", "anna", "com.example.app", "jkt-pc")
		wantKind(t, fault.NotFound, err)
	})
}

func TestAConnectorIsKnownByItsPartner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		has := func(tenant directory.TenantID) bool {
			return must(w.IDP().HasConnector(t.Context(), tenant, directory.WindowsSecurityCenter))(t)
		}
		wantEqual(t, has("t1"), false)
		must(w.Admin().Connectors().Save(t.Context(), connector("t1")))(t)
		wantEqual(t, []bool{has("t1"), has("t2")}, []bool{true, false})
	})
}

func TestDeletingAUserLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		must(w.Admin().Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t)
		ok(t, w.Admin().AddMember(ctx, "t1", "g", user("anna")))
		ok(t, s.SaveCode(ctx, code("t1", "code"), directory.Revisions{}, ruling("t1", "r1")))
		ok(t, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", "grant"), Record: ruling("t1", "r2")}))
		ok(t, w.Tunnel().SavePass(ctx, tunnel.Pass{Hash: "pass", Tenant: "t1", Site: "client", Session: "session", User: "anna"}))
		ok(t, w.MAM().Save(ctx, mam.Change{Operations: []mam.Operation{{ID: "op", Tenant: "t1", Registration: "reg"}}}))

		ok(t, w.Admin().Users().Delete(ctx, "t1", "anna", told("gone")))
		for what, get := range map[string]func() error{
			"user":         func() error { _, err := s.User(ctx, "t1", "anna"); return err },
			"credential":   func() error { _, err := s.Credential(ctx, "t1", "anna"); return err },
			"session":      func() error { _, err := s.Session(ctx, "t1", "session"); return err },
			"code":         func() error { _, err := s.Code(ctx, "t1", "code"); return err },
			"grant":        func() error { _, err := s.GrantByRefresh(ctx, "t1", "refresh-grant"); return err },
			"pass":         func() error { _, err := w.Tunnel().Pass(ctx, "pass"); return err },
			"registration": func() error { _, err := w.MAM().Registration(ctx, "t1", "reg"); return err },
			"facts":        func() error { _, err := w.Gate().Facts(ctx, request("t1")); return err },
		} {
			if err := get(); fault.KindOf(err) != fault.NotFound || err == nil {
				t.Errorf("after the user was deleted, asking for the %s gives %v", what, err)
			}
		}
		wantEqual(t, len(must(w.Admin().Members(ctx, "t1", "g", admin.Query{}))(t)), 0)
		wantEqual(t, len(must(w.MAM().Operations(ctx, "t1", "reg"))(t)), 0)
		must(s.Session(ctx, "t2", "session"))(t)
		must(w.MAM().Device(ctx, "t1", "pc"))(t) // others may use it
		wantEqual(t, len(must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t)), 2)
	})
}

func TestSpentProofs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		proof := oauth.Proof{JKT: "k", JTI: "once", ExpiresAt: now.Add(time.Minute)}
		results := race(8, func(int) error { return w.IDP().SpendProof(ctx, "t1", proof) })
		wantOneWinner(t, results, replayed)
		wantIs(t, idp.ErrReplayed, w.IDP().SpendProof(ctx, "t1", proof))
		ok(t, w.IDP().SpendProof(ctx, "t2", proof))
		other := proof
		other.JKT = "another key"
		ok(t, w.IDP().SpendProof(ctx, "t1", other))
		wantKind(t, fault.Invalid, w.IDP().SpendProof(ctx, "t1", oauth.Proof{}))

		w.reopen(t)
		wantIs(t, idp.ErrReplayed, w.IDP().SpendProof(ctx, "t1", proof))
		reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
		wantKind(t, fault.Unauthenticated, w.MAM().Save(ctx, mam.Change{Registration: &reg, Proof: &proof}))
		_, err := w.MAM().SaveDevice(ctx, device("t1", "new"), &proof)
		wantKind(t, fault.Unauthenticated, err)
		_, err = w.MAM().Device(ctx, "t1", "new")
		wantKind(t, fault.NotFound, err)
	})
}
