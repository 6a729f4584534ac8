package store

import (
	"context"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

type proverView struct{ *Store }

// Prover is what proofs read.
func (s *Store) Prover() prover.Store { return proverView{s} }

func (v proverView) Rules(ctx context.Context, t directory.TenantID) (access.Rules, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (r access.Rules, err error) {
		tenant, err := tenantTable.get(tx, string(t), string(t))
		if err != nil {
			return r, err
		}
		r.DenyUncovered = tenant.Settings.DenyUncovered
		if r.Policies, err = accessTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t)); err != nil {
			return r, err
		}
		if r.Locations, err = locations(tx, t); err != nil {
			return r, err
		}
		r.Strengths, err = strengths(tx, t)
		return r, err
	})
}

func (v proverView) Furniture(ctx context.Context, t directory.TenantID) (prover.Furniture, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (f prover.Furniture, err error) {
		f = prover.Furniture{Agreements: []agreement.ID{}, Contexts: []access.ContextID{}}
		if f.Apps, err = appTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t)); err != nil {
			return f, err
		}
		if f.Groups, err = groupTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t)); err != nil {
			return f, err
		}
		terms, err := agreements(tx, t)
		for _, a := range terms {
			f.Agreements = append(f.Agreements, a.ID)
		}
		if err != nil {
			return f, err
		}
		contexts, err := contextTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
		for _, c := range contexts {
			f.Contexts = append(f.Contexts, access.ContextID(c.ID))
		}
		return f, err
	})
}

func (v proverView) Account(ctx context.Context, t directory.TenantID, id directory.UserID) (prover.Account, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (prover.Account, error) {
		u, err := userTable.get(tx, string(t), string(id))
		if err != nil {
			return prover.Account{}, err
		}
		return account(tx, u)
	})
}

func account(tx *sqldb.Tx, u directory.User) (prover.Account, error) {
	g, err := groups(tx, u.Tenant, u.ID)
	return prover.Account{User: u, Groups: g}, err
}

// GroupsAfter leaves out what ends, and adds the groups around what begins.
func (v proverView) GroupsAfter(ctx context.Context, a prover.Account, m access.Membership) ([]directory.GroupID, error) {
	t := a.User.Tenant
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]directory.GroupID, error) {
		if m.Leaves {
			return groupIDs(tx, groupsWithout, string(t), string(a.User.ID), string(m.Group), m.Member, m.Member, string(t), string(m.Group), m.Member, m.Member)
		}
		found, err := groups(tx, t, a.User.ID)
		if err != nil || m.Member != string(a.User.ID) && !slices.Contains(found, directory.GroupID(m.Member)) {
			return found, err
		}
		around, err := groupIDs(tx, groupsAround, string(t), string(m.Group), string(t))
		found = append(found, append(around, m.Group)...)
		slices.Sort(found)
		return slices.Compact(found), err
	})
}

// accountsPage is how many users are read in one snapshot, so that none is held
// for as long as somebody looks at them.
const accountsPage = 500

func (v proverView) Accounts(ctx context.Context, t directory.TenantID, want func(directory.User) bool, visit func(prover.Account) bool) error {
	for after, next, last := "", "", false; !last; after = next {
		var page []prover.Account
		err := v.read(ctx, func(tx *sqldb.Tx) error {
			page = page[:0]
			users, err := userTable.list(tx, "WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3", string(t), after, int64(accountsPage))
			if err != nil {
				return err
			}
			last = len(users) < accountsPage
			for _, u := range users {
				next = string(u.ID)
				if !want(u) {
					continue
				}
				a, err := account(tx, u)
				if err != nil {
					return err
				}
				page = append(page, a)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, a := range page {
			if !visit(a) {
				return nil
			}
		}
	}
	return nil
}

func (v proverView) UserIDs(ctx context.Context, t directory.TenantID) ([]directory.UserID, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) ([]directory.UserID, error) {
		all := []directory.UserID{}
		found, err := texts(tx, "SELECT id FROM users WHERE tenant = $1", string(t))
		for _, id := range found {
			all = append(all, directory.UserID(id))
		}
		return all, err
	})
}

func (v proverView) Protection(ctx context.Context, t directory.TenantID) ([]protection.Policy, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]protection.Policy, error) {
		return protectionTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
	})
}

func (v proverView) AnyCompliant(ctx context.Context, t directory.TenantID) (bool, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (bool, error) {
		devices, err := deviceTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
		for _, d := range devices {
			if d.Enabled && d.Compliant {
				return true, err
			}
		}
		return false, err
	})
}
