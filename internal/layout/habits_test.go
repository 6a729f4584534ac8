package layout_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFunction = 60  // lines
	maxFile     = 400 // lines
	maxModules  = 20  // direct third-party modules of the server
)

func TestFunctionsAndFilesStaySmall(t *testing.T) {
	functions := 0
	eachFile(t, parser.ParseComments, func(_, path string, fset *token.FileSet, f *ast.File) {
		if lines := fset.Position(f.End()).Line; lines > maxFile {
			t.Errorf("%s has %d lines, at most %d allowed", path, lines, maxFile)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			if lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; lines > maxFunction {
				t.Errorf("%s: %s has %d lines, at most %d allowed", path, fn.Name.Name, lines, maxFunction)
			}
		}
	})
	if functions == 0 {
		t.Error("no function was found: this test checks nothing")
	}
}

// Interface methods that merely fulfil an interface documented elsewhere need
// no comment of their own.
var fulfils = []string{"Error", "Unwrap", "String", "MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "LogValue", "ServeHTTP", "Is", "Format"}

func TestEverythingExportedIsDocumented(t *testing.T) {
	packageComment := map[string]bool{}
	eachFile(t, parser.ParseComments, func(dir, path string, _ *token.FileSet, f *ast.File) {
		packageComment[dir] = packageComment[dir] || f.Doc.Text() != ""
		for _, d := range f.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s is exported and not documented", path, name)
			}
		}
	})
	for dir, has := range packageComment {
		if !has {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc.Text() == "" && receiverExported(d) && (d.Recv == nil || !slices.Contains(fulfils, d.Name.Name)) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}

// Rooms and rules take the clock, output and randomness they need from outside;
// nothing registers itself; nothing gives up by panic.
func TestNoHiddenInputs(t *testing.T) {
	banned := map[string]string{
		"fmt.Print": "write to a writer that was handed in", "fmt.Println": "write to a writer that was handed in",
		"fmt.Printf": "write to a writer that was handed in", "log.Fatal": "return the error", "os.Exit": "return the error",
	}
	eachFile(t, 0, func(dir, path string, fset *token.FileSet, f *ast.File) {
		hall := strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "examples/")
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: init registers behind everyone's back", path)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "panic" {
					t.Errorf("%s:%d: panic; return an error", path, fset.Position(n.Pos()).Line)
				}
				name := callee(n)
				if why, bad := banned[name]; bad && !(hall && name == "os.Exit") {
					t.Errorf("%s:%d: %s; %s", path, fset.Position(n.Pos()).Line, name, why)
				}
			}
			return true
		})
	})
}

func callee(c *ast.CallExpr) string {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + sel.Sel.Name
}

// The ground floor never reads a clock; rooms read it only as the default of an
// injected one.
func TestGroundNeverReadsTheClock(t *testing.T) {
	eachFile(t, 0, func(dir, path string, fset *token.FileSet, f *ast.File) {
		if !slices.Contains(floors[0].commons, dir) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && slices.Contains([]string{"time.Now", "time.Since", "time.Until"}, callee(c)) {
				t.Errorf("%s:%d: %s on the ground floor; take now as an argument", path, fset.Position(n.Pos()).Line, callee(c))
			}
			if _, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s:%d: a goroutine on the ground floor", path, fset.Position(n.Pos()).Line)
			}
			return true
		})
	})
}

// Every direct module has a line that says why it is there.
func TestEveryDependencyIsExplained(t *testing.T) {
	file, err := os.Open(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	explained, err := os.ReadFile(filepath.Join(root, "docs/adr/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	line := regexp.MustCompile(`^\s+(\S+\.\S+) v\S+( // indirect)?$`)
	for s := bufio.NewScanner(file); s.Scan(); {
		m := line.FindStringSubmatch(s.Text())
		if m == nil || m[2] != "" {
			continue
		}
		direct++
		if !strings.Contains(string(explained), "`"+m[1]+"`") {
			t.Errorf("%s has no line in docs/adr/dependencies.md", m[1])
		}
	}
	if direct == 0 || direct > maxModules {
		t.Errorf("%d direct modules, between 1 and %d expected", direct, maxModules)
	}
}

// Every goroutine has an owner that ARCHITECTURE.md names.
func TestEveryGoroutineIsInTheTable(t *testing.T) {
	table, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	eachFile(t, 0, func(_, path string, fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			_, isGo := n.(*ast.GoStmt)
			c, isCall := n.(*ast.CallExpr)
			if isCall {
				sel, ok := c.Fun.(*ast.SelectorExpr)
				isGo = ok && sel.Sel.Name == "Go" && len(c.Args) == 1
			}
			if isGo {
				found++
				if !strings.Contains(string(table), "`"+path+"`") {
					t.Errorf("%s:%d starts a goroutine; the table in ARCHITECTURE.md does not name the file", path, fset.Position(n.Pos()).Line)
				}
			}
			return true
		})
	})
	if found == 0 {
		t.Error("no goroutine was found: this test checks nothing")
	}
}
