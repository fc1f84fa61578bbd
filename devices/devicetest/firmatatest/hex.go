// Package firmatatest runs StandardFirmata as its makers built it on a simulated
// Arduino Uno, as a peer of firmware-protocols/firmata.
//
//	chip := simchip.Start(t, simchip.Options{Firmware: firmatatest.Hex(t), ResetOnOpen: true})
//
// The hex file is part of the npm package avrgirl-arduino 5.0.1. It is fetched by
// `npm pack` into the user's cache directory and its checksum is compared; it is no
// part of the repository or of the labbox binary. Without npm (Debian package npm)
// or its registry Hex skips the test, or fails it when LABBOX_REQUIRE_PEERS=1.
//
// What the file is: StandardFirmata for the Uno, protocol 2.4, 57600 baud. It has no
// pull-up mode, and ignores F5 messages and sampling intervals under 10 ms.
package firmatatest

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	npmPackage = "avrgirl-arduino@5.0.1"
	member     = "package/junk/hex/uno/StandardFirmata.cpp.hex"
	checksum   = "6d57ea7cf30e26c9c2f3a01ee37907d2c951f8bc9c27f84dddad12fa9c8b8f36"
	maxHex     = 1 << 20
)

// errMissing marks what is not there and may be asked for: npm, or its registry.
var errMissing = errors.New("missing")

// Hex returns the path of StandardFirmata's hex file for the Uno.
func Hex(tb testing.TB) string {
	tb.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = tb.TempDir()
	}
	dir = filepath.Join(dir, "labbox-test", "firmata")
	path := filepath.Join(dir, checksum[:16]+"-StandardFirmata-uno.hex")
	if b, err := os.ReadFile(path); err == nil && sum(b) == checksum {
		return path
	}
	err = fetch(dir, path)
	if errors.Is(err, errMissing) && os.Getenv("LABBOX_REQUIRE_PEERS") != "1" {
		tb.Skipf("firmatatest: no StandardFirmata: %v; it needs npm (Debian package npm) and a registry with %s", err, npmPackage)
	}
	if err != nil {
		tb.Fatalf("firmatatest: StandardFirmata (npm package %s): %v", npmPackage, err)
	}
	return path
}

// fetch puts the file at path. Tests that fetch it at the same time replace each
// other by renaming.
func fetch(dir, path string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("npm: %w", errMissing)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--fetch-retries=0", npmPackage)
	cmd.Dir = scratch
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w (%w): %.300s", errMissing, err, out)
	}
	archives, err := filepath.Glob(filepath.Join(scratch, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack made %d archives, %w", len(archives), errors.Join(err, errMissing))
	}
	text, err := extract(archives[0])
	if err != nil {
		return err
	}
	if got := sum(text); got != checksum {
		return fmt.Errorf("%s has sha256 %s, want %s", member, got, checksum)
	}
	made := filepath.Join(scratch, "hex")
	if err := os.WriteFile(made, text, 0o644); err != nil {
		return err
	}
	return os.Rename(made, path)
}

func extract(archive string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", npmPackage, err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", member, npmPackage, err)
		}
		if h.Name == member {
			return io.ReadAll(io.LimitReader(r, maxHex))
		}
	}
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
