package labwire

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens anew")

// make runs the firmware's Makefile. A missing tool is a skip, unless LABBOX_REQUIRE_PEERS=1.
func makeFirmware(t *testing.T, goals ...string) (out, said string) {
	t.Helper()
	missing := func(what, packages string) {
		t.Helper()
		say := t.Skipf
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			say = t.Fatalf
		}
		say("no %s; on Debian: apt-get install --no-install-recommends %s", what, packages)
	}
	tools := []string{"make", "g++"}
	if goals[0] != "host" {
		tools = []string{"make", "avr-g++", "avr-size"}
		if _, err := os.Stat("/usr/share/arduino/hardware/arduino/avr/cores/arduino/Arduino.h"); err != nil {
			missing("Arduino core", "arduino-core-avr")
		}
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(tool, "make g++ gcc-avr binutils-avr avr-libc arduino-core-avr")
		}
	}
	out = t.TempDir()
	cmd := exec.Command("make", append([]string{"-s", "-j2", "-C", "firmware/extras", "OUT=" + out}, goals...)...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make %v: %v\n%s", goals, err, text)
	}
	return out, string(text)
}

// host is a sketch on this computer, on a clock that the test sets.
type host struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

func startHost(t *testing.T, dir, sketch string) *host {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, sketch+".host"))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", sketch, err)
		}
	})
	return &host{t, in, bufio.NewReader(out)}
}

func (h *host) ask(format string, args ...any) []byte {
	h.t.Helper()
	fmt.Fprintf(h.in, format+"\n", args...)
	line, err := h.out.ReadString('\n')
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *host) step(us uint64, in []byte) []byte { return h.ask("at %d %x", us, in) }

// TestFirmware builds the library once for this computer.
func TestFirmware(t *testing.T) {
	dir, _ := makeFirmware(t, "host")
	t.Run("dictionaries have not drifted", func(t *testing.T) { dictionaries(t, dir) })
	t.Run("dialogs", func(t *testing.T) { dialogsAgree(t, dir) })
	t.Run("twins", func(t *testing.T) { twinsAgree(t, dir) })
}

// The dictionary beside each example is what its code holds, and a box takes it.
func dictionaries(t *testing.T, dir string) {
	for _, path := range []string{"examples/blink", "examples/plate", "examples/sampler", "extras/host/kinds"} {
		sketch := filepath.Base(path)
		text := startHost(t, dir, sketch).ask("dict")
		file := filepath.Join("firmware", path, sketch+".labwire")
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(want) {
			t.Errorf("%s: the code's dictionary is not %s; after a change: make -C firmware/extras dictionaries\n%s", sketch, file, text)
		}
		d, err := ParseDictionary(text)
		if err != nil {
			t.Errorf("%s: %v", sketch, err)
			continue
		}
		obeysAll(t, startHost(t, dir, sketch), d)
	}
}

// obeysAll sends each command that the dictionary declares: the sketch must know it.
func obeysAll(t *testing.T, h *host, d *Dictionary) {
	t.Helper()
	for i := range d.Commands {
		c := &d.Commands[i]
		var values []float64
		for j := range c.Params {
			values = append(values, c.Params[j].Default.Float())
		}
		args, err := c.Args(nil, values)
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, m := range all(NewDecoder(), h.step(1000, AppendCommand(nil, uint16(i+1), i, args))) {
			ok = ok || m.Kind == KindReply && m.Reply.OK()
		}
		if !ok {
			t.Errorf("%s: command %s is declared and not obeyed", d.Device, c.ID)
		}
	}
}

// newTwin is a sketch in Go, its inputs at 0 V.
func newTwin(t *testing.T, sketch string) *Device {
	t.Helper()
	folder := "firmware/examples"
	if sketch == "kinds" {
		folder = "firmware/extras/host"
	}
	text, err := os.ReadFile(filepath.Join(folder, sketch, sketch+".labwire"))
	if err != nil {
		t.Fatal(err)
	}
	power, fan, count := 0.0, 0.0, -32767.0
	n := 0
	return newPlate(t, DeviceOptions{
		Dictionary: text,
		Safe:       func() { power, fan = 0, 0 },
		Sample: func(r *Row) {
			switch sketch {
			case "plate":
				r.Raw(0)
				r.Raw(power)
				r.Raw(fan)
			case "sampler":
				r.Raw(0)
				r.Raw(0)
				r.Raw(0)
				r.Raw(count)
				count++
			case "kinds":
				n++
				bits := uint32(n) * 2654435761
				if bits>>23&255 == 255 {
					bits = 0x7FC00000
				}
				r.Raw(float64(math.Float32frombits(bits)))
				r.Raw(float64(int16(n*12345)) - 0.25)
				if n%5 != 0 { // every fifth row is not full
					if raw := int16(n * 54321); raw == missing {
						r.Missing()
					} else {
						r.Raw(float64(raw))
					}
				}
			}
		},
		Command: func(i int, args []int32) (Code, string) {
			switch {
			case sketch == "kinds":
				if args[0] > 5 {
					return Refused, "too-much"
				}
			case i == 0:
				power = float64(args[0])
			case i == 1:
				fan = float64(args[0])
			case i == 2:
				power = 0
			}
			return OK, ""
		},
	})
}

