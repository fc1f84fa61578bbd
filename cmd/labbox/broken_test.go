package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"labbox/devices"
)

// Broken files with what labbox check says of them, in the same file below the
// line `# labbox check:`.
const brokenDir = "../../devices/testdata/broken"

const brokenMark = "# labbox check:\n"

func brokenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(brokenDir, "*.yaml"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d broken files, %v", len(files), err)
	}
	return files
}

// said is what labbox check says of a file, as comments.
func said(reg *devices.Registry, file string) string {
	_, ps := check(reg, file)
	var b strings.Builder
	for _, p := range ps {
		for l := range strings.Lines(p.String() + "\n") {
			b.WriteString("# " + l)
		}
	}
	return b.String()
}

// Each broken file is refused as it says.
func TestBrokenFiles(t *testing.T) {
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	files := brokenFiles(t)
	t.Chdir(brokenDir)
	for _, f := range files {
		f = filepath.Base(f)
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text, want, _ := strings.Cut(string(b), brokenMark)
		got := said(reg, f)
		if got == "" {
			t.Errorf("%s: taken", f)
			continue
		}
		if code, _, _ := strings.Cut(strings.TrimSuffix(f, ".yaml"), "-"); !strings.Contains(got, ": "+code+": ") && code != "interlock" && code != "sequence" {
			t.Errorf("%s is not about %s:\n%s", f, code, got)
		}
		if got == want {
			continue
		}
		if !*update {
			t.Errorf("%s: got\n%swant\n%s", f, got, want)
			continue
		}
		if err := os.WriteFile(f, []byte(text+brokenMark+got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// problemCodes are all codes that a problem of a file may have, from the source.
func problemCodes(t *testing.T) map[string]bool {
	t.Helper()
	// Passed on from edge: what a step's arguments and a box file's devices may have.
	codes := map[string]bool{"out_of_range": true, "missing_value": true, "bad_value": true, "bad_config": true}
	literal := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			codes[strings.Trim(l.Value, `"`)] = true
		}
	}
	for _, dir := range []string{"devices", "edge/config", "cmd/labbox", "firmware-protocols/fields"} {
		files, err := filepath.Glob(filepath.Join(docsRoot, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 2 && (s.Sel.Name == "bad" || s.Sel.Name == "Add" || s.Sel.Name == "problem") {
						literal(n.Args[0])
					}
				case *ast.CompositeLit:
					if !strings.HasSuffix(fmt.Sprint(n.Type), "Problem") && n.Type != nil {
						break
					}
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "Code" {
							literal(kv.Value)
						}
					}
				case *ast.AssignStmt:
					if s, ok := n.Lhs[0].(*ast.SelectorExpr); ok && s.Sel.Name == "Code" {
						literal(n.Rhs[0])
					}
				case *ast.ValueSpec:
					if strings.HasPrefix(n.Names[0].Name, "Code") && strings.HasSuffix(dir, "fields") && len(n.Values) == 1 {
						literal(n.Values[0])
					}
				}
				return true
			})
		}
	}
	return codes
}

// Every code has a broken file that shows it and a row in errors.md.
func TestEveryProblemIsShownAndExplained(t *testing.T) {
	elsewhere := map[string]string{
		"too_large":  "TestHugeFile",
		"unreadable": "check.txtar: a file that is not there",
		"bad_part":   "never: fields.Compile gives a PartError",
	}
	shown := map[string]bool{}
	for _, f := range brokenFiles(t) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, said, _ := strings.Cut(string(b), brokenMark)
		for _, m := range regexp.MustCompile(`(?m)^# \S+:\d+:\d+: ([a-z_]+): `).FindAllStringSubmatch(said, -1) {
			shown[m[1]] = true
		}
	}
	codes := problemCodes(t)
	if len(codes) < 30 {
		t.Fatalf("only %d codes found", len(codes))
	}
	section := between(docs(t)["docs/ref/errors.md"], "\n## What labbox check says", "\n## ")
	var missing, unexplained []string
	for c := range codes {
		if !shown[c] && elsewhere[c] == "" {
			missing = append(missing, c)
		}
		if !strings.Contains(section, "\n| `"+c+"` |") && c != "bad_part" {
			unexplained = append(unexplained, c)
		}
	}
	sort.Strings(missing)
	sort.Strings(unexplained)
	if len(missing) > 0 {
		t.Errorf("no file in devices/testdata/broken shows %v", missing)
	}
	if len(unexplained) > 0 {
		t.Errorf("docs/ref/errors.md does not explain %v", unexplained)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		if !codes[m[1]] {
			t.Errorf("docs/ref/errors.md explains %s, which nobody says", m[1])
		}
	}
}

func TestHugeFile(t *testing.T) {
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	f := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(f, bytes.Repeat([]byte("# more\n"), 200_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := said(reg, f); !strings.Contains(got, "too_large: the file is over 1 MiB") {
		t.Error(got)
	}
}
