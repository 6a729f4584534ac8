package store

import (
	"context"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/threat"
)

// visitOf reads a registration with the revisions of what it hangs on, the
// signals about it, and the tenant's connector, in one statement. Of several
// connectors the one of Windows Security Center counts.
const visitOf = `SELECT 0, '', '', g.doc, g.revision, t.revision, u.revision FROM registrations g
		JOIN tenants t ON t.id = g.tenant
		JOIN users u ON u.tenant = g.tenant AND u.id = g.user_id
		WHERE g.tenant = $1 AND g.id = $2
	UNION ALL SELECT 1, source, partner, doc, 0, 0, 0 FROM signals WHERE tenant = $3 AND registration_id = $4
	UNION ALL SELECT 2, '', '', c.doc, c.revision, 0, 0 FROM (
		SELECT doc, revision FROM connectors WHERE tenant = $5 ORDER BY CASE WHEN id = $6 THEN 0 ELSE 1 END, id LIMIT 1) c
	ORDER BY 1, 2, 3`

// visit is what changes with check-ins and heartbeats.
type visit struct {
	registration mam.Registration
	at           directory.Revisions // of configuration and user
	signals      []threat.Signal
	connector    *threat.Connector
}

func readVisit(tx *sqldb.Tx, t directory.TenantID, id directory.RegistrationID) (visit, error) {
	var v visit
	err := tx.Rows(visitOf, []any{string(t), string(id), string(t), string(id), string(t), string(directory.WindowsSecurityCenter)},
		func(scan func(...any) error) error {
			var part, revision int64
			var source, partner string
			var doc []byte
			var at directory.Revisions
			err := scan(&part, &source, &partner, &doc, &revision, &at.Config, &at.User)
			if err != nil {
				return err
			}
			switch part {
			case 0:
				v.at = at
				v.registration, err = registrationTable.decode(doc, revision)
			case 1:
				var s threat.Signal
				s, err = decode[threat.Signal](doc)
				v.signals = append(v.signals, s)
			default:
				var c threat.Connector
				c, err = connectorTable.decode(doc, revision)
				v.connector = &c
			}
			return err
		})
	if err == nil && v.registration.Standing.Registration == "" {
		err = fault.New(fault.NotFound, "there is no %s %q", registrationTable.noun, id)
	}
	return v, err
}

// dossier is v with what is asked.
func (v visit) dossier(d mam.Dossier) mam.Dossier {
	d.Registration = v.registration
	d.Standing, d.Manufacturer, d.Model = v.registration.Standing, v.registration.Manufacturer, v.registration.DeviceModel
	d.Signals, d.Connector = v.signals, v.connector
	return d
}

func (v visit) key() askedKey {
	in := v.registration.Installation
	return askedKey{in.Tenant, in.User, in.App}
}

// Dossier reads what changes with every check-in, and recalls the rest: what a
// user is asked in an app moves with the tenant's configuration and the user.
func (v mamView) Dossier(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Dossier, error) {
	found, err := glance(ctx, v.Store, func(tx *sqldb.Tx) (visit, error) { return readVisit(tx, t, id) })
	if err != nil {
		return mam.Dossier{}, err
	}
	if d, ok := v.recall.askedOf(found.key(), found.at); ok {
		return found.dossier(d), nil
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) (mam.Dossier, error) {
		found, err := readVisit(tx, t, id) // as this snapshot has it
		if err != nil {
			return mam.Dossier{}, err
		}
		var d mam.Dossier
		d.Standing.Installation = found.registration.Installation
		if err := v.asked(tx, &d); err != nil {
			return d, err
		}
		v.recall.keepAsked(found.key(), asked{found.at, d})
		return found.dossier(d), nil
	})
}
