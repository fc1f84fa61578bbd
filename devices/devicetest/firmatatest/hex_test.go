package firmatatest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", "")
	dir := t.TempDir()
	if err := fetch(dir, filepath.Join(dir, "x.hex")); !errors.Is(err, errMissing) {
		t.Errorf("%v is nothing missing", err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\necho no registry >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if err := fetch(dir, filepath.Join(dir, "x.hex")); !errors.Is(err, errMissing) {
		t.Errorf("%v is nothing missing", err)
	}
	bad := filepath.Join(dir, "bad.tgz")
	if err := os.WriteFile(bad, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := extract(bad); err == nil || errors.Is(err, errMissing) {
		t.Errorf("%v for a broken archive", err)
	}
}
