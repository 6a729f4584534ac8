package storetest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
)

func code(t directory.TenantID, hash string) idp.AuthorizationCode {
	return idp.AuthorizationCode{Hash: hash, Tenant: t, Client: "client", Session: "session", User: "anna", Scope: "openid", ExpiresAt: now.Add(time.Minute)}
}

func grant(t directory.TenantID, id string) *idp.Grant {
	return &idp.Grant{ID: id, Tenant: t, Client: "client", Session: "session", User: "anna", RefreshHash: "refresh-" + id, ExpiresAt: now.Add(time.Hour)}
}

func request(t directory.TenantID) access.Request {
	return access.Request{Tenant: t, Session: "session", Client: "client", Resources: []directory.AppID{"client"}}
}

func replayed(err error) bool { return errors.Is(err, idp.ErrReplayed) }

// movers change one fact of the world's session each.
var movers = map[string]func(testing.TB, *world){
	"configuration": func(t testing.TB, w *world) {
		must(w.Admin().AccessPolicies().Save(t.Context(), access.Policy{ID: "p", Tenant: "t1"}))(t)
	},
	"user": func(t testing.TB, w *world) {
		must(w.Admin().Users().Save(t.Context(), must(w.IDP().User(t.Context(), "t1", "anna"))(t)))(t)
	},
	"session": func(t testing.TB, w *world) {
		must(w.IDP().SaveSession(t.Context(), must(w.IDP().Session(t.Context(), "t1", "session"))(t)))(t)
	},
	"registration": func(t testing.TB, w *world) {
		ok(t, w.MAM().Save(t.Context(), mam.Change{Operations: []mam.Operation{{ID: "op", Tenant: "t1", Registration: "reg"}}}))
	},
}

func TestNothingIsGrantedOnFactsThatMoved(t *testing.T) {
	for fact, move := range movers {
		t.Run(fact, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				ctx, s := t.Context(), w.IDP()
				basis := must(w.Gate().Facts(ctx, request("t1")))(t).Revisions
				ok(t, s.SaveCode(ctx, code("t1", "before"), basis, ruling("t1", "r1")))
				ok(t, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", "before"), Code: "before", Basis: basis, Record: ruling("t1", "r2")}))
				ok(t, s.SaveCode(ctx, code("t1", "open"), basis, ruling("t1", "r3")))

				move(t, w)
				wantIs(t, idp.ErrMoved, s.SaveCode(ctx, code("t1", "after"), basis, ruling("t1", "r4")))
				_, err := s.Code(ctx, "t1", "after")
				wantKind(t, fault.NotFound, err)
				proof := oauth.Proof{JKT: "k", JTI: "j"}
				issue := idp.Issue{Tenant: "t1", Grant: grant("t1", "after"), Code: "open", Proof: &proof, Basis: basis, Record: ruling("t1", "r5")}
				wantIs(t, idp.ErrMoved, s.SaveIssue(ctx, issue))
				_, err = s.GrantByRefresh(ctx, "t1", "refresh-after")
				wantKind(t, fault.NotFound, err)

				// Nothing of it was kept: decided again, the same code and proof pass.
				issue.Basis = must(w.Gate().Facts(ctx, request("t1")))(t).Revisions
				ok(t, s.SaveIssue(ctx, issue))
				wantEqual(t, len(must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t)), 4)
			})
		})
	}
	each(t, func(t *testing.T, w *world) {
		t.Run("a fact that took no part may move", func(t *testing.T) {
			for _, move := range movers {
				move(t, w)
			}
			ok(t, w.IDP().SaveCode(t.Context(), code("t1", "c"), directory.Revisions{}, ruling("t1", "r")))
		})
		t.Run("a session that is gone moved", func(t *testing.T) {
			basis := must(w.Gate().Facts(t.Context(), request("t1")))(t).Revisions
			basis.Config = 0
			ok(t, w.Admin().Users().Delete(t.Context(), "t1", "anna"))
			wantIs(t, idp.ErrMoved, w.IDP().SaveCode(t.Context(), code("t1", "d"), basis, ruling("t1", "r2")))
		})
	})
}

func TestACodeIsSpentOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		ok(t, s.SaveCode(ctx, code("t1", "c"), directory.Revisions{}, ruling("t1", "r0")))
		wantEqual(t, must(s.Code(ctx, "t1", "c"))(t), code("t1", "c"))
		_, err := s.Code(ctx, "t2", "c")
		wantKind(t, fault.NotFound, err)

		results := race(8, func(i int) error {
			id := string(rune('a' + i))
			return s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", id), Code: "c", Record: ruling("t1", id)})
		})
		wantOneWinner(t, results, func(err error) bool { return errors.Is(err, idp.ErrCodeSpent) })
		winner := must(s.Code(ctx, "t1", "c"))(t).Grant
		must(s.GrantByRefresh(ctx, "t1", "refresh-"+winner))(t)
		wantEqual(t, len(must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t)), 2)

		t.Run("without a grant as well", func(t *testing.T) {
			ok(t, s.SaveCode(ctx, code("t1", "bare"), directory.Revisions{}, ruling("t1", "")))
			ok(t, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Code: "bare", Record: ruling("t1", "")}))
			wantIs(t, idp.ErrCodeSpent, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Code: "bare", Record: ruling("t1", "")}))
			wantIs(t, idp.ErrCodeSpent, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Code: "never", Record: ruling("t1", "")}))
		})
		t.Run("a code without a grant is judged by its own session", func(t *testing.T) {
			basis := must(w.Gate().Facts(ctx, request("t1")))(t).Revisions
			ok(t, s.SaveCode(ctx, code("t1", "own"), basis, ruling("t1", "")))
			movers["session"](t, w)
			wantIs(t, idp.ErrMoved, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Code: "own", Basis: basis, Record: ruling("t1", "")}))
		})
	})
}

