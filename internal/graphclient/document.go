package graphclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
)

// Document is one object that the service shall match.
type Document struct {
	Source string // file, with a position when the file holds several
	kind   kind
	body   map[string]any
}

// String says what the document is and where it comes from.
func (d Document) String() string {
	return fmt.Sprintf("%s: %s %q", d.Source, d.kind.title, d.kind.name(d.body))
}

// Load reads documents: from a file, from every .json file below a folder, or
// from stdin when path is "-". A file holds one object, a list of objects, or an
// answer of Graph with its "value". The error is an InputError that lists every
// fault of every file.
func Load(path string, stdin io.Reader) ([]Document, error) {
	files, err := filesOf(path)
	if err != nil {
		return nil, InputError{err}
	}
	var docs []Document
	var errs []error
	for _, file := range files {
		found, err := loadFile(file, stdin)
		docs, errs = append(docs, found...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, InputError{err}
	}
	if len(docs) == 0 {
		return nil, InputError{fmt.Errorf("%s holds no objects", path)}
	}
	return docs, nil
}

func filesOf(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.EqualFold(filepath.Ext(p), ".json") {
			files = append(files, p)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no .json file", path)
	}
	return files, err
}

func loadFile(file string, stdin io.Reader) ([]Document, error) {
	var raw []byte
	var err error
	if file == "-" {
		file = "stdin"
		raw, err = io.ReadAll(io.LimitReader(stdin, maxAnswer))
	} else {
		raw, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &v); err != nil {
		return nil, fmt.Errorf("%s: not valid JSON: %w", file, err)
	}
	return parse(file, v)
}

// parse opens lists and envelopes.
func parse(source string, v any) ([]Document, error) {
	switch v := v.(type) {
	case []any:
		var docs []Document
		var errs []error
		for i, item := range v {
			found, err := parse(fmt.Sprintf("%s[%d]", source, i), item)
			docs, errs = append(docs, found...), append(errs, err)
		}
		return docs, errors.Join(errs...)
	case map[string]any:
		if inner, ok := v["value"].([]any); ok {
			return parse(source, inner)
		}
		k, err := kindOf(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		return []Document{{Source: source, kind: k, body: v}}, complete(source, k, v)
	}
	return nil, fmt.Errorf("%s: holds a JSON %T where an object is expected", source, v)
}

// kindOf tells what an object is: by its type, or else by what it has.
func kindOf(o map[string]any) (kind, error) {
	t := strings.TrimPrefix(text(o, "@odata.type"), namespace)
	if platform := otherPlatforms[t]; platform != "" {
		return kind{}, fmt.Errorf("%s %q is a policy for %s; only Windows (windowsManagedAppProtection) is supported", t, text(o, "displayName"), platform)
	}
	for _, k := range kinds() {
		if k.odata == t || t == "" && k.looks(o) {
			return k, nil
		}
	}
	if t != "" {
		return kind{}, fmt.Errorf("%s %q is of a kind that is not supported", t, text(o, "displayName"))
	}
	return kind{}, fmt.Errorf("cannot tell what %q is; add \"@odata.type\", for example \"#microsoft.graph.windowsManagedAppProtection\"", text(o, "displayName"))
}

// complete refuses objects without a name and adds what may be left out.
func complete(source string, k kind, o map[string]any) error {
	if k.odata == "mobileThreatDefenseConnector" && text(o, "id") == "" {
		o["id"] = string(directory.WindowsSecurityCenter)
	}
	if k.name(o) == "" {
		return fmt.Errorf("%s: this %s has no %s", source, k.title, k.keys[len(k.keys)-1])
	}
	return nil
}
