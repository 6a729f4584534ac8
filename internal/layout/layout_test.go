package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/postern-mam/postern/"

	maxDepth = 6 // the longest chain of our own imports, counted in arrows
)

type floor struct {
	name    string
	rooms   []string // may import lower floors and this floor's commons
	commons []string // may also be imported by their neighbours
	indoors []string // standard packages that this floor must not touch
}

// floors is the whole plan, lowest first. A package that is not on it does not
// belong in the house.
var floors = []floor{
	{
		name:    "words and rules",
		indoors: []string{"net", "net/http", "os", "os/exec", "database/sql"},
		commons: []string{
			"internal/access", "internal/access/template", "internal/agreement", "internal/audit", "internal/browserpolicy", "internal/compliance", "internal/configuration",
			"internal/devicefilter", "internal/directory", "internal/edm", "internal/edm/served", "internal/enforcement", "internal/event", "internal/fault", "internal/location", "internal/oauth", "internal/odata", "internal/odata/filter",
			"internal/proof", "internal/protection", "internal/strength", "internal/targeting", "internal/threat", "internal/version",
		},
	},
	{name: "public words", indoors: []string{"net", "net/http", "os", "os/exec", "database/sql"}, commons: []string{"wire"}},
	{
		name:    "rooms",
		indoors: []string{"net", "net/http", "os", "os/exec", "database/sql"},
		rooms: []string{
			"internal/admin", "internal/gate", "internal/idp", "internal/mam",
			"internal/mtd", "internal/outbox", "internal/prover", "internal/report", "internal/tunnel",
		},
	},
	{
		name: "public kit", rooms: []string{"sdk"},
		commons: []string{"sdk/internal/devicekey", "sdk/internal/disk", "sdk/internal/journal", "sdk/internal/sealing", "sdk/internal/watch", "sdk/vault"},
	},
	{
		name: "doors and cellar",
		rooms: []string{
			"internal/agent", "internal/agent/nativehost", "internal/agent/pipe", "internal/demo", "internal/geoip", "internal/graphclient", "internal/keystore", "internal/lint",
			"internal/httpapi/graph/conditional", "internal/httpapi/graph/entra", "internal/httpapi/graph/intune",
			"internal/httpapi/graph/registration", "internal/httpapi/graph/signins", "internal/httpapi/graph/tenantadmin", "internal/httpapi/mamapi", "internal/httpapi/mtdapi",
			"internal/httpapi/oidc", "internal/httpapi/portal", "internal/httpapi/proxy",
		},
		commons: []string{
			"internal/agent/winver", "internal/agent/wsc", "internal/bus", "internal/graphclient/document", "internal/httpapi/bearer", "internal/httpapi/graph", "internal/httpapi/page",
			"internal/httpapi/problem", "internal/store", "internal/store/sqldb", "internal/store/storetest",
		},
	},
	{name: "ready-made kit", rooms: []string{"sdk/pc"}},
	{name: "the admin's verbs", rooms: []string{"internal/command"}},
	{name: "hall", rooms: []string{"cmd/postern", "cmd/postern-agent", "examples/notes"}},
}

func TestImportsPointDown(t *testing.T) {
	level, common := map[string]int{}, map[string]bool{}
	for i, f := range floors {
		for _, dir := range f.rooms {
			level[dir] = i
		}
		for _, dir := range f.commons {
			level[dir], common[dir] = i, true
		}
	}
	imports := listImports(t)
	for dir := range imports {
		if d := depth(imports, dir); d > maxDepth && dir != "examples/notes" { // a sample is somebody's app on top of the house
			t.Errorf("%s is %d imports deep, at most %d allowed", dir, d, maxDepth)
		}
		if _, ok := level[dir]; !ok {
			t.Errorf("%s is in the house but not on the plan", dir)
		}
	}
	for dir := range level {
		if _, ok := imports[dir]; !ok {
			t.Errorf("%s is on the plan but not in the house", dir)
		}
	}
	for dir, deps := range imports {
		here, ok := level[dir]
		if !ok {
			continue // reported above
		}
		for _, dep := range deps {
			if slices.Contains(floors[here].indoors, dep) {
				t.Errorf("%s (%s) imports %s", dir, floors[here].name, dep)
			}
			dep, ours := strings.CutPrefix(dep, module)
			if !ours {
				continue
			}
			switch there, ok := level[dep]; {
			case !ok: // reported above
			case there > here:
				t.Errorf("%s (%s) imports up: %s (%s)", dir, floors[here].name, dep, floors[there].name)
			case there == here && !common[dep]:
				t.Errorf("%s imports its neighbour %s; let them meet through an event or in the hall", dir, dep)
			}
		}
	}
}

