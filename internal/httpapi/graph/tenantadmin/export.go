package tenantadmin

import (
	"archive/zip"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/report"
)

const (
	exportsPath = "deviceManagement/reports/exportJobs"
	// exportFor is how long the address of a finished export works.
	exportFor = 15 * time.Minute
	// exportSeal keeps sealed exports apart from everything else that is sealed.
	exportSeal = "report export"
)

// Sealer keeps what is handed to clients from being read or changed.
type Sealer interface {
	Seal(name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
}

// export is a report that was asked for. Nothing is stored: the whole of it is
// in the address, sealed, so that whoever has the address may fetch the report
// for a quarter of an hour without a token, as Intune's tools do.
type export struct {
	Tenant  directory.TenantID
	Report  report.Name
	Format  string
	Select  []string
	User    directory.UserID
	All     bool     // sees everything
	Tags    []string // sees what carries one of these; what has none carries the default one
	AskedAt time.Time
}

type exportJob struct {
	Type               string   `json:"@odata.type"`
	ID                 string   `json:"id"`
	ReportName         string   `json:"reportName"`
	Filter             *string  `json:"filter"`
	Select             []string `json:"select"`
	Format             string   `json:"format"`
	SnapshotID         *string  `json:"snapshotId"`
	LocalizationType   string   `json:"localizationType"`
	Search             *string  `json:"search"`
	Status             string   `json:"status"`
	URL                string   `json:"url"`
	RequestDateTime    *string  `json:"requestDateTime"`
	ExpirationDateTime *string  `json:"expirationDateTime"`
}

// startExport takes an order for a report. It is ready at once: the report is
// made while it is fetched.
func (d *Area) startExport(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	e := export{Tenant: c.Tenant(), Format: "csv", AskedAt: d.Now().UTC(), All: c.Authority.All}
	var name, filter string
	o.Text("reportName", &name)
	o.Word("format", &e.Format, "csv", "json")
	o.Texts("select", &e.Select)
	o.Text("filter", &filter)
	if e.Report, err = report.ParseName(name); err != nil {
		o.Refuse("reportName", "is %q; valid are %v", name, report.Names())
	}
	if filter != "" {
		user, ok := strings.CutPrefix(filter, "(UserId eq '")
		user, closed := strings.CutSuffix(user, "')")
		if !ok || !closed {
			o.Refuse("filter", "is %q; only (UserId eq '<id>') is supported", filter)
		}
		e.User = directory.UserID(user)
	}
	for _, column := range e.Select {
		if !slices.Contains(report.Columns(e.Report), column) {
			o.Refuse("select", "names the column %q; valid are %s", column, strings.Join(report.Columns(e.Report), ", "))
		}
	}
	if err := o.Err(); err != nil {
		return err
	}
	if !e.All {
		e.Tags, e.All = c.Authority.Tags(directory.ManagedAppsRead)
	}
	if err := d.as(c).Exported(c.Ctx, c.Tenant(), admin.Export{Report: string(e.Report), Format: e.Format, User: e.User, ScopeTags: e.Tags}); err != nil {
		return err
	}
	job, err := d.job(e)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, exportsPath, job)
}

func (d *Area) job(e export) (exportJob, error) {
	doc, err := json.Marshal(e)
	if err != nil {
		return exportJob{}, err
	}
	sealed, err := d.Sealer.Seal(exportSeal, doc)
	if err != nil {
		return exportJob{}, err
	}
	id := base64.RawURLEncoding.EncodeToString(sealed)
	return exportJob{
		Type: "#microsoft.graph.deviceManagementExportJob", ID: id, ReportName: string(e.Report), Select: graph.Texts(e.Select), Format: e.Format,
		LocalizationType: "replaceLocalizableValues", Status: "completed", URL: d.BaseURL + "/reports/exports/" + id, RequestDateTime: graph.Stamp(e.AskedAt),
		ExpirationDateTime: graph.Stamp(e.AskedAt.Add(exportFor)),
	}, nil
}

func (d *Area) getExport(c *graph.Call) error {
	e, err := d.unseal(c.Key(0))
	if err != nil || e.Tenant != c.Tenant() {
		return fault.New(fault.NotFound, "there is no such export job; it was not ordered here or has expired") // no word of its identifier: with it anyone fetches the report, and refusals are logged
	}
	job, err := d.job(e)
	if err != nil {
		return err
	}
	job.ID = c.Key(0)
	return c.Entity(http.StatusOK, exportsPath, job)
}

func (d *Area) unseal(id string) (export, error) {
	var e export
	sealed, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return e, err
	}
	doc, err := d.Sealer.Open(exportSeal, sealed)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(doc, &e); err != nil {
		return e, err
	}
	if d.Now().Sub(e.AskedAt) > exportFor {
		return e, errors.New("expired")
	}
	return e, nil
}

// Download serves the address of an export: a ZIP with one CSV or JSON file, as
// Intune's tools expect it.
func (d *Area) Download(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	e, err := d.unseal(r.PathValue("id"))
	if err != nil {
		http.Error(w, "This address is not valid any more: order the report again.", http.StatusNotFound)
		return
	}
	name := fmt.Sprintf("%s_%s", e.Report, e.AskedAt.Format("20060102T150405Z"))
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
	z := zip.NewWriter(w)
	file, err := z.Create(name + "." + e.Format)
	if err == nil {
		err = d.write(r.Context(), e, file)
	}
	if err == nil {
		err = z.Close() // without it, the archive is visibly cut short
	}
	if err != nil {
		d.Log.Error("report export", "report", string(e.Report), "err", err)
	}
}

// write writes a report as CSV, or as a list of objects.
func (d *Area) write(ctx context.Context, e export, to interface{ Write([]byte) (int, error) }) error {
	columns := report.Columns(e.Report)
	picked := picks(columns, e.Select)
	query := report.Query{User: e.User}
	if !e.All {
		query.Sees = func(tags []string) bool {
			if len(tags) == 0 {
				tags = []string{directory.DefaultScopeTag}
			}
			return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(e.Tags, t) })
		}
	}
	if e.Format == "json" {
		return d.writeJSON(ctx, e, query, to)
	}
	w := csv.NewWriter(to)
	pick := func(row []string) []string {
		out := make([]string, len(picked))
		for i, p := range picked {
			out[i] = report.Cell(row[p])
		}
		return out
	}
	if err := w.Write(pick(columns)); err != nil {
		return err
	}
	err := d.Reports.Write(ctx, e.Tenant, e.Report, query, func(row []string) error { return w.Write(pick(row)) })
	w.Flush()
	return errors.Join(err, w.Error())
}

func (d *Area) writeJSON(ctx context.Context, e export, q report.Query, to interface{ Write([]byte) (int, error) }) error {
	columns := report.Columns(e.Report)
	separator := "["
	err := d.Reports.Write(ctx, e.Tenant, e.Report, q, func(row []string) error {
		object := map[string]string{}
		for _, p := range picks(columns, e.Select) {
			object[columns[p]] = row[p]
		}
		doc, err := json.Marshal(object)
		if err == nil {
			_, err = to.Write(append([]byte(separator), doc...))
		}
		separator = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	if separator == "[" {
		_, err = to.Write([]byte("["))
	}
	if err == nil {
		_, err = to.Write([]byte("]\n"))
	}
	return err
}

// picks are the places of the columns that were asked for; all without any.
func picks(columns, asked []string) []int {
	var out []int
	for i, column := range columns {
		if len(asked) == 0 || slices.Contains(asked, column) {
			out = append(out, i)
		}
	}
	return out
}
