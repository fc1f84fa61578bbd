package labwirechip

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"labbox/devices/devicetest/simchip"
	"labbox/firmware-protocols/labwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// build makes the examples for the chip and returns their folder.
func build(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		missing = t.Fatalf
	}
	if _, err := os.Stat("/usr/share/arduino/hardware/arduino/avr/cores/arduino/Arduino.h"); err != nil {
		missing("no Arduino core; on Debian: apt-get install --no-install-recommends arduino-core-avr")
	}
	for _, tool := range []string{"make", "avr-g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing("no %s; on Debian: apt-get install --no-install-recommends make gcc-avr avr-libc binutils-avr", tool)
		}
	}
	out := t.TempDir()
	cmd := exec.Command("make", "-s", "-j2", "-C", "../../../firmware-protocols/labwire/firmware/extras", "OUT="+out, out+"/sampler.elf", out+"/plate.elf")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, text)
	}
	return out
}

// box is the least a box does on a labwire port.
type box struct {
	t    *testing.T
	chip *simchip.Chip
	port *os.File
	dec  *labwire.Decoder
	dict *labwire.Dictionary
	crc  uint32
	// spoil changes what came before it is decoded.
	spoil   func([]byte) []byte
	samples func(*labwire.Message)
	seen    []labwire.Message // all but samples and chunks, without their texts
	chunks  *labwire.Assembly
	epoch   uint8
	id      uint16
}

func start(t *testing.T, firmware string) *box {
	t.Helper()
	b := &box{t: t, chip: simchip.Start(t, simchip.Options{Firmware: firmware})}
	b.open()
	return b
}

func (b *box) open() {
	b.t.Helper()
	f, err := os.OpenFile(b.chip.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { f.Close() })
	b.port, b.dec = f, labwire.NewDecoder()
	b.dec.SetDictionary(b.dict)
}

func (b *box) send(p []byte) {
	b.t.Helper()
	b.port.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := b.port.Write(p); err != nil {
		b.t.Fatal(err)
	}
}

// read takes what comes within a little while.
func (b *box) read() {
	b.t.Helper()
	buf := make([]byte, 4096)
	b.port.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	n, err := b.port.Read(buf)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		b.t.Fatal(err)
	}
	p := buf[:n]
	if b.spoil != nil {
		p = b.spoil(p)
	}
	b.dec.Feed(p, func(m *labwire.Message) {
		switch m.Kind {
		case labwire.KindSamples:
			if b.samples != nil {
				b.samples(m)
			}
		case labwire.KindChunk:
			if b.chunks != nil {
				if _, err := b.chunks.Add(m.Chunk); err != nil {
					b.t.Error(err)
				}
			}
		default:
			c := *m
			c.Raw, c.Samples = slices.Clone(m.Raw), labwire.Samples{}
			b.seen = append(b.seen, c)
		}
	})
}

// until sends p, again each time nothing came of it, until a message fits.
func (b *box) until(p []byte, fits func(*labwire.Message) bool) labwire.Message {
	b.t.Helper()
	for range 20 {
		if p != nil {
			b.send(p)
		}
		for end := b.chip.Now() + 500*time.Millisecond; b.chip.Now() < end; {
			b.read()
			for i := range b.seen {
				if m := b.seen[i]; fits(&m) {
					b.seen = b.seen[i+1:]
					return m
				}
			}
			b.seen = nil
		}
	}
	b.t.Fatalf("no answer to %x; %+v; %+v", p, b.dec.Stats(), b.chip.Stats())
	return labwire.Message{}
}

// hello meets the device and reads its dictionary, unless it is known.
func (b *box) hello() labwire.Hello {
	b.t.Helper()
	h := b.until(labwire.AppendHello(nil), func(m *labwire.Message) bool { return m.Kind == labwire.KindHello }).Hello
	if h.DictionaryCRC == b.crc && b.dict != nil {
		return h
	}
	var err error
	if b.chunks, err = labwire.NewAssembly(h); err != nil {
		b.t.Fatal(err)
	}
	for at, left := b.chunks.Missing(); left; at, left = b.chunks.Missing() {
		b.send(labwire.AppendDictionaryRequest(nil, at, 0))
		for end := b.chip.Now() + 400*time.Millisecond; left && b.chip.Now() < end; _, left = b.chunks.Missing() {
			b.read()
		}
	}
	if b.dict, err = b.chunks.Dictionary(); err != nil {
		b.t.Fatal(err)
	}
	b.crc = h.DictionaryCRC
	b.dec.SetDictionary(b.dict)
	return h
}

// ask sends one numbered request until it is answered.
func (b *box) ask(request func(id uint16) []byte) labwire.Reply {
	b.t.Helper()
	b.id++
	id := b.id
	return b.until(request(id), func(m *labwire.Message) bool { return m.Kind == labwire.KindReply && m.Reply.ID == id }).Reply
}

func (b *box) fast() {
	b.t.Helper()
	b.epoch++
	b.dec.Expect(b.epoch)
	if r := b.ask(func(id uint16) []byte { return labwire.AppendStream(nil, id, labwire.Fast, b.epoch, b.crc) }); !r.OK() {
		b.t.Fatalf("stream: %v", r.Code)
	}
}

func (b *box) command(name string, values ...float64) labwire.Reply {
	b.t.Helper()
	index, c := b.dict.Command(name)
	args, err := c.Args(nil, values)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.ask(func(id uint16) []byte { return labwire.AppendCommand(nil, id, index, args) })
}

// live reads and keeps the device alive for so long by the chip's clock.
func (b *box) live(d time.Duration) {
	b.t.Helper()
	end := b.chip.Now() + d
	for ping := time.Duration(0); b.chip.Now() < end; {
		if now := b.chip.Now(); now >= ping {
			b.send(labwire.AppendPing(nil, 0))
			ping = now + 250*time.Millisecond
		}
		b.read()
	}
}

func elf(dir, name string) string { return filepath.Join(dir, name+".elf") }