// dialog is one conversation, byte by byte.
type dialog struct {
	Name  string       `json:"name"`
	Steps []dialogStep `json:"steps"`
}

type dialogStep struct {
	AtUS uint64 `json:"at_us"`
	Note string `json:"note,omitempty"`
	In   string `json:"in,omitempty"`
	Out  string `json:"out"`
}

func readDialogs(t testing.TB) (list []dialog) {
	t.Helper()
	text, err := os.ReadFile("vectors/dialogs.json")
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// run has one side say its part, and notes what it said when write is set.
func (d *dialog) run(t *testing.T, write bool, step func(us uint64, in []byte) []byte) {
	t.Helper()
	for i := range d.Steps {
		s := &d.Steps[i]
		in, err := hex.DecodeString(s.In)
		if err != nil {
			t.Fatal(err)
		}
		got := hex.EncodeToString(step(s.AtUS, in))
		if write {
			s.Out = got
		}
		if got != s.Out {
			t.Errorf("%s: step %d (%s):\n got %s\nwant %s", d.Name, i, s.Note, got, s.Out)
		}
	}
}

// The Go device says what stands in vectors/dialogs.json.
func TestDialogs(t *testing.T) {
	list := readDialogs(t)
	for i := range list {
		dev := newTwin(t, "plate")
		boot := dev.Boot(0, nil)
		list[i].run(t, *update, func(us uint64, in []byte) []byte {
			out := dev.Step(us, in, boot)
			boot = nil
			return out
		})
	}
	if *update {
		text, err := json.MarshalIndent(list, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("vectors/dialogs.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// So does the C++ library.
func dialogsAgree(t *testing.T, dir string) {
	list := readDialogs(t)
	for i := range list {
		list[i].run(t, false, startHost(t, dir, "plate").step)
	}
}

// Whatever comes, the C++ library and the Go device give the same bytes.
func twinsAgree(t *testing.T, dir string) {
	random := rand.New(rand.NewPCG(4, 2026))
	for run := range 9 {
		sketch := []string{"plate", "sampler", "kinds"}[run%3]
		h, dev := startHost(t, dir, sketch), newTwin(t, sketch)
		boot := dev.Boot(0, nil)
		us := uint64(0)
		for n := range 300 {
			us += uint64(random.IntN([]int{40000, 1200, 9000}[run%3]))
			in := anything(random, dev.crc)
			got, want := h.step(us, in), dev.Step(us, in, boot)
			boot = nil
			if string(got) != string(want) {
				t.Fatalf("%s, step %d at %d us, in %q:\n c++ %q\n  go %q", sketch, n, us, in, got, want)
			}
		}
	}
}

// anything is a request, a typed line, half of one, or noise.
func anything(r *rand.Rand, crc uint32) (p []byte) {
	lines := []string{"set power 40\n", "#12 power 40.5\r\n", "power 100.1\n", "power 1 2\n", "power\n", "blow on\n", "blow 2\n", "blow quick\n", "off\n", "?\n", "#7 safe\n",
		"ping\n", "hello\n", "stream off\n", "stream text\n", "stream fast\n", "stream quick\n", "#70000 off\n", "#3\n", "set\n", "  #4   set   power   7.0  \n", "nonsense\n", "\n\r\n", "power -0.0\n", "power 1234567890\n", "power 99.99\n", "go 6\n", "#9 go 5\n", "switch on\n"}
	id := uint16(r.IntN(6))
	switch r.IntN(14) {
	case 0, 1, 2:
		p = []byte(lines[r.IntN(len(lines))])
	case 3, 4:
		p = AppendCommand(nil, id, 0, []int32{int32(r.IntN(1200) - 100)})
	case 5:
		p = AppendCommand(nil, id, r.IntN(4), make([]int32, r.IntN(4)))
	case 6:
		p = AppendStream(nil, id, Mode(r.IntN(4)), uint8(r.IntN(256)), crc+uint32(r.IntN(4)/3))
	case 7:
		p = AppendDictionaryRequest(nil, uint16(r.IntN(2000)), uint8(r.IntN(30)))
	case 8:
		p = AppendPing(AppendHello(nil), id)
	case 9:
		p = AppendSafe(nil)
	case 10:
		p = AppendSafeRequest(nil, id)
	case 11:
		p = AppendCommand(nil, id, 0, []int32{int32(r.IntN(8))})
	case 12:
		for range r.IntN(90) {
			p = append(p, byte(r.IntN(256)))
		}
	}
	if len(p) > 0 && r.IntN(6) == 0 {
		p[r.IntN(len(p))] = byte(r.IntN(256))
	}
	if r.IntN(8) == 0 {
		p = p[:r.IntN(len(p)+1)]
	}
	return p
}

// The library costs an Uno at most 8 kB of flash and 600 bytes of RAM beside an empty sketch, the smallest sketch included.
func TestSizeOnAnUno(t *testing.T) {
	_, said := makeFirmware(t, "size")
	t.Logf("\n%s", said)
	found := false
	for line := range strings.Lines(said) {
		var flash, ram int
		if n, _ := fmt.Sscanf(line, "blink: %d bytes of flash, %d of RAM more", &flash, &ram); n == 2 {
			found = true
			if flash > 8192 || ram > 600 {
				t.Errorf("%s", line)
			}
		}
	}
	if !found {
		t.Error("no size")
	}
}
