package main

import (
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/config"
)

// The documents are checked against the program that they describe.
// go test ./cmd/labbox -run Docs -update rewrites the README's device table.

const docsRoot = "../.."

// docs are the Markdown files for users, by their path from the root.
func docs(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(path string) {
		b, err := os.ReadFile(filepath.Join(docsRoot, path))
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(b)
	}
	for _, p := range []string{"README.md", "CHANGELOG.md", "firmware-protocols/README.md"} {
		add(p)
	}
	err := filepath.WalkDir(filepath.Join(docsRoot, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			rel, _ := filepath.Rel(docsRoot, path)
			add(filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 15 {
		t.Fatalf("only %d documents found", len(out))
	}
	return out
}

// anchor is what a heading is called in a link.
func anchor(heading string) string {
	heading = strings.ToLower(strings.NewReplacer("`", "", "*", "").Replace(heading))
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r > 127:
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}

func TestDocsLinksResolve(t *testing.T) {
	link := regexp.MustCompile(`!?\[[^\]\n]*\]\(([^)\s]+)\)`)
	heading := regexp.MustCompile(`(?m)^#+ +(.*?) *$`)
	all := docs(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			target := name
			if u.Path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), u.Path))
			}
			if _, err := os.Stat(filepath.Join(docsRoot, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if u.Fragment == "" {
				continue
			}
			found := false
			for _, h := range heading.FindAllStringSubmatch(all[target], -1) {
				found = found || anchor(h[1]) == u.Fragment
			}
			if !found {
				t.Errorf("%s: %s names no heading", name, m[1])
			}
		}
	}
}

// flagsOf are the flags of every command.
func flagsOf() map[string]map[string]*flag.Flag {
	out := map[string]map[string]*flag.Flag{}
	for name, c := range commands() {
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		c.make(fs)
		out[name] = map[string]*flag.Flag{}
		fs.VisitAll(func(f *flag.Flag) { out[name][f.Name] = f })
	}
	return out
}

// Every command line in a document names a command and flags that exist.
func TestDocsCommandLines(t *testing.T) {
	line := regexp.MustCompile("(?:^|[\\s`])(?:\\./|go run \\./cmd/)?labbox ([a-z]+)([^\\n`|#]*)")
	long := regexp.MustCompile(`(?:^|\s)--?([a-z][a-z-]*)`)
	flags := flagsOf()
	seen := 0
	for name, text := range docs(t) {
		for _, part := range code(text) {
			for _, m := range line.FindAllStringSubmatch(part, -1) {
				have, ok := flags[m[1]]
				if !ok {
					t.Errorf("%s: there is no command in %q", name, strings.TrimSpace(m[0]))
					continue
				}
				seen++
				for _, f := range long.FindAllStringSubmatch(m[2], -1) {
					if have[f[1]] == nil && f[1] != "help" {
						t.Errorf("%s: labbox %s has no --%s", name, m[1], f[1])
					}
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d command lines found", seen)
	}
}

// code are the parts of a document that are set as code: spans, fences, and
// indented lines.
func code(text string) []string {
	var out []string
	fenced := false
	span := regexp.MustCompile("`[^`\n]+`")
	for l := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(l), "```"):
			fenced = !fenced
		case fenced, strings.HasPrefix(l, "    "):
			out = append(out, strings.TrimSpace(l))
		default:
			out = append(out, span.FindAllString(l, -1)...)
		}
	}
	return out
}

func TestDocsFlagsAreExplained(t *testing.T) {
	text := docs(t)["docs/ref/cli.md"]
	for command, flags := range flagsOf() {
		section := between(text, "\n## labbox "+command, "\n## ")
		if section == "" {
			t.Errorf("cli.md has no section on labbox %s", command)
		}
		for name, f := range flags {
			row := between(section, "| `--"+name, "\n")
			if row == "" {
				t.Errorf("cli.md: no row on labbox %s --%s", command, name)
			}
			if f.DefValue != "" && !strings.Contains(row, "`"+f.DefValue+"`") {
				t.Errorf("cli.md: labbox %s --%s has the default %q", command, name, f.DefValue)
			}
		}
		for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(section, -1) {
			if flags[m[1]] == nil {
				t.Errorf("cli.md: labbox %s has no --%s", command, m[1])
			}
		}
	}
	for _, c := range []int{exitOK, exitFailed, exitUsage, exitConfig, exitLocked, exitAddress} {
		if !strings.Contains(text, fmt.Sprintf("\n| %d |", c)) {
			t.Errorf("cli.md does not explain exit code %d", c)
		}
	}
}

