package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

type reportView struct{ *Store }

// Reports is what reports read.
func (s *Store) Reports() report.Store { return reportView{s} }

func (v reportView) Installations(ctx context.Context, t directory.TenantID, q report.Query) ([]report.Installation, error) {
	regs, err := mamView(v).List(ctx, t, mam.Filter{User: q.User, App: q.App, Ended: q.Ended, After: directory.RegistrationID(q.After), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]report.Installation, error) {
		b := book{tx: tx, tenant: string(t), users: map[directory.UserID]directory.User{}, names: map[string]string{}}
		if err := b.learn(regs); err != nil {
			return nil, err
		}
		found := make([]report.Installation, len(regs))
		for i, r := range regs {
			found[i] = b.installation(r)
		}
		return found, nil
	})
}

func (v reportView) Orders(ctx context.Context, t directory.TenantID, q report.Query) ([]report.Operation, error) {
	found, err := mamView(v).Tracked(ctx, t, mam.OperationFilter{User: q.User, After: q.After, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]report.Operation, error) {
		b := book{tx: tx, tenant: string(t), users: map[directory.UserID]directory.User{}, names: map[string]string{}}
		var regs []mam.Registration
		for _, f := range found {
			regs = append(regs, f.Registration)
		}
		if err := b.learn(regs); err != nil {
			return nil, err
		}
		out := make([]report.Operation, len(found))
		for i, f := range found {
			kind := f.Operation.Kind
			if kind == "" {
				kind = mam.Wipe
			}
			out[i] = report.Operation{
				ID: f.Operation.ID, Cursor: f.Cursor(), Kind: string(kind), State: string(f.Operation.State), RequestedBy: f.Operation.RequestedBy, Reason: f.Operation.Reason,
				RequestedAt: f.Operation.RequestedAt, ModifiedAt: f.Operation.ModifiedAt, Installation: b.installation(f.Registration),
			}
		}
		return out, nil
	})
}

func (v reportView) Person(ctx context.Context, t directory.TenantID, u directory.UserID) (directory.User, []directory.Group, error) {
	var mine []directory.Group
	user, err := one(ctx, v.Store, func(tx *sqldb.Tx) (directory.User, error) {
		user, err := userTable.get(tx, string(t), string(u))
		if err != nil {
			return user, err
		}
		ids, err := groups(tx, t, u)
		for i := 0; i < len(ids) && err == nil; i++ {
			var g directory.Group
			g, err = groupTable.get(tx, string(t), string(ids[i]))
			mine = append(mine, g)
		}
		return user, err
	})
	return user, mine, err
}

func (v reportView) Tenant(ctx context.Context, t directory.TenantID) (directory.Tenant, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.Tenant, error) { return tenantTable.get(tx, string(t), string(t)) })
}

// book looks up, for a batch of registrations, who and what they speak of.
type book struct {
	tx     *sqldb.Tx
	tenant string
	users  map[directory.UserID]directory.User
	names  map[string]string // of policies
}

// learn reads the users and policies of a batch, one query for each kind.
func (b *book) learn(regs []mam.Registration) error {
	var users, policies []string
	for _, r := range regs {
		users = append(users, string(r.User))
		for _, p := range slices.Concat(r.Intended.Policies, r.Applied.Policies) {
			policies = append(policies, p.ID)
		}
	}
	found, err := among(b.tx, userTable, b.tenant, users)
	for _, u := range found {
		b.users[u.ID] = u
	}
	if err != nil {
		return err
	}
	protections, err := among(b.tx, protectionTable, b.tenant, policies)
	if err != nil {
		return err
	}
	for _, p := range protections {
		b.names[string(p.ID)] = p.DisplayName
	}
	configurations, err := among(b.tx, configurationTable, b.tenant, policies)
	for _, p := range configurations {
		b.names[string(p.ID)] = p.DisplayName
	}
	return err
}

// among reads the objects with these identifiers, those that exist.
func among[T any](tx *sqldb.Tx, from *table[T], tenant string, ids []string) ([]T, error) {
	seen, args := map[string]bool{}, []any{tenant}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			args = append(args, id)
		}
	}
	if len(args) == 1 {
		return nil, nil
	}
	places := make([]string, len(args)-1)
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+2)
	}
	return from.list(tx, "WHERE tenant = $1 AND id IN ("+strings.Join(places, ", ")+")", args...)
}

func (b *book) installation(r mam.Registration) report.Installation {
	user, ok := b.users[r.User]
	if !ok {
		user = directory.User{ID: r.User, UserPrincipalName: string(r.User)}
	}
	return report.Installation{
		Registration: r.Standing.Registration, User: user, App: r.App, AppVersion: r.AppVersion, SDKVersion: r.SDKVersion,
		Device: r.Device, DeviceName: r.DeviceName, Manufacturer: r.Manufacturer, Model: r.DeviceModel, Platform: r.Platform, OSVersion: r.OSVersion,
		Adapter: r.Adapter, EnrolledAt: r.EnrolledAt, LastSyncAt: r.LastSyncAt, EndedAt: r.EndedAt, EndedFor: r.EndedFor, WipePending: r.WipePending,
		Verdict: r.Verdict, Intended: b.policies(r.Intended), Applied: b.policies(r.Applied), ScopeTags: r.Intended.ScopeTags, Controls: r.Controls,
		UpToDate: r.Intended.ETag != "" && r.AppliedETag == r.Intended.ETag,
	}
}

func (b *book) policies(d mam.Delivery) []report.Policy {
	var out []report.Policy
	for _, p := range d.Policies {
		out = append(out, report.Policy{ID: p.ID, Name: b.names[p.ID], Revision: p.Revision})
	}
	return out
}
