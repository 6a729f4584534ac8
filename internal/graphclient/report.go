package graphclient

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// patience is how often an unfinished report is asked for, and how long at most.
const (
	askEvery = 2 * time.Second
	askFor   = 15 * time.Minute
)

// Order is a report that is asked for.
type Order struct {
	Name   string // reportName: MAMAppProtectionStatus, ...
	User   string // identifier or user principal name; empty: all
	Format string // csv or json
	// Progress is told how many bytes have arrived; nil: nobody is.
	Progress func(bytes int64)
}

// Report orders a report, waits for it, and writes the one file in it to out.
func (c *Client) Report(ctx context.Context, o Order, out io.Writer) error {
	body := map[string]any{"reportName": o.Name, "format": o.Format}
	if o.User != "" {
		var user struct{ ID string }
		if err := c.do(ctx, http.MethodGet, "/v1.0/users/"+url.PathEscape(o.User)+"?$select=id", nil, &user); err != nil {
			return err
		}
		body["filter"] = "(UserId eq '" + user.ID + "')"
	}
	var job struct{ ID, Status, URL string }
	const jobs = "/beta/deviceManagement/reports/exportJobs"
	if err := c.do(ctx, http.MethodPost, jobs, body, &job); err != nil {
		return err
	}
	for waited := time.Duration(0); job.Status != "completed"; waited += askEvery {
		if job.Status == "failed" || waited > askFor {
			return fmt.Errorf("report %s is %s after %s", o.Name, cmp.Or(job.Status, "unknown"), waited)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
		if err := c.do(ctx, http.MethodGet, jobs+"('"+job.ID+"')", nil, &job); err != nil {
			return err
		}
	}
	return c.download(ctx, job.URL, o.Progress, out)
}

// download fetches an archive from an address that needs no token, by way of a
// file: the directory of an archive is at its end.
func (c *Client) download(ctx context.Context, address string, progress func(int64), out io.Writer) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	patient := *c.cfg.HTTP
	patient.Timeout = 0 // a report of a million rows takes longer than any other answer
	resp, err := patient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the address of the report answers %s", resp.Status)
	}
	file, err := os.CreateTemp("", "postern-report-*.zip") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	size, err := io.Copy(file, &counted{from: resp.Body, tell: progress})
	if err != nil {
		return fmt.Errorf("the report broke off after %d bytes: %w", size, err)
	}
	return unpack(file, size, out)
}

func unpack(archive io.ReaderAt, size int64, out io.Writer) error {
	z, err := zip.NewReader(archive, size)
	if err != nil {
		return fmt.Errorf("the report is cut short or no ZIP archive: %w", err)
	}
	if len(z.File) != 1 {
		return fmt.Errorf("the report has %d files; there should be one", len(z.File))
	}
	in, err := z.File[0].Open()
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // the checksum is checked at the end
	return errors.Join(err, in.Close())
}

type counted struct {
	from  io.Reader
	tell  func(int64)
	total int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.total += int64(n); c.tell != nil {
		c.tell(c.total)
	}
	return n, err
}

// Version is one entry of a policy's history.
type Version struct {
	Revision  int64          `json:"revision"`
	DateTime  string         `json:"dateTime"`
	Operation string         `json:"operation"`
	Name      string         `json:"displayName"`
	Actor     map[string]any `json:"actor"`
	Changes   []struct {
		Property string `json:"property"`
		OldValue any    `json:"oldValue"`
		NewValue any    `json:"newValue"`
	} `json:"changes"`
}

// History lists what happened to a policy, newest first. which is an identifier,
// also of one that was deleted, or the name of one that exists.
func (c *Client) History(ctx context.Context, k document.Kind, which string) ([]Version, error) {
	id, err := c.named(ctx, k, which)
	if err != nil {
		return nil, err
	}
	var all []Version
	for path := k.Path + "/" + url.PathEscape(id) + "/postern.versions"; path != ""; {
		var page struct {
			Value []Version `json:"value"`
			Next  string    `json:"@odata.nextLink"`
		}
		if err := c.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all, path = append(all, page.Value...), page.Next
	}
	return all, nil
}

// Restore makes a policy again what it was at a revision.
func (c *Client) Restore(ctx context.Context, k document.Kind, which string, revision int64) error {
	id, err := c.named(ctx, k, which)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, k.Path+"/"+url.PathEscape(id)+"/postern.restore", map[string]any{"revision": revision}, nil)
}

// named returns the identifier of the one object with a name; which itself when
// there is none.
func (c *Client) named(ctx context.Context, k document.Kind, which string) (string, error) {
	var ids []string
	_, err := c.any(ctx, k.Path, func(o map[string]any) bool {
		if strings.EqualFold(k.Name(o), which) || document.Text(o, "id") == which {
			ids = append(ids, document.Text(o, "id"))
		}
		return false
	})
	switch {
	case err != nil:
		return "", err
	case len(ids) > 1:
		return "", document.InputError{Err: fmt.Errorf("there are %d %ss called %q; say which by its id: %s", len(ids), k.Title, which, strings.Join(ids, ", "))}
	case len(ids) == 1:
		return ids[0], nil
	}
	return which, nil
}