func TestGrants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		ok(t, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", "g"), Record: ruling("t1", "r1")}))
		g := must(s.GrantByRefresh(ctx, "t1", "refresh-g"))(t)
		wantEqual(t, g.Revision, int64(1))
		for _, hash := range []string{"", "other"} {
			_, err := s.GrantByRefresh(ctx, "t1", hash)
			wantKind(t, fault.NotFound, err)
		}
		_, err := s.GrantByRefresh(ctx, "t2", "refresh-g")
		wantKind(t, fault.NotFound, err)
		wantKind(t, fault.NotFound, s.SaveIssue(ctx, idp.Issue{Tenant: "t2", Grant: grant("t1", "x"), Record: ruling("t2", "r")}))

		rotated := g
		rotated.FamilyHash, rotated.RefreshHash = g.RefreshHash, "refresh-2"
		results := race(8, func(i int) error {
			return s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: &rotated, Record: ruling("t1", "")})
		})
		wantOneWinner(t, results, conflict)
		wantEqual(t, rotated.Revision, int64(1))
		for _, hash := range []string{"refresh-g", "refresh-2"} {
			wantEqual(t, must(s.GrantByRefresh(ctx, "t1", hash))(t).Revision, int64(2))
		}

		ok(t, s.RevokeGrant(ctx, "t2", "g", now))
		wantEqual(t, must(s.GrantByRefresh(ctx, "t1", "refresh-2"))(t).RevokedAt.IsZero(), true)
		ok(t, s.RevokeGrant(ctx, "t1", "g", now))
		ok(t, s.RevokeGrant(ctx, "t1", "g", now.Add(time.Hour)))
		wantEqual(t, must(s.GrantByRefresh(ctx, "t1", "refresh-2"))(t).RevokedAt, now)
	})
}

func TestAProofIsSpentByTheIssueThatShowsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		proof := oauth.Proof{JKT: "k", JTI: "j", ExpiresAt: now.Add(time.Minute)}
		results := race(8, func(i int) error {
			id := string(rune('a' + i))
			return s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", id), Proof: &proof, Record: ruling("t1", id)})
		})
		wantOneWinner(t, results, replayed)
		w.reopen(t)
		wantIs(t, idp.ErrReplayed, w.IDP().SaveIssue(ctx, idp.Issue{Tenant: "t1", Proof: &proof, Record: ruling("t1", "z")}))
		wantEqual(t, len(must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t)), 1)
	})
}

func TestNoGrantAppearsAfterAnAcknowledgedChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		for i := range 20 {
			basis := must(w.Gate().Facts(ctx, request("t1")))(t).Revisions
			id := string(rune('a' + i))
			var grantedAfter error
			acknowledged := make(chan struct{})
			race(2, func(who int) error {
				if who == 0 {
					movers["session"](t, w)
					close(acknowledged)
					return nil
				}
				<-acknowledged
				grantedAfter = s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", id), Basis: basis, Record: ruling("t1", id)})
				return nil
			})
			wantIs(t, idp.ErrMoved, grantedAfter)
		}
	})
}

// Codes of devices: one for each user code, found by either half, compared and swapped.
func TestADeviceCodeIsFoundByEitherHalf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.IDP()
		d := idp.DeviceCode{Hash: "d", UserHash: "u", Tenant: "t1", Client: "app", ExpiresAt: now.Add(time.Minute)}
		ok(t, s.SaveDeviceCode(ctx, d))
		d.Revision = 1
		wantEqual(t, must(s.DeviceCode(ctx, "t1", "d"))(t), d)
		wantEqual(t, must(s.DeviceCodeByUser(ctx, "t1", "u"))(t), d)
		for _, tenant := range []directory.TenantID{"t2", "none"} {
			_, err := s.DeviceCode(ctx, tenant, "d")
			wantKind(t, fault.NotFound, err)
			_, err = s.DeviceCodeByUser(ctx, tenant, "u")
			wantKind(t, fault.NotFound, err)
		}
		other := d
		other.Hash, other.Revision = "e", 0
		wantKind(t, fault.Conflict, s.SaveDeviceCode(ctx, other))
		d.PolledAt = now
		ok(t, s.SaveDeviceCode(ctx, d))
		wantKind(t, fault.Conflict, s.SaveDeviceCode(ctx, d))
	})
}

// A tenant's codes are limited so that strangers cannot fill the database; what has
// expired must not keep devices out.
func TestDeviceCodesAreLimitedWhileTheyLive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		save := func(tenant directory.TenantID, id string) error {
			return w.IDP().SaveDeviceCode(t.Context(), idp.DeviceCode{Hash: id, UserHash: id, Tenant: tenant, Client: "app", ExpiresAt: now.Add(time.Minute)})
		}
		w.run(t, fmt.Sprintf(`INSERT INTO device_codes (tenant, id, user_hash, expires_at, revision, doc)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
			SELECT 't1', 'd' || i, 'u' || i, %d, 1, '{}' FROM n`, now.UnixMilli()))
		ok(t, save("t1", "first"))
		w.run(t, fmt.Sprintf("UPDATE device_codes SET expires_at = %d", now.Add(time.Minute).UnixMilli()))
		wantKind(t, fault.Throttled, save("t1", "second"))
		ok(t, save("t2", "first"))
	})
}
