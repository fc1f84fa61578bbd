package simchip

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// errMissing marks a tool or library that is not installed.
var errMissing = errors.New("not installed")

// refuse ends the test: a missing tool is a skip, unless LABBOX_REQUIRE_PEERS=1; a broken build never is.
func refuse(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, errMissing) && os.Getenv("LABBOX_REQUIRE_PEERS") != "1" {
		tb.Skipf("simchip: no simulated chip: %v; on Debian: apt-get install --no-install-recommends %s", err, Packages)
	}
	tb.Fatalf("simchip: %v (packages: %s)", err, Packages)
}

// build returns the paths of the harness and of the firmware.
func build(tb testing.TB, o Options) (harness, firmware string, err error) {
	if runtime.GOOS != "linux" {
		return "", "", fmt.Errorf("a simulated chip on %s: %w", runtime.GOOS, errMissing)
	}
	root, err := moduleRoot()
	if err != nil {
		return "", "", err
	}
	cache := tb.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		dir = filepath.Join(dir, "labbox-test", "simchip")
		if os.MkdirAll(dir, 0o755) == nil {
			cache = dir
		}
	}
	harness, err = compile(cache, "harness", filepath.Join(root, "devices/devicetest/simchip/harness"),
		[]string{"cc", "-O2", "-Wall"}, []string{"-lsimavr", "-lelf", "-lutil"})
	if err != nil {
		return "", "", err
	}
	switch filepath.Ext(o.Firmware) {
	case ".elf", ".hex":
		firmware, err = filepath.Abs(o.Firmware)
	default:
		firmware, err = compileFirmware(cache, root, o)
	}
	return harness, firmware, err
}

func compileFirmware(cache, root string, o Options) (string, error) {
	name := o.Firmware
	if name == "" {
		name = "plate"
	}
	baud := o.Baud
	if baud == 0 {
		baud = 115200
	}
	dir := filepath.Join(root, "firmware-protocols/lines/firmware", name)
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("no firmware %q: %w", name, err)
	}
	return compile(cache, name+".elf", dir, []string{"avr-gcc", "-mmcu=atmega328p", "-DF_CPU=16000000UL",
		fmt.Sprintf("-DBAUD=%dUL", baud), "-Os", "-std=gnu99", "-Wall", "-Wextra"}, nil)
}

// compile turns the C files of dir into the program name, or finds it in the cache under the hash of the
// sources and of the command. Programs that are built at the same time replace each other by renaming.
func compile(cache, name, dir string, command, libraries []string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, name, command, libraries)
	var units []string
	for _, pattern := range []string{"*.h", "*.c"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, filepath.Base(file), len(text))
			sum.Write(text)
			if pattern == "*.c" {
				units = append(units, file)
			}
		}
	}
	program := filepath.Join(cache, fmt.Sprintf("%x-%s", sum.Sum(nil)[:8], name))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}

	tool, err := exec.LookPath(command[0])
	if err != nil {
		return "", fmt.Errorf("%s: %w", command[0], errMissing)
	}
	scratch, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	made := filepath.Join(scratch, name)
	args := append(append(append(command[1:len(command):len(command)], "-o", made), units...), libraries...)
	if text, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		return "", compileError(name, text, err)
	}
	return program, os.Rename(made, program)
}

// compileError tells a header or library that is not there from an error in the source.
func compileError(name string, output []byte, err error) error {
	for _, sign := range []string{"fatal error: simavr/", "fatal error: libelf", "fatal error: avr/", "cannot find -l",
		"cannot find crt", "fatal error: stdio.h"} {
		if bytes.Contains(output, []byte(sign)) {
			return fmt.Errorf("a header or library of %s: %w", name, errMissing)
		}
	}
	return fmt.Errorf("compile %s: %w\n%s", name, err, output)
}

// moduleRoot finds the repository from the test's working directory, which is its package's folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module labbox\n")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no module labbox above %s: %w", dir, fs.ErrNotExist)
		}
	}
}
