package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labbox/devices"
	"labbox/devices/devicetest/simchip"
)

// sketch builds the nth sketch of docs/user/add-a-device.md for the chip.
func sketch(t *testing.T, n int) *simchip.Chip {
	t.Helper()
	found := regexp.MustCompile("(?ms)^```cpp\n(.*?)^```").FindAllStringSubmatch(docs(t)["docs/user/add-a-device.md"], -1)
	if len(found) <= n {
		t.Fatalf("%d sketches in the document", len(found))
	}
	return sketchOf(t, found[n][1])
}

// sketchOf builds an Arduino sketch for the chip.
func sketchOf(t *testing.T, source string) *simchip.Chip {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		missing = t.Fatalf
	}
	const core = "/usr/share/arduino/hardware/arduino/avr"
	if _, err := os.Stat(core + "/cores/arduino/Arduino.h"); err != nil {
		missing("no Arduino core; on Debian: apt-get install --no-install-recommends arduino-core-avr")
	}
	for _, tool := range []string{"make", "avr-g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing("no %s; on Debian: apt-get install --no-install-recommends make gcc-avr avr-libc binutils-avr", tool)
		}
	}
	out := t.TempDir()
	run := func(input string, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(input)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
	run("", "make", "-s", "-C", "../../firmware-protocols/labwire/firmware/extras", "OUT="+out, out+"/core.a")
	elf := filepath.Join(out, "sketch.elf")
	run(source, "avr-g++", "-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_AVR_UNO", "-DARDUINO_ARCH_AVR",
		"-DDECIMAL_DIG=__DECIMAL_DIG__", "-Os", "-ffunction-sections", "-fdata-sections", "-flto", "-std=gnu++11", "-fno-exceptions", "-Wall", "-Wextra",
		"-fno-threadsafe-statics", "-Wl,--gc-sections", "-fuse-linker-plugin", "-I"+core+"/cores/arduino", "-I"+core+"/variants/standard",
		"-include", "Arduino.h", "-x", "c++", "-", "-x", "none", "-o", elf, out+"/core.a", "-lm")
	return simchip.Start(t, simchip.Options{Firmware: elf, ResetOnOpen: true})
}

// What the walk says works: the blueprint with its sketch, and the type file of the
// sketch that prints, on a chip.
func TestWalkOnAChip(t *testing.T) {
	lamp := regexp.MustCompile("(?ms)^```yaml type\n(schema: 1\ntype: lamp\n.*?)^```").FindStringSubmatch(docs(t)["docs/user/add-a-device.md"])
	if lamp == nil {
		t.Fatal("no type file in the document")
	}
	for _, way := range []struct {
		name, file, command, param, channel string
		sketch                              int
	}{
		{"a sketch that prints", lamp[1], "power", "power", "lamp", 0},
		{"the blueprint", string(devices.Blueprint()), "power", "value", "power", 1},
	} {
		t.Run(way.name, func(t *testing.T) {
			chip := sketch(t, way.sketch)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), []byte(way.file), 0o600); err != nil {
				t.Fatal(err)
			}
			b := startBox(t, dir, fmt.Sprintf("schema: 1\nbox: bench\ndevices:\n  - {id: mine, type: %s, port: {path: %q}}\n", filepath.Join(dir, "mine.yaml"), chip.Path()))
			defer b.kill()
			p := b.panel("Ann")
			b.until("mine", "live", isLive)
			fence := p.take("mine")
			r := p.command("mine", way.command, fence, map[string]any{way.param: 40})
			if r.Op != "ok" || !strings.Contains(string(r.Args), `"outcome":"confirmed"`) {
				t.Fatalf("%s: %s %s %s", way.command, r.Code, r.Msg, r.Args)
			}
			start := chip.Now()
			for chip.Now()-start < 500*time.Millisecond {
				chip.Advance(50 * time.Millisecond)
			}
			if !warm(chip) {
				t.Error("confirmed, but nothing comes out of pin 9")
			}
		})
	}
}
