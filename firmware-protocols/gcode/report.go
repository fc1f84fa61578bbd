package gcode

import (
	"bytes"
	"math"

	"labbox/firmware-protocols/decimal"
)

// axes is how many a report can name: x y z a b c.
const axes = 6

// report reads <Idle|MPos:0.000,0.000,0.000|FS:0,0> and the form with commas in
// place of bars. It is all or nothing.
func (d *Decoder) report(b []byte) bool {
	if len(b) < 3 || b[len(b)-1] != '>' {
		return false
	}
	b = b[1 : len(b)-1]
	sep := byte('|')
	if bytes.IndexByte(b, sep) < 0 {
		sep = ','
	}
	state, rest, _ := cut(b, sep)
	name, sub, hasSub := cut(state, ':')
	if !isWord(name) {
		return false
	}
	d.add("state", math.NaN(), name)
	if hasSub {
		x, ok := whole(sub)
		if !ok {
			return false
		}
		d.add("substate", x, sub)
	}
	var mpos, wpos [axes]float64
	nm, nw, pins := 0, 0, false
	for len(rest) > 0 {
		var key []byte
		var vals [][]byte
		var ok bool
		if key, vals, rest, ok = d.field(rest, sep); !ok {
			return false
		}
		switch string(key) {
		case "MPos":
			nm, ok = position(vals, &mpos)
		case "WPos":
			nw, ok = position(vals, &wpos)
		case "WCO":
			var n int
			n, ok = position(vals, &d.wco)
			d.hasWCO = ok && n > 0
		case "F":
			ok = d.numbers(vals, "feed")
		case "FS":
			ok = d.numbers(vals, "feed", "speed")
		case "Bf":
			ok = d.numbers(vals, "blocks_free", "bytes_free")
		case "Buf":
			ok = d.numbers(vals, "blocks_used")
		case "RX":
			ok = d.numbers(vals, "bytes_used")
		case "Ln":
			ok = d.numbers(vals, "line")
		case "Ov":
			ok = d.numbers(vals, "feed_override", "rapid_override", "speed_override")
		case "Pn":
			d.add("pins", math.NaN(), vals[0])
			pins = true
		case "A":
			d.add("accessories", math.NaN(), vals[0])
		default:
			d.other(key, vals)
		}
		if !ok {
			return false
		}
	}
	if !pins && sep == '|' {
		d.add("pins", math.NaN(), nil) // left out where none is active
	}
	if nm == 0 && nw == 0 {
		return true
	}
	for i := range axes {
		if d.hasWCO && nm == 0 {
			mpos[i] = wpos[i] + d.wco[i]
		}
		if d.hasWCO && nw == 0 {
			wpos[i] = mpos[i] - d.wco[i]
		}
	}
	d.axis(mpos[:max(nm, nw)], "x", "y", "z", "a", "b", "c", nm > 0 || d.hasWCO)
	d.axis(wpos[:max(nm, nw)], "wx", "wy", "wz", "wa", "wb", "wc", nw > 0 || d.hasWCO)
	return true
}

// field takes Key:v,v,v off the front. With commas between fields, a value with a
// colon begins the next one.
func (d *Decoder) field(b []byte, sep byte) (key []byte, vals [][]byte, rest []byte, ok bool) {
	key, b, ok = cut(b, ':')
	if !ok || !isWord(key) {
		return nil, nil, nil, false
	}
	n := 0
	for n < len(d.values) {
		i := 0
		for i < len(b) && b[i] != ',' && b[i] != sep {
			i++
		}
		d.values[n] = b[:i]
		n++
		if i == len(b) {
			return key, d.values[:n], nil, true
		}
		end := b[i] == sep
		if b = b[i+1:]; sep == ',' {
			next, _, _ := cut(b, ',')
			end = bytes.IndexByte(next, ':') >= 0
		}
		if end {
			return key, d.values[:n], b, len(b) > 0
		}
	}
	return nil, nil, nil, false
}

// position reads coordinates.
func position(vals [][]byte, p *[axes]float64) (n int, ok bool) {
	if len(vals) < 2 || len(vals) > axes {
		return 0, false
	}
	for i, v := range vals {
		if p[i], ok = whole(v); !ok {
			return 0, false
		}
	}
	return len(vals), true
}

