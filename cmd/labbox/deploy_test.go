package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"labbox/edge/rediskv"
)

// The examples of docs/deploy name nothing that does not exist: variables are flags,
// the store's user may do what the store's client needs.
func TestDeployExamples(t *testing.T) {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	runCommand(fs)
	all, err := filepath.Glob("../../docs/deploy/*")
	if err != nil || len(all) < 8 {
		t.Fatal(all, err)
	}
	for _, name := range append(all, "../../docs/user/campus.md", "../../compose.yaml") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bLABBOX_([A-Z_]+)(?:=|: )`).FindAllStringSubmatch(string(text), -1) {
			if m[1] == "VERSION" || m[1] == "IMAGE" || m[1] == "PORT" { // compose.yaml's own
				continue
			}
			if f := fs.Lookup(strings.ToLower(strings.ReplaceAll(m[1], "_", "-"))); f == nil {
				t.Errorf("%s: LABBOX_%s is no flag of labbox run", filepath.Base(name), m[1])
			}
		}
	}
	secrets, err := os.ReadFile("../../docs/deploy/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	user := regexp.MustCompile(`(?m)^user labbox on .*$`).FindString(string(secrets)) + " "
	for _, need := range strings.Fields(rediskv.Needs) {
		if !strings.Contains(user, " "+need+" ") {
			t.Errorf("secrets.sh does not give the store's user %s", need)
		}
	}
}

// systemd reads the units without a complaint.
func TestUnits(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze (Debian package systemd)")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"labbox.service": "labbox.service", "labbox-web@.service": "labbox-web@bench-3.service"} {
		text, err := os.ReadFile("../../docs/deploy/" + from)
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(dir, to)
		// The binary need not be installed here.
		if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/labbox", os.Args[0])), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "verify", unit)
		cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", to, err, out)
		}
	}
}
