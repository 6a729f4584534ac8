package graphclient

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
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
	var files []File
	used := map[string]int{}
	for _, k := range kinds() {
		objects, err := c.list(ctx, k.path+k.query)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if dig(o, "postern", "builtIn") == true {
				continue
			}
			body, err := c.exported(ctx, k, o)
			if err != nil {
				return nil, err
			}
			doc, err := json.MarshalIndent(body, "", "  ")
			if err != nil {
				return nil, err
			}
			path := k.folder + "/" + slug(k.name(o))
			used[path]++
			if n := used[path]; n > 1 {
				path += fmt.Sprintf("-%d", n)
			}
			files = append(files, File{Path: path + ".json", Body: doc})
		}
	}
	return files, nil
}

// exported drops what is the service's own, all but the identifier.
func (c *Client) exported(ctx context.Context, k kind, o map[string]any) (map[string]any, error) {
	out := maps.Clone(o)
	out["@odata.type"] = namespace + k.odata
	for _, name := range readOnly {
		if name != "id" {
			delete(out, name)
		}
	}
	for name := range out {
		if strings.HasSuffix(name, "@odata.context") || name == "passwordCredentials" {
			delete(out, name)
		}
	}
	if k.odata != "group" {
		return out, nil
	}
	members, err := c.list(ctx, k.path+"/"+text(o, "id")+"/members")
	if err != nil {
		return nil, err
	}
	var bound []string
	for _, m := range members {
		bound = append(bound, c.cfg.Endpoint+"/v1.0/directoryObjects/"+text(m, "id"))
	}
	if len(bound) > 0 {
		out["members@odata.bind"] = bound
	}
	return out, nil
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
