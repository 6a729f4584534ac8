// Package signins serves the sign-in log at the Graph door: who signed in, from
// where, to what, and what every policy came to; and the people whose accounts may
// be in the hands of others.
package signins

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// Log is the sign-in log.
type Log interface {
	// Records lists what a query asks for, in its order.
	Records(ctx context.Context, t directory.TenantID, q access.RecordQuery) ([]access.Record, error)
	// Record returns one entry, or fault.NotFound.
	Record(ctx context.Context, t directory.TenantID, id string) (access.Record, error)
}

// Reasoner makes the reasons of decisions anew.
type Reasoner interface {
	// Reasons says of each record what every policy of the rules of then came to.
	Reasons(ctx context.Context, t directory.TenantID, records []access.Record) ([][]access.Applied, error)
}

// Area is the log, as the door serves it.
type Area struct {
	Admin    *admin.Service
	Log      Log
	Reasoner Reasoner
}

const (
	path    = "auditLogs/signIns"
	kind    = "graph.signIn"
	created = "createdDateTime"
)

// Routes lists what is served, with the permission that it needs.
func (d *Area) Routes() []graph.Route {
	return append(d.riskRoutes(), []graph.Route{
		{Method: http.MethodGet, Pattern: path, Needs: directory.AuditRead, Do: func(c *graph.Call) error { return c.Answer(d.list(c)) }},
		{Method: http.MethodGet, Pattern: path + "/$count", Needs: directory.AuditRead, Do: func(c *graph.Call) error { return c.Total(d.list(c)) }},
		{Method: http.MethodGet, Pattern: path + "/{}", Needs: directory.AuditRead, Do: d.one},
	}...)
}

// asked is what of the log can answer the call at all: what $filter says of
// people, apps, requests, times and refusals, so that the rest need not be read.
func asked(c *graph.Call) access.RecordQuery {
	f, q := c.Options.Filter, access.RecordQuery{}
	text := func(property string) string {
		value, _ := f.Equals(property)
		return value
	}
	q.User, q.Client = directory.UserID(text("userId")), directory.AppID(text("appId"))
	q.UserPrincipalName, q.CorrelationID = text("userPrincipalName"), text("correlationId")
	q.Refused = strings.EqualFold(text("conditionalAccessStatus"), "failure") || f.Nonzero("status/errorCode")
	q.From, q.To = f.Between(created)
	if by := c.Options.OrderBy; len(by) == 1 && by[0].Path == created {
		q.OldestFirst = !by[0].Descending
	}
	return q
}

// list is the log, newest first unless the call asks for the other order.
func (d *Area) list(c *graph.Call) graph.List {
	q := asked(c)
	natural := created + " desc"
	if q.OldestFirst {
		natural = created
	}
	return graph.List{
		Path: path, Kind: kind, Natural: natural,
		Page: func(after string, limit int) ([]graph.Row, error) {
			var err error
			if q.After, err = mark(after); err != nil {
				return nil, err
			}
			q.Limit = limit
			found, err := d.Log.Records(c.Ctx, c.Tenant(), q)
			if err != nil {
				return nil, err
			}
			views, err := d.view(c, found)
			var rows []graph.Row
			for i, v := range views {
				rows = append(rows, graph.Row{ID: place(found[i].Mark()), View: v})
			}
			return rows, err
		},
	}
}

// place writes where an entry stands. An entry that is gone by the next page has
// still stood somewhere.
func place(m access.Mark) string { return strconv.FormatInt(m.At.UnixMilli(), 10) + " " + m.ID }

func mark(place string) (access.Mark, error) {
	if place == "" {
		return access.Mark{}, nil
	}
	at, id, _ := strings.Cut(place, " ")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return access.Mark{}, fault.New(fault.Invalid, "$skiptoken is not one of the sign-in log; follow @odata.nextLink as it is")
	}
	return access.Mark{At: time.UnixMilli(n).UTC(), ID: id}, nil
}

func (d *Area) one(c *graph.Call) error {
	r, err := d.Log.Record(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	views, err := d.view(c, []access.Record{r})
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, path, views[0])
}

// view shows entries with every policy of the rules that they were decided by.
func (d *Area) view(c *graph.Call, records []access.Record) ([]signIn, error) {
	applied, err := d.Reasoner.Reasons(c.Ctx, c.Tenant(), records)
	if err != nil {
		return nil, err
	}
	var out []signIn
	for i, r := range records {
		out = append(out, viewSignIn(c, r, applied[i]))
	}
	return out, nil
}
