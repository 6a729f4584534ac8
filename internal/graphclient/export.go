package graphclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// File is one exported object.
type File struct {
	Path string // below the folder of the export, with "/"
	Body json.RawMessage
}

// Export reads everything that Apply can bring back: one file an object, in a
// folder for its kind. Applying an export changes nothing. Secrets and
// passwords are not in it; parts of the product are not either.
func (c *Client) Export(ctx context.Context) ([]File, error) {
	docs, err := c.Documents(ctx)
	if err != nil {
		return nil, err
	}
	var files []File
	used := map[string]int{}
	for _, d := range docs {
		if d.Kind.BuiltIn(d.Body) {
			continue
		}
		body := d.Kind.Exported(d.Body)
		if role := document.Text(document.Object(body["roleDefinition"]), "id"); role != "" {
			body = c.bound(body)
		}
		doc, err := json.MarshalIndent(body, "", "  ")
		if err != nil {
			return nil, err
		}
		path := d.Kind.Folder + "/" + slug(d.Name())
		used[path]++
		if n := used[path]; n > 1 {
			path += fmt.Sprintf("-%d", n)
		}
		files = append(files, File{Path: path + ".json", Body: doc})
	}
	return files, nil
}

// Documents reads every object of every kind, parts of the product included,
// groups with their members.
func (c *Client) Documents(ctx context.Context) ([]document.Document, error) {
	var docs []document.Document
	for _, k := range document.Kinds() {
		objects, err := c.objects(ctx, k)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if k.OData == document.Group {
				if err := c.bind(ctx, k, o); err != nil {
					return nil, err
				}
			}
			docs = append(docs, document.Document{Kind: k, Body: o})
		}
	}
	return docs, nil
}

// objects lists all that there is of a kind, terms of use with what they say.
func (c *Client) objects(ctx context.Context, k document.Kind) ([]map[string]any, error) {
	all, err := c.list(ctx, k.Path+k.Query)
	if err != nil || k.OData != document.Agreement {
		return all, err
	}
	for _, o := range all {
		files, _ := o["files"].([]any)
		for i, f := range files {
			var whole map[string]any
			one := k.Path + "/" + document.Text(o, "id") + "/files/" + document.Text(document.Object(f), "id")
			if err := c.do(ctx, http.MethodGet, one, nil, &whole); err != nil {
				return nil, err
			}
			files[i] = whole
		}
	}
	return all, nil
}

// bind adds the members of a group.
func (c *Client) bind(ctx context.Context, k document.Kind, group map[string]any) error {
	members, err := c.list(ctx, k.Path+"/"+document.Text(group, "id")+"/members")
	if err != nil {
		return err
	}
	var bound []any
	for _, m := range members {
		bound = append(bound, c.cfg.Endpoint+"/v1.0/directoryObjects/"+document.Text(m, "id"))
	}
	if len(bound) > 0 {
		group["members@odata.bind"] = bound
	}
	return nil
}

// slug makes a file name of a name.
func slug(name string) string {
	const most = 80
	b := new(strings.Builder)
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= most {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "unnamed"
}