func (d *Decoder) axis(p []float64, x, y, z, a, b, c string, known bool) {
	if !known {
		return
	}
	names := [axes]string{x, y, z, a, b, c}
	for i, v := range p {
		d.add(names[i], v, nil)
	}
}

// numbers adds values under the names, as many as there are of both.
func (d *Decoder) numbers(vals [][]byte, names ...string) bool {
	for i, v := range vals {
		x, ok := whole(v)
		if !ok {
			return false
		}
		if i < len(names) {
			d.add(names[i], x, v)
		}
	}
	return true
}

// other adds a field that is in no table, under its own name.
func (d *Decoder) other(key []byte, vals [][]byte) {
	name := d.name(key)
	if name == "" {
		return
	}
	x, ok := whole(vals[0])
	if !ok || len(vals) > 1 {
		x = math.NaN()
	}
	d.add(name, x, vals[0])
}

// name keeps names, so that a report costs no memory.
func (d *Decoder) name(key []byte) string {
	if s, ok := d.names[string(key)]; ok {
		return s
	}
	if len(d.names) >= maxNames || len(key) > 16 {
		return ""
	}
	s := string(bytes.ToLower(key))
	d.names[string(key)] = s
	return s
}

func (d *Decoder) add(key string, x float64, text []byte) {
	if len(d.fields) < maxFields {
		d.fields = append(d.fields, Field{Key: key, Num: x, Text: text})
	}
}

// pairs reads what Marlin prints: X:0.00 Y:1.50 Z:0.00 E:0.00 Count X:0 Y:120 Z:0 and
// T:21.5 /0.0 B:20.0 /60.0 @:0. What is no pair is passed over.
func (d *Decoder) pairs(b []byte) bool {
	count := false
	target := ""
	for len(b) > 0 {
		var token []byte
		token, b, _ = cut(b, ' ')
		key, val, ok := cut(token, ':')
		switch {
		case string(token) == "Count":
			count = true
		case ok && len(key) > 0 && len(val) == 0: // the value stands behind a blank
			b = bytes.TrimLeft(b, " ")
			val, b, _ = cut(b, ' ')
			fallthrough
		case ok && len(key) > 0:
			x, good := whole(val)
			if !good {
				return false
			}
			name := d.pairName(key, count)
			target = d.targetName(name)
			if name != "" {
				d.add(name, x, val)
			}
		case len(token) > 1 && token[0] == '/':
			x, good := whole(token[1:])
			if !good {
				return false
			}
			if target != "" {
				d.add(target, x, token[1:])
			}
		}
	}
	return true
}

func (d *Decoder) pairName(key []byte, count bool) string {
	if !count {
		return d.name(key)
	}
	var b [24]byte
	if len(key) > 8 {
		return ""
	}
	return d.name(append(append(b[:0], "count_"...), key...))
}

func (d *Decoder) targetName(name string) string {
	var b [32]byte
	if name == "" || len(name) > 8 {
		return ""
	}
	return d.name(append(append(b[:0], name...), "_target"...))
}

// isPairs reports whether the line begins as a report of Marlin does.
func isPairs(b []byte) bool {
	key, val, ok := cut(b, ':')
	if !ok || len(val) == 0 || len(key) != 1 && (len(key) != 2 || key[0] != 'T') {
		return false
	}
	switch key[0] {
	case 'X', 'Y', 'Z', 'E', 'T', 'B', 'C':
	default:
		return false
	}
	val = bytes.TrimLeft(val, " ")
	return len(val) > 0 && (isDigit(val[0]) || val[0] == '-' || val[0] == '+' || val[0] == '.')
}

// whole reads b as one decimal number.
func whole(b []byte) (float64, bool) {
	if len(b) > 32 {
		return 0, false
	}
	x, ok := decimal.Numeric(b)
	return x + 0, ok // and no minus zero
}

func cut(b []byte, sep byte) (before, rest []byte, found bool) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

func isWord(b []byte) bool {
	for _, c := range b {
		if !isLetter(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 16
}

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
