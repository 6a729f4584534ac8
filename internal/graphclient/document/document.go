// Package document holds Graph-shaped JSON as admins keep it in files: what kind
// of object it is, how it is compared with what a service has, and to what other
// objects it refers.
package document

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

const maxInput = 32 << 20

// Document is one object that a service shall match.
type Document struct {
	Source string // file, with a position when the file holds several; empty: the service
	Kind   Kind
	Body   map[string]any
}

// Name says which object it is, for people.
func (d Document) Name() string { return d.Kind.Name(d.Body) }

// String says what the document is and where it comes from.
func (d Document) String() string {
	what := fmt.Sprintf("%s %q", d.Kind.Title, d.Name())
	if d.Source == "" {
		return what
	}
	return d.Source + ": " + what
}

// InputError is input that must be mended before another try.
type InputError struct{ Err error }

// Error returns the text of the cause.
func (e InputError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e InputError) Unwrap() error { return e.Err }

// ExitCode is 2.
func (InputError) ExitCode() int { return 2 }

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
		raw, err = io.ReadAll(io.LimitReader(stdin, maxInput))
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
	return parse(file, v, "")
}

// parse opens lists and envelopes. context is what the envelope says of the
// objects in it.
func parse(source string, v any, context string) ([]Document, error) {
	switch v := v.(type) {
	case []any:
		var docs []Document
		var errs []error
		for i, item := range v {
			found, err := parse(fmt.Sprintf("%s[%d]", source, i), item, context)
			docs, errs = append(docs, found...), append(errs, err)
		}
		return docs, errors.Join(errs...)
	case map[string]any:
		if own := Text(v, "@odata.context"); own != "" {
			context = own
		}
		if inner, ok := v["value"].([]any); ok {
			return parse(source, inner, context)
		}
		k, err := recognise(v, context)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		settle(k, v)
		return []Document{{Source: source, Kind: k, Body: v}}, complete(source, k, v)
	}
	return nil, fmt.Errorf("%s: holds a JSON %T where an object is expected", source, v)
}

// recognise tells what an object is: by its type, or else by what it has.
func recognise(o map[string]any, context string) (Kind, error) {
	t := strings.TrimPrefix(Text(o, "@odata.type"), namespace)
	if err := elsewhere(t, o); err != nil {
		return Kind{}, err
	}
	for _, k := range Kinds() {
		named := k.OData == t
		for _, other := range k.also {
			named = named || other == t
		}
		if named || t == "" && (k.within(context) || k.looks != nil && k.looks(o)) {
			return k, nil
		}
	}
	if t != "" {
		return Kind{}, fmt.Errorf("%s %q is of a kind that is not supported", t, Text(o, "displayName"))
	}
	return Kind{}, fmt.Errorf("cannot tell what %q is; add \"@odata.type\", for example \"#microsoft.graph.windowsManagedAppProtection\"", Text(o, "displayName"))
}

// within reports whether a context names the collection of k:
// ...$metadata#deviceManagement/roleScopeTags/$entity, or with what is expanded
// behind it in brackets.
func (k Kind) within(context string) bool {
	_, path, _ := strings.Cut(context, "$metadata#")
	path, _, _ = strings.Cut(strings.TrimSuffix(path, "/$entity"), "(")
	tail := strings.LastIndex(k.Path, "/")
	if k.Path[tail:] == "/policies" { // there are several
		tail = strings.LastIndex(k.Path[:tail], "/")
	}
	return path != "" && strings.HasSuffix("/"+path, k.Path[tail:])
}

// complete refuses objects without a name and adds what may be left out.
func complete(source string, k Kind, o map[string]any) error {
	if k.OData == Connector && Text(o, "id") == "" {
		o["id"] = string(directory.WindowsSecurityCenter)
	}
	if k.Name(o) == "" {
		return fmt.Errorf("%s: this %s has no %s", source, k.Title, k.Keys[len(k.Keys)-1])
	}
	return nil
}
