package store

import (
	"context"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

var deviceCodeTable = define(table[idp.DeviceCode]{
	name: "device_codes", noun: "device code", unique: "user code",
	key:      func(v *idp.DeviceCode) (string, string) { return string(v.Tenant), v.Hash },
	revision: func(v *idp.DeviceCode) *int64 { return &v.Revision },
	columns:  []string{"user_hash", "expires_at"},
	values:   func(v *idp.DeviceCode) []any { return []any{v.UserHash, ms(v.ExpiresAt)} },
})

// mostDeviceCodes is how many codes of a tenant may wait at once. One address
// cannot begin as many in the time that a code lives.
const mostDeviceCodes = 10_000

func (v idpView) SaveDeviceCode(ctx context.Context, d idp.DeviceCode) error {
	return v.write(ctx, nil, func(c *change) error {
		if d.Revision == 0 {
			var n int64
			if err := c.Row("SELECT count(*) FROM device_codes WHERE tenant = $1 AND expires_at > $2", []any{string(d.Tenant), ms(v.now())}, &n); err != nil {
				return err
			}
			if n >= mostDeviceCodes {
				return fault.New(fault.Throttled, "too many devices wait to be signed in; try again in a quarter of an hour")
			}
		}
		_, err := deviceCodeTable.put(c.Tx, d)
		return err
	})
}

func (v idpView) DeviceCode(ctx context.Context, t directory.TenantID, hash string) (idp.DeviceCode, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (idp.DeviceCode, error) { return deviceCodeTable.get(tx, string(t), hash) })
}

func (v idpView) DeviceCodeByUser(ctx context.Context, t directory.TenantID, userHash string) (idp.DeviceCode, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (idp.DeviceCode, error) {
		return deviceCodeTable.find(tx, "of this user code", "tenant = $1 AND user_hash = $2", string(t), userHash)
	})
}