func between(text, from, to string) string {
	_, rest, ok := strings.Cut(text, from)
	if !ok {
		return ""
	}
	part, _, _ := strings.Cut(rest, to)
	return part
}

// Blocks marked "yaml type" and "yaml box" load. A type file in the same
// document is there for its box files, under the name of its type.
func TestDocsYAML(t *testing.T) {
	fence := regexp.MustCompile("(?ms)^```yaml (\\S+)\n(.*?)^```")
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for name, text := range docs(t) {
		dir := t.TempDir()
		blocks := fence.FindAllStringSubmatch(text, -1)
		for _, m := range blocks {
			if m[1] != "type" {
				continue
			}
			d, ps := devices.ParseType(name, []byte(m[2]))
			if err := ps.Err(); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := d.Simulator(1); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := os.WriteFile(filepath.Join(dir, d.Name+".yaml"), []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range blocks {
			counts[m[1]]++
			switch m[1] {
			case "type":
			case "box":
				file := filepath.Join(dir, "box.yaml")
				box, ps := config.ParseBox(file, []byte(m[2]))
				if len(ps) == 0 {
					ps = devices.CheckBox(reg, file, []byte(m[2]), box)
				}
				if err := ps.Err(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			default:
				t.Errorf("%s: a yaml block is marked box or type, not %q", name, m[1])
			}
		}
	}
	if counts["box"] < 3 || counts["type"] < 3 {
		t.Errorf("blocks found: %v", counts)
	}
}

// yamlKeys collects the keys of a struct and of what it holds, be it a struct
// of its own kind.
func yamlKeys(t reflect.Type, into map[string]bool, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		yamlKeys(t.Elem(), into, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
				into[key] = true
				yamlKeys(t.Field(i).Type, into, seen)
			}
		}
	}
}

func TestDocsEveryKeyIsExplained(t *testing.T) {
	for doc, v := range map[string]any{"docs/ref/box-file.md": config.Box{}} { // device-types.md is generated
		text := docs(t)[doc]
		keys := map[string]bool{}
		yamlKeys(reflect.TypeOf(v), keys, map[reflect.Type]bool{})
		if len(keys) < 10 {
			t.Fatalf("%s: only %d keys found", doc, len(keys))
		}
		rows := map[string]bool{}
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
			rows[m[1]] = true
		}
		var missing, extra []string
		for k := range keys {
			if !rows[k] {
				missing = append(missing, k)
			}
		}
		for k := range rows {
			if !keys[k] {
				extra = append(extra, k)
			}
		}
		sort.Strings(missing)
		sort.Strings(extra)
		if len(missing)+len(extra) > 0 {
			t.Errorf("%s: no row for %v; rows for keys that nobody knows: %v", doc, missing, extra)
		}
	}
}

// The states that troubleshooting.md explains are the supervisor's.
func TestDocsStates(t *testing.T) {
	text := docs(t)["docs/troubleshooting.md"]
	for _, s := range []edge.State{edge.StateAbsent, edge.StateOpening, edge.StateBooting, edge.StateIdentifying, edge.StateSafing,
		edge.StateLive, edge.StateStale, edge.StateFault, edge.StateQuarantined} {
		if !strings.Contains(text, "| `"+string(s)+"` |") {
			t.Errorf("troubleshooting.md does not explain %s", s)
		}
	}
}

func TestDocsRecordsHaveTheirParts(t *testing.T) {
	index := docs(t)["docs/adr/README.md"]
	n := 0
	for name, text := range docs(t) {
		base := filepath.Base(name)
		if filepath.Dir(name) != "docs/adr" || base == "README.md" {
			continue
		}
		n++
		var have []string
		for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1) {
			have = append(have, m[1])
		}
		if want := []string{"Problem", "Context", "Decision", "Consequences"}; !slices.Equal(have, want) {
			t.Errorf("%s has the parts %v", name, have)
		}
		if !strings.Contains(index, "("+base+")") {
			t.Errorf("docs/adr/README.md does not list %s", base)
		}
	}
	if n == 0 {
		t.Error("no records found")
	}
}
