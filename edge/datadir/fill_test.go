package datadir

import (
	"os"
	"path/filepath"
	"testing"

	"labbox/edge"
)

func TestFill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Fill(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); edge.CodeOf(err) != edge.CodeDataLocked {
		t.Fatalf("open while it is filled: %v", err)
	}
	if _, err := Fill(path); edge.CodeOf(err) != edge.CodeDataLocked {
		t.Fatalf("fill while it is filled: %v", err)
	}
	if err := os.WriteFile(filepath.Join(path, "half"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = d.Close() // cut off
	if _, err := Open(path); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Fatalf("open of a half filled one: %v", err)
	}
	if d, err = Fill(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "half")); err == nil {
		t.Error("what was cut off is still there")
	}
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	if d, err = Open(path); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	if _, err := Fill(path); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Fatalf("fill of a full one: %v", err)
	}
}
