package labwire

import "math"

// What a device holds; the firmware library has the same figures.
const (
	deviceRX    = 64    // bytes of a request or a typed line
	chunkBytes  = 64    // of the dictionary in one frame
	pollBytes   = 32    // taken between two looks at the clock
	flushUS     = 50000 // a row waits no longer
	textMS      = 200   // between two lines of values
	statusMS    = 1000
	silenceMS   = 100 // ends half a frame
	rememberIDs = 4
)

// DeviceOptions say what a simulated device is.
type DeviceOptions struct {
	Dictionary []byte // as the firmware would hold it
	Safe       func() // may be nil
	// Command carries out a command whose parameters are in range. The text, one word of up to 16 bytes, goes into
	// a reply that is not OK.
	Command func(index int, args []int32) (Code, string)
	// Sample adds one row, every channel in order. One that is not full is not sent.
	Sample func(r *Row)
}

// Device is the other side: what the firmware library does, byte by byte. It has
// no clock and no port. It is not safe for concurrent use.
type Device struct {
	opt      DeviceOptions
	dict     *Dictionary
	crc      uint32
	periodUS uint32
	rowBytes int

	us, ms, startMS uint32
	out             []byte
	seq             uint8

	rx      [deviceRX]byte
	rxN     int
	rxState state
	rxBad   Code // the typed line is spoiled
	rxMS    uint32
	bad     uint16
	known   [rememberIDs]answered
	knownAt int
	answer  answered
	text    string // of the answer
	note    string
	help    []byte // still to be printed
	reply   bool

	framed, safe             bool
	cause, event             Cause
	wantHello, wantStatus    bool
	lastMS, holdMS, statusMS uint32
	mode                     Mode
	epoch                    uint8
	nextUS, rowNo, first, t0 uint32
	rows                     Row
	ready                    bool
	missed                   uint16
	chunkAt, chunks          int
	args                     []int32
}

// answered is a command that was carried out.
type answered struct {
	id, crc uint16
	code    Code
}

// NewDevice boots a device at the time 0: see Boot.
func NewDevice(o DeviceOptions) (*Device, error) {
	dict, err := ParseDictionary(o.Dictionary)
	if err != nil {
		return nil, err
	}
	d := &Device{opt: o, dict: dict, crc: CRC(o.Dictionary)}
	for i := range dict.Channels {
		d.rowBytes += dict.Channels[i].Kind.bytes()
	}
	if r := int64(dict.RateHz.Mantissa); r > 0 {
		d.periodUS = uint32(1000000 * tens[dict.RateHz.Places] / r)
	}
	d.rows.dict = dict
	d.rows.data = make([]byte, 0, maxRowBytes)
	return d, nil
}

// Dictionary returns the parsed dictionary.
func (d *Device) Dictionary() *Dictionary { return d.dict }

// Safe reports whether the device is safe.
func (d *Device) Safe() bool { return d.safe }

// Boot starts the device anew and appends what it prints then.
func (d *Device) Boot(nowUS uint64, out []byte) []byte {
	*d = Device{opt: d.opt, dict: d.dict, crc: d.crc, periodUS: d.periodUS, rowBytes: d.rowBytes, rows: d.rows, args: d.args}
	d.now(nowUS)
	d.startMS, d.mode, d.out = d.ms, Text, out
	d.goSafe(Boot)
	d.event = NotYet
	d.out = append(d.out, 0)
	d.printHello()
	out, d.out = d.out, nil
	return out
}

func (d *Device) now(us uint64) { d.us, d.ms = uint32(us), uint32(us/1000) }

// Step takes what came from the box and appends what the device sends. Call it as
// often as a sketch calls poll: at least once a sample.
func (d *Device) Step(nowUS uint64, in, out []byte) []byte {
	d.now(nowUS)
	d.out = out
	for {
		n := min(pollBytes, len(in))
		for _, c := range in[:n] {
			d.take(c)
			d.pump()
		}
		in = in[n:]
		d.tick()
		d.pump()
		if len(in) == 0 {
			out, d.out = d.out, nil
			return out
		}
	}
}

// Note tells the box one thing of up to 16 bytes.
func (d *Device) Note(text string) { d.note = text }

// GoSafe is the sketch's own finding that something is wrong.
func (d *Device) GoSafe() { d.goSafe(Sketch) }

func (d *Device) goSafe(why Cause) {
	if d.opt.Safe != nil {
		d.opt.Safe()
	}
	d.safe, d.cause, d.event = true, why, why
}

// SampleNow takes a row outside the rate and sends it by itself.
func (d *Device) SampleNow(nowUS uint64) {
	d.now(nowUS)
	if d.mode == Fast {
		d.flush()
		d.row(d.us)
		d.flush()
	}
}

// tick does what is due.
func (d *Device) tick() {
	if d.rxN > 0 && d.ms-d.rxMS > silenceMS {
		d.silence()
	}
	if !d.safe && d.ms-d.lastMS >= d.holdMS {
		d.goSafe(DeadMan)
	}
	quiet := d.ms - d.statusMS
	if d.mode == Text {
		if d.rowBytes > 0 && quiet >= textMS {
			d.statusMS = d.ms
			d.printRow()
		}
	} else {
		if d.framed && quiet >= statusMS {
			d.wantStatus = true
		}
		d.fast()
	}
	if len(d.help) > 0 {
		d.printHelp()
	}
}

// fast takes the row that is due. One that is a whole period late is lost.
func (d *Device) fast() {
	if d.mode == Fast && d.rowBytes > 0 && d.periodUS > 0 && int32(d.us-d.nextUS) >= 0 {
		for ; d.us-d.nextUS >= d.periodUS; d.nextUS += d.periodUS {
			d.flush()
			d.rowNo++
			d.missed++
		}
		d.row(d.nextUS)
		d.nextUS += d.periodUS
	}
	if d.rows.n > 0 && d.us-d.t0 >= flushUS {
		d.flush()
	}
}

func (d *Device) flush() { d.ready = d.rows.n > 0 }

// row takes one row at the time us.
func (d *Device) row(us uint32) {
	no := d.rowNo
	d.rowNo++
	if d.ready {
		d.missed++
		return
	}
	if d.rows.n == 0 {
		d.first, d.t0 = no, us
		d.rows.data = d.rows.data[:0]
	}
	if !d.sample() || (int(d.rows.n)+1)*d.rowBytes > maxRowBytes || d.periodUS > math.MaxUint16 {
		d.flush() // also behind a row that failed, for those of a frame follow each other; a step has 16 bits
	}
}

// sample has one row written; false, and nothing is added, when it is not full.
func (d *Device) sample() bool {
	at := len(d.rows.data)
	d.rows.channel = 0
	if d.opt.Sample != nil {
		d.opt.Sample(&d.rows)
	}
	if d.rows.channel != len(d.dict.Channels) {
		d.rows.data = d.rows.data[:at]
		d.missed++
		return false
	}
	d.rows.n++
	return true
}
