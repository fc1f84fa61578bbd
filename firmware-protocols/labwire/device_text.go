package labwire

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// typed is one byte of text from the box or a person.
func (d *Device) typed(c byte) {
	switch {
	case c == can:
		d.rxN, d.rxBad = 0, OK
		d.wantStatus = d.framed
		d.goSafe(Asked)
	case c == '\n' || c == '\r':
		if d.rxBad != OK {
			d.bad++
			d.printReply(0, d.rxBad, "")
		} else if d.rxN > 0 {
			d.line(d.rx[:d.rxN])
		}
		d.rxN, d.rxBad = 0, OK
	case d.rxBad != OK:
	case c < ' ' && c != '\t' || c > '~':
		d.rxN, d.rxBad = 0, Args
	case d.rxN == deviceRX-2:
		d.rxN, d.rxBad = 0, Overflow
	default:
		if c == '\t' {
			c = ' '
		}
		d.rx[d.rxN] = c
		d.rxN++
	}
}

// cutWord takes the next word off a line.
func cutWord(line []byte) (word, rest []byte) {
	line = bytes.TrimLeft(line, " ")
	n := bytes.IndexByte(line, ' ')
	if n < 0 {
		n = len(line)
	}
	return line[:n], line[n:]
}

// line carries out what was typed: [#N] [set] COMMAND [VALUE...]
func (d *Device) line(line []byte) {
	crc := crc16(0xFFFF, line)
	word, rest := cutWord(line)
	id := uint16(0)
	if len(word) > 0 && word[0] == '#' {
		n, ok := parseFixed(word[1:], 0)
		if !ok || n < 0 || n > 65535 {
			d.bad++
			d.printReply(0, Args, "")
			return
		}
		id = uint16(n)
		word, rest = cutWord(rest)
	}
	if string(word) == "set" {
		word, rest = cutWord(rest)
	}
	code, text, repeated := OK, "", false
	switch string(word) {
	case "":
		if id == 0 {
			return
		}
		code = Unknown
	case "?":
		d.help = d.opt.Dictionary
		d.print("# [#N] COMMAND VALUE... off text fast set ? safe ping hello stream \r\n")
	case "safe":
		d.goSafe(Asked)
		d.event = NotYet
	case "ping":
	case "hello":
		d.known = [rememberIDs]answered{}
		d.printHello()
	case "stream":
		word, _ = cutWord(rest)
		m := Mode(255)
		for i := Off; i <= Fast; i++ {
			if string(word) == i.String() {
				m = i
			}
		}
		code = d.stream(m, 0, d.crc)
	default:
		if id != 0 {
			for _, k := range d.known {
				if k.id == id && k.crc == crc {
					code, repeated = k.code, true
				}
			}
		}
		if !repeated {
			code, text = d.typedCommand(word, rest)
			if id != 0 {
				d.known[d.knownAt] = answered{id, crc, code}
				d.knownAt = (d.knownAt + 1) % rememberIDs
			}
		}
	}
	if code == OK {
		d.alive(false)
	}
	d.printReply(id, code, text)
}

func (d *Device) typedCommand(word, rest []byte) (Code, string) {
	index, c := d.dict.Command(string(word))
	if c == nil {
		return Unknown, ""
	}
	d.args = d.args[:0]
	for i := range c.Params {
		p := &c.Params[i]
		word, rest = cutWord(rest)
		v, ok := parseFixed(word, p.Decimals)
		for j := range p.Choices {
			if p.Choices[j].ID == string(word) {
				v, ok = int32(j), true
			}
		}
		if !ok {
			return Args, p.ID
		}
		d.args = append(d.args, v)
	}
	if word, _ = cutWord(rest); len(word) > 0 {
		return Args, ""
	}
	return d.command(index)
}

func (d *Device) print(parts ...string) {
	for _, s := range parts {
		d.out = append(d.out, s...)
	}
}

func (d *Device) printReply(id uint16, code Code, text string) {
	word := "ok"
	if code != OK {
		word = "err"
	}
	d.print(word)
	if id != 0 {
		d.out = strconv.AppendUint(append(d.out, ' '), uint64(id), 10)
	}
	if code != OK {
		d.print(" ", code.String())
		if text, _, _ = strings.Cut(text, " "); text != "" {
			d.print(" ", text)
		}
	}
	d.print("\r\n")
}

func (d *Device) printHello() {
	_, rest, _ := bytes.Cut(d.opt.Dictionary, []byte("\ndevice "))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	d.print("!hello ", string(line), " labwire=1 dict=")
	const hex = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		d.out = append(d.out, hex[d.crc>>shift&15])
	}
	d.print("\r\n")
}

// printHelp prints one line of the dictionary, so that nothing waits for the whole.
func (d *Device) printHelp() {
	line, rest, _ := bytes.Cut(d.help, []byte("\n"))
	d.print("# ", string(line), "\r\n")
	d.help = rest
}

// printRow takes a row and prints it as the Arduino plotter reads it.
func (d *Device) printRow() {
	d.rows.data, d.rows.n = d.rows.data[:0], 0
	full := d.sample()
	if d.rows.n = 0; !full {
		return
	}
	p := d.rows.data
	for i := range d.dict.Channels {
		c := &d.dict.Channels[i]
		d.print(c.ID, ":")
		if c.Kind == F32 {
			d.out = appendFloat(d.out, binary.LittleEndian.Uint32(p), c.Decimals)
		} else {
			d.out = c.appendRaw(d.out, int16(binary.LittleEndian.Uint16(p)))
		}
		p = p[c.Kind.bytes():]
		d.print(" ")
	}
	safe := "safe:0\r\n"
	if d.safe {
		safe = "safe:1\r\n"
	}
	d.print(safe)
}
