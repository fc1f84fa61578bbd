package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// goPackage is what `go list -json` says of one of our packages.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// under says whether a package is root or lies below it.
func under(p string, roots ...string) bool {
	for _, r := range roots {
		if p == r || strings.HasPrefix(p, r+"/") {
			return true
		}
	}
	return false
}

// mayImport is the import rule: edge imports nothing of ours; adapters and lab
// logic import edge; devices, bridge and web never import each other; only devices
// imports codecs; cmd wires.
func mayImport(from, to string) bool {
	const m = "labbox"
	logic := []string{m + "/edge/turn", m + "/edge/class", m + "/edge/record", m + "/edge/experiment"}
	switch {
	case under(from, m+"/cmd"):
		return !under(to, m+"/firmware-protocols")
	case under(to, m+"/cmd"):
		return false
	case from == m+"/edge", from == m+"/edge/frame", from == m+"/edge/durable":
		return false
	case under(from, m+"/edge/experiment/experimenttest") && to == m+"/edge/experiment":
		return true // the suite of its adapters
	case under(from, logic...):
		return to == m+"/edge" || to == m+"/edge/frame" || to == m+"/edge/durable" // which knows nothing of ours
	case under(from, m+"/edge"):
		return under(to, m+"/edge")
	case under(from, m+"/devices"):
		return under(to, m+"/edge", m+"/devices", m+"/firmware-protocols")
	case under(from, m+"/bridge"):
		return under(to, m+"/edge", m+"/bridge")
	case under(from, m+"/web"):
		return under(to, m+"/edge", m+"/web")
	case under(from, m+"/firmware-protocols"):
		return under(to, m+"/firmware-protocols")
	}
	return false
}

// TestImportRule holds every package, its tests too, to the rule. A test may
// import its own package.
func TestImportRule(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		peerMissing(t, "go command", "golang")
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i, list := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
			for _, to := range list {
				if under(to, "labbox") && !mayImport(p.ImportPath, to) && (i == 0 || to != p.ImportPath) {
					t.Errorf("%s must not import %s (%s)", p.ImportPath, to, []string{"code", "test", "external test"}[i])
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages seen", seen)
	}
}

// The rule itself: what it must refuse.
func TestImportRuleRefuses(t *testing.T) {
	for _, p := range [][2]string{
		{"labbox/edge", "labbox/edge/frame"},
		{"labbox/edge/turn", "labbox/edge/class"},
		{"labbox/edge/minikv", "labbox/devices"},
		{"labbox/edge/natsbus", "labbox/web"},
		{"labbox/devices", "labbox/web"},
		{"labbox/devices/sim", "labbox/bridge/uplink"},
		{"labbox/web", "labbox/devices"},
		{"labbox/web", "labbox/firmware-protocols/lines"},
		{"labbox/bridge/uplink", "labbox/web"},
		{"labbox/firmware-protocols/lines", "labbox/edge"},
		{"labbox/cmd/labbox", "labbox/firmware-protocols/lines"},
		{"labbox/web", "labbox/cmd/labbox"},
		{"labbox/elsewhere", "labbox/edge"},
	} {
		if mayImport(p[0], p[1]) {
			t.Errorf("%s may import %s", p[0], p[1])
		}
	}
	if !mayImport("labbox/devices", "labbox/firmware-protocols/lines") || !mayImport("labbox/cmd/labbox", "labbox/web") {
		t.Error("the rule refuses what it allows")
	}
}

// topLevel is what may stand at the root of the repository besides dotfiles.
var topLevel = []string{"edge", "devices", "bridge", "web", "cmd", "firmware-protocols", "docs", "Dockerfile", "go.mod",
	"go.sum", "README.md", "LICENSE", "Makefile", "CHANGELOG.md", "compose.yaml"}

// What make leaves behind, in .gitignore.
var madeHere = []string{"dist", "labbox", "coverage.out"}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n := e.Name()
		if !strings.HasPrefix(n, ".") && !slices.Contains(topLevel, n) && !slices.Contains(madeHere, n) {
			t.Errorf("%s may not stand at the root", n)
		}
	}
	for _, n := range []string{"edge", "devices", "web", "cmd", "firmware-protocols", "go.mod"} {
		if _, err := os.Stat("../../" + n); err != nil {
			t.Error(err)
		}
	}
}
