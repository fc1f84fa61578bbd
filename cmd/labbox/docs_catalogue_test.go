package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labbox/devices"
)

// deviceTable is the README's, from the catalogue.
func deviceTable(t *testing.T) string {
	t.Helper()
	reg, err := devices.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| device | type | speaks | shows | obeys | safe state |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, name := range reg.Names() {
		d, err := reg.Type(name, "")
		if err != nil {
			t.Fatal(err)
		}
		speaks := "binary messages over a websocket that it dials"
		if l := d.Protocol.Lines; l != nil {
			speaks = fmt.Sprintf("%s lines, serial, %d Bd", l.Format, d.Serial.Baud)
		}
		var shows, obeys []string
		for i := range d.Channels {
			c := &d.Channels[i]
			if c.Hidden {
				continue
			}
			s := strings.ToLower(c.Label.In("en"))
			if c.Unit != "" {
				s += " [" + c.Unit + "]"
			}
			shows = append(shows, s)
		}
		if d.AutoChannel != nil {
			shows = append(shows, "whatever it prints")
		}
		for i := range d.Commands {
			obeys = append(obeys, strings.ToLower(d.Commands[i].Label.In("en")))
		}
		if n := len(obeys); n > 7 {
			obeys = append(obeys[:6:6], fmt.Sprintf("and %d more", n-6))
		}
		safe := "nothing to stop"
		if d.Safe != nil {
			safe = strings.ToLower(d.Safe.Text.In("en"))
		}
		fmt.Fprintf(&b, "| %s | [`%s`](devices/catalog/%s.yaml) | %s | %s | %s | %s |\n", d.Label.In("en"), name, name, speaks,
			strings.Join(shows, ", "), orDash(strings.Join(obeys, ", ")), safe)
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func TestDocsDeviceTable(t *testing.T) {
	const begin, end = "<!-- devices -->\n", "<!-- /devices -->"
	path := filepath.Join(docsRoot, "README.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, want := string(b), deviceTable(t)
	have := between(text, begin, end)
	if have == want {
		return
	}
	if !*update || !strings.Contains(text, begin+have+end) {
		t.Fatalf("README.md: the device table is not that of the catalogue; go test ./cmd/labbox -run Docs -update\nwant:\n%s", want)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(text, begin+have+end, begin+want+end, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
