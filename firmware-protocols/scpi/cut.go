package scpi

import "bytes"

// cutter finds the ends of messages in a stream of bytes. Both sides use it.
type cutter struct {
	term, prompt            []byte
	max                     int
	bare, multiline         bool
	buf                     []byte // the message so far; of a dropped one its last bytes
	pos                     int    // bytes of the message so far, kept or not
	floor                   int    // end of the last block: what lies before is data, never a terminator or a blank
	scan                    scanner
	asked                   int  // bytes of the prompt matched
	over, told, dirty, open bool // too long; and said so; control characters; a string without end
	plain                   bool // the message has neither a string nor a block
	shown                   [maxPrefix]byte
}

// cut says how a message ended.
type cut uint8

const (
	more    cut = iota // it did not end yet
	done               // a message
	dropped            // the end of one that is too long
	tooLong            // it has just become so
)

func (c *cutter) reset() {
	c.buf = c.buf[:0]
	c.pos, c.floor, c.asked = 0, 0, 0
	c.scan = scanner{header: true, plain: c.scan.plain}
	c.over, c.told, c.dirty, c.open, c.plain = false, false, false, false, false
}

// next takes bytes of p up to the end of a message. Where kind is done, msg is the
// message without terminator and outer blanks, else its first bytes where they are
// to be shown: valid until the next call. At an end the caller calls reset after it
// has looked at dirty and open.
func (c *cutter) next(p []byte) (n int, msg []byte, kind cut) {
	if c.pos == 0 && len(c.prompt) == 0 {
		if n, msg = c.simple(p); n > 0 {
			return n, msg, done
		}
	}
	i := 0
	for i < len(p) || c.scan.st == inBlock && c.scan.left == 0 {
		if c.scan.st == inBlock {
			k := min(c.scan.left, len(p)-i)
			i += k
			c.pos += k
			c.scan.left -= k
			if c.scan.left > 0 {
				break
			}
			c.scan.st, c.floor = inPlain, c.pos
			if c.bare && !c.over {
				return i, c.message(p[:i], 0), done
			}
			continue
		}
		b := p[i]
		i++
		c.pos++
		c.note(b)
		if !c.ask(b) {
			c.scan.step(b)
		}
		if b == c.term[len(c.term)-1] && c.ends(p[:i]) {
			if c.scan.st == inQuote {
				if c.multiline {
					continue
				}
				c.open = true
			}
			if c.over {
				return i, nil, dropped
			}
			msg = c.message(p[:i], len(c.term))
			if len(msg) > c.max {
				return i, msg[:min(c.max, maxPrefix)], dropped
			}
			return i, msg, done
		}
		if !c.over && c.pos+c.scan.left > c.max+1+len(c.term) {
			msg = c.prefix(p[:i])
			c.over = true
			c.keep(p[:i])
			return i, msg, tooLong
		}
	}
	c.keep(p)
	return len(p), nil, more
}

// simple is the short way of next for what nearly all messages are: whole in p, with
// no string and no block. n is 0 where p does not begin with one.
func (c *cutter) simple(p []byte) (n int, msg []byte) {
	last := c.term[len(c.term)-1]
	i := 0
	for i < len(p) && (simpleBytes[p[i]] || p[i] == last) {
		if p[i] == last && (len(c.term) == 1 || bytes.HasSuffix(p[:i+1], c.term)) {
			c.plain = true
			if msg = trimLeft(trimRight(p[:i+1-len(c.term)])); len(msg) <= c.max {
				return i + 1, msg
			}
			break
		}
		i++
	}
	return 0, nil
}

// simpleBytes is a constant table: what neither begins a string or a block nor is
// noise.
var simpleBytes = func() (t [256]bool) {
	for b := range t {
		c := byte(b)
		t[b] = c >= ' ' && c != '"' && c != '\'' && c != '#' && c != 0x7f || isBlank(c)
	}
	return t
}()

// ends reports whether buf and seg together end with the terminator, which may
// not reach into a block.
func (c *cutter) ends(seg []byte) bool {
	if c.pos-c.floor < len(c.term) {
		return false
	}
	for k := 1; k <= len(c.term); k++ {
		var b byte
		switch {
		case k <= len(seg):
			b = seg[len(seg)-k]
		case k-len(seg) <= len(c.buf):
			b = c.buf[len(c.buf)-(k-len(seg))]
		default:
			return false
		}
		if b != c.term[len(c.term)-k] {
			return false
		}
	}
	return true
}

// keep holds seg until the message ends, or only the last bytes of one that is
// dropped.
func (c *cutter) keep(seg []byte) {
	if !c.over {
		c.buf = append(c.buf, seg...)
		return
	}
	if len(seg) > maxTerminator {
		seg = seg[len(seg)-maxTerminator:]
	}
	if cut := len(c.buf) + len(seg) - maxTerminator; cut > 0 {
		c.buf = append(c.buf[:0], c.buf[min(cut, len(c.buf)):]...)
	}
	c.buf = append(c.buf, seg...)
}

// prefix is what is shown of a message that is too long.
func (c *cutter) prefix(seg []byte) []byte {
	n := copy(c.shown[:], c.buf)
	n += copy(c.shown[n:], seg)
	return c.shown[:min(n, c.max)]
}

// message cuts terminator and outer blanks off, but nothing of a block.
func (c *cutter) message(seg []byte, term int) []byte {
	if len(c.buf) > 0 {
		c.buf = append(c.buf, seg...)
		seg = c.buf
	}
	seg = seg[:len(seg)-term]
	for c.scan.st != inRest && len(seg) > c.floor && isBlank(seg[len(seg)-1]) {
		seg = seg[:len(seg)-1]
	}
	for cut := true; cut; {
		cut = false
		for len(seg) > 0 && isBlank(seg[0]) {
			seg, cut = seg[1:], true
		}
		if n := len(c.prompt); n > 0 && len(seg) >= n && string(seg[:n]) == string(c.prompt) {
			seg, cut = seg[n:], true
		}
	}
	return seg
}

// ask matches the prompt where a message begins.
func (c *cutter) ask(b byte) bool {
	if c.asked == len(c.prompt) || c.asked == 0 && (c.scan.st != atStart || !c.scan.header) {
		return false
	}
	if b != c.prompt[c.asked] {
		if c.asked > 0 { // what was taken for it was text
			c.asked, c.scan.st = 0, inPlain
		}
		return false
	}
	if c.asked++; c.asked == len(c.prompt) {
		c.asked = 0
	}
	return true
}

// note remembers bytes that no instrument sends outside of strings and blocks.
func (c *cutter) note(b byte) {
	if c.scan.st == inQuote || c.scan.st == inRest {
		return
	}
	if (b < ' ' && !isBlank(b) || b == 0x7f) && bytes.IndexByte(c.term, b) < 0 {
		c.dirty = true
	}
}
