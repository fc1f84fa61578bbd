package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// arduinoExample is the source of an example sketch of the Arduino IDE, as
// Debian's package arduino has it. It is not installed for that (it brings a
// Java): the package is unpacked into the cache.
func arduinoExample(t *testing.T, name string) string {
	t.Helper()
	cache := t.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "labbox-test", "arduino")
	}
	// The IDE declares functions before they are used.
	functions := regexp.MustCompile(`(?m)^((?:void|int|long|float|byte|boolean) (\w+)\([^)]*\)) \{`)
	declare := func(source string) string {
		var out strings.Builder
		for _, m := range functions.FindAllStringSubmatch(source, -1) {
			out.WriteString(m[1] + ";\n")
		}
		return out.String() + source
	}
	path := filepath.Join(name, filepath.Base(name)+".ino")
	roots := []string{"/usr/share/arduino/examples", "/usr/share/doc/arduino/examples", filepath.Join(cache, "tree/usr/share/doc/arduino/examples")}
	find := func() (string, bool) {
		for _, root := range roots {
			if b, err := os.ReadFile(filepath.Join(root, path)); err == nil {
				return declare(string(b)), true
			}
		}
		return "", false
	}
	if source, ok := find(); ok {
		return source
	}
	required := os.Getenv("LABBOX_REQUIRE_PEERS") == "1"
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	debs, _ := filepath.Glob(filepath.Join(cache, "arduino_*.deb"))
	if len(debs) == 0 && required {
		get := exec.Command("apt-get", "download", "arduino")
		get.Dir = cache
		if text, err := get.CombinedOutput(); err != nil {
			t.Fatalf("apt-get download arduino: %v\n%s", err, text)
		}
		debs, _ = filepath.Glob(filepath.Join(cache, "arduino_*.deb"))
	}
	if len(debs) > 0 {
		if text, err := exec.Command("dpkg", "-x", debs[0], filepath.Join(cache, "tree")).CombinedOutput(); err != nil {
			t.Fatalf("dpkg -x: %v\n%s", err, text)
		}
	}
	source, ok := find()
	if !ok && required {
		t.Fatalf("no %s in Debian's package arduino", path)
	} else if !ok {
		t.Skipf("no Arduino examples; on Debian: apt-get download arduino, in %s", cache)
	}
	return source
}

// The Arduino IDE's own examples, which know nothing of labbox, with nothing but
// a type file: one that talks, one that is asked, one that obeys.
func TestArduinoExamplesOnAChip(t *testing.T) {
	for _, c := range []struct{ sketch, file string }{
		{"03.Analog/AnalogInOutSerial", "inout"}, {"04.Communication/SerialCallResponseASCII", "ask"},
	} {
		t.Run(c.file, func(t *testing.T) {
			chip := sketchOf(t, arduinoExample(t, c.sketch))
			chip.SetADC(0, 2500)
			b := startBox(t, t.TempDir(), exampleBox(t, c.file, chip.Path()))
			defer b.kill()
			b.until("mine", "live", isLive)
			row := latestRow(t, b, "mine")
			if c.file == "inout" && !strings.Contains(row, ",2.4") && !strings.Contains(row, ",2.5") {
				t.Errorf("2.5 V at the input is %s", row)
			}
			if c.file == "ask" && !strings.Contains(row, ",511,") && !strings.Contains(row, ",512,") {
				t.Errorf("half scale at the input is %s", row)
			}
			before := b.status("mine").Counts
			chip.HangUp()
			b.until("mine", "gone", func(st edge.Status) bool { return st.State != edge.StateLive })
			chip.Plug()
			st := b.until("mine", "live again", func(st edge.Status) bool { return isLive(st) && st.Counts.Samples > before.Samples })
			if st.Counts.Reconnects == 0 {
				t.Errorf("%+v", st.Counts)
			}
		})
	}
	t.Run("colour", func(t *testing.T) {
		const ocr0a, ocr0b, ocr2b = 0x47, 0x48, 0xb4 // pins 6, 5, 3: blue, green, red
		chip := sketchOf(t, arduinoExample(t, "04.Communication/ReadASCIIString"))
		b := startBox(t, t.TempDir(), exampleBox(t, "colour", chip.Path()))
		defer b.kill()
		b.until("mine", "live and safe", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
		p := b.panel("Ann")
		fence := p.take("mine")
		r := p.command("mine", "colour", fence, map[string]any{"red": 55, "green": 155, "blue": 245})
		if r.Op != "ok" || !strings.Contains(string(r.Args), `"confirmed"`) {
			t.Fatalf("%s %s %s", r.Code, r.Msg, r.Args)
		}
		if red, green, blue := chip.Peek(ocr2b), chip.Peek(ocr0b), chip.Peek(ocr0a); red != 200 || green != 100 || blue != 10 {
			t.Errorf("confirmed, but the timers have %d, %d, %d", red, green, blue)
		}
		if r := p.command("mine", "colour", fence, map[string]any{"red": 256, "green": 0, "blue": 0}); r.Code != "out_of_range" {
			t.Errorf("256 of 255: %s %s", r.Op, r.Code)
		}
		if r := p.ask(map[string]any{"op": "estop", "device": "mine"}); r.Op != "ok" {
			t.Errorf("%s %s", r.Code, r.Msg)
		}
		b.until("mine", "safe", func(st edge.Status) bool { return st.Safe == edge.SafeConfirmed && st.Stopped != nil })
		for _, pin := range []int{3, 5, 6} {
			chip.WaitPin('D', pin, true, time.Second) // full complement: the lamp is off
		}
	})
}

func exampleBox(t *testing.T, file, port string) string {
	t.Helper()
	typ, err := filepath.Abs("testdata/arduino/" + file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("schema: 1\nbox: bench\ndevices:\n  - {id: mine, type: %q, port: {path: %q}}\n", typ, port)
}

// latestRow records a device for a moment, and gives the last full row of the CSV.
func latestRow(t *testing.T, b *box, device string) string {
	t.Helper()
	ann := b.person(t, "Recorder")
	var started struct{ Run struct{ ID string } }
	if st := ann.send(http.MethodPost, "/api/v1/runs", fmt.Sprintf("{\"device\":%q}", device), &started); st != http.StatusCreated {
		t.Fatal(st)
	}
	before := b.status(device).Counts.Samples
	b.until(device, "some samples", func(st edge.Status) bool { return st.Counts.Samples > before+5 })
	ann.send(http.MethodPatch, "/api/v1/runs/"+started.Run.ID, `{"stop":true}`, nil)
	res, err := ann.http.Get(b.url + "/api/v1/runs/" + started.Run.ID + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	row := ""
	for line := range strings.Lines(string(text)) {
		if line != "" && line[0] >= '0' && line[0] <= '9' {
			row = line
		}
	}
	return row
}
