package graphclient

import (
	"context"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/targeting"
)

// Facts asks the service what docs do not say: whether anybody is in the groups
// that they name, whether any installation passes their filters, and which
// versions of which apps are in use. It reads every registration, a page at a time.
func (c *Client) Facts(ctx context.Context, docs []document.Document) (*document.Facts, error) {
	f := &document.Facts{Peopled: map[string]bool{}, Passed: map[string]bool{}}
	groups := map[string]bool{}
	for _, d := range docs {
		groups[d.Kind.OData+" "+document.Text(d.Body, "id")] = true
	}
	for _, d := range docs {
		for _, r := range document.References(d) {
			_, asked := f.Peopled[r.ID]
			if d.Kind.OData == document.Group || r.Kinds[0] != document.Group || asked || !groups[document.Group+" "+r.ID] {
				continue
			}
			peopled, err := c.any(ctx, "/v1.0/groups/"+r.ID+"/transitiveMembers", func(o map[string]any) bool {
				return strings.HasSuffix(document.Text(o, "@odata.type"), ".user")
			})
			if err != nil {
				return nil, err
			}
			f.Peopled[r.ID] = peopled
		}
		if d.Kind.OData != document.Filter || document.Text(d.Body, "platform") != targeting.WindowsApps {
			continue
		}
		id := document.Text(d.Body, "id")
		passed, err := c.any(ctx, d.Kind.Path+"/"+id+"/postern.preview?$top=1", func(map[string]any) bool { return true })
		if err != nil {
			return nil, err
		}
		f.Passed[id] = passed
	}
	return f, c.installations(ctx, f)
}

func (c *Client) installations(ctx context.Context, f *document.Facts) error {
	seen := map[document.Installation]bool{}
	_, err := c.any(ctx, "/beta/deviceAppManagement/managedAppRegistrations", func(o map[string]any) bool {
		i := document.Installation{
			App:        document.Text(document.Object(o["appIdentifier"]), "windowsAppId"),
			AppVersion: document.Text(o, "applicationVersion"), OSVersion: document.Text(o, "platformVersion"),
		}
		if !seen[i] {
			seen[i] = true
			f.Installations = append(f.Installations, i)
		}
		return false
	})
	return err
}

// any reports whether want is true of an entry of a collection. It reads no
// further than that.
func (c *Client) any(ctx context.Context, path string, want func(map[string]any) bool) (bool, error) {
	for path != "" {
		var page struct {
			Value []map[string]any `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		if err := c.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return false, err
		}
		for _, o := range page.Value {
			if want(o) {
				return true, nil
			}
		}
		path = page.Next
	}
	return false, nil
}