// A door never sees a store: what is common on the upper floor is common to its
// own side only.
func TestDoorsNeverSeeTheStore(t *testing.T) {
	seen := 0
	for dir, deps := range listImports(t) {
		if !strings.HasPrefix(dir, "internal/httpapi/") {
			continue
		}
		seen++
		for _, dep := range deps {
			if strings.HasPrefix(dep, module+"internal/store") || dep == module+"internal/bus" || dep == "database/sql" {
				t.Errorf("%s imports %s", dir, dep)
			}
		}
	}
	if seen == 0 {
		t.Error("no door was found: this test checks nothing")
	}
}

// Only third-party modules that an architecture decision names may enter the
// lower floors.
func TestLowerFloorsKeepTheirCompany(t *testing.T) {
	allowed := map[string][]string{
		"internal/idp":           {"github.com/go-jose/go-jose/v4", "github.com/go-jose/go-jose/v4/jwt", "golang.org/x/crypto/argon2", "golang.org/x/sync/semaphore"},
		"internal/mam":           {"github.com/go-jose/go-jose/v4"},
		"sdk/internal/devicekey": {"github.com/go-jose/go-jose/v4", "golang.org/x/sys/windows"},
		"sdk/internal/sealing":   {"golang.org/x/sys/windows"},
		"sdk":                    {"github.com/go-jose/go-jose/v4", "github.com/go-jose/go-jose/v4/jwt"},
	}
	lower := map[string]bool{}
	for _, f := range floors[:4] {
		for _, dir := range slices.Concat(f.rooms, f.commons) {
			lower[dir] = true
		}
	}
	for dir, deps := range listImports(t) {
		for _, dep := range deps {
			thirdParty := strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, module)
			if lower[dir] && thirdParty && !slices.Contains(allowed[dir], dep) {
				t.Errorf("%s imports %s; no decision allows it there", dir, dep)
			}
		}
	}
}

// depth is the longest path from dir down to a package that imports none of ours.
func depth(imports map[string][]string, dir string) int {
	deepest := 0
	for _, dep := range imports[dir] {
		if dep, ours := strings.CutPrefix(dep, module); ours {
			deepest = max(deepest, 1+depth(imports, dep))
		}
	}
	return deepest
}

// listImports returns the imports of every package that ships, by folder. It
// reads the files itself, rather than asking "go list", so that the test cache
// notices when one of them changes.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	eachFile(t, parser.ImportsOnly, func(dir, _ string, _ *token.FileSet, f *ast.File) {
		for _, spec := range f.Imports {
			imports[dir] = append(imports[dir], strings.Trim(spec.Path.Value, `"`))
		}
		if len(f.Imports) == 0 && imports[dir] == nil {
			imports[dir] = []string{}
		}
	})
	if len(imports) == 0 {
		t.Fatal("no Go file was found: this test checks nothing")
	}
	return imports
}

// eachFile parses every shipped Go file: not tests, not generated code, not the
// modules and tools that live beside the house.
func eachFile(t *testing.T, mode parser.Mode, visit func(dir, path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == ".git" || rel == "bin" || rel == "test" || rel == "tools" || rel == "scripts" || rel == "internal/layout" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, mode)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(filepath.Dir(rel)), rel, fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
