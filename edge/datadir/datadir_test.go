package datadir

import (
	"os"
	"path/filepath"
	"testing"

	"labbox/edge"
)

func TestOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	if edge.CodeOf(err) != edge.CodeDataLocked {
		t.Fatalf("second open: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
}

func TestForeignFormat(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "VERSION"), []byte("labbox data 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	if edge.CodeOf(err) != edge.CodeBadConfig {
		t.Fatalf("err = %v", err)
	}
}
