package main

import (
	"os/exec"
	"testing"
)

// The container image has a module of its own, so that its libraries are none of
// labbox's; its tests run with these. They build labbox, push it to a registry in
// memory, pull it and run it.
func TestImage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir = "../../.tools/image"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
