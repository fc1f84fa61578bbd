package devices

import (
	"slices"
	"strings"
	"testing"

	"labbox/edge"
)

// The blueprint loads, simulates and does what its transcript says, in three
// languages, and is no type of the catalogue.
func TestBlueprint(t *testing.T) {
	d, ps := ParseType("_blueprint.yaml", Blueprint())
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if err := CheckTranscripts("_blueprint.yaml", Blueprint()).Err(); err != nil {
		t.Error(err)
	}
	if _, err := d.Simulator(1); err != nil {
		t.Error(err)
	}
	for _, lang := range edge.Languages() {
		if d.Label[lang] == "" || d.Safe.Text[lang] == "" {
			t.Errorf("no label in %s", lang)
		}
	}
	if len(d.Commands) < 2 || d.Keepalive == nil || len(d.Interlocks) == 0 || len(d.Transcripts) == 0 {
		t.Error("it does not show everything")
	}
	if first, _, _ := strings.Cut(string(Blueprint()), "\n"); first != "# yaml-language-server: $schema=device-type.schema.json" {
		t.Errorf("the first line is %q", first)
	}
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(reg.Names(), d.Name) || slices.Contains(reg.Names(), "_blueprint") {
		t.Error("the blueprint is in the catalogue")
	}
}
