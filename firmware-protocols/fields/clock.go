package fields

import (
	"math"
	"strings"
	"time"
)

// clock is a time in a layout: seconds since the Unix epoch (UTC), or of the day
// where the layout has no date.
type clock struct {
	items []item
	wide  int // bytes, -1: not fixed
	date  bool
}

// item is one piece of a layout. what is Y y M N D h m s f A z, or 0 for text.
type item struct {
	what byte
	n    int // digits; 1 for M D h: one or two
	text string
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// newClock reads a layout such as "YYYY-MM-DD hh:mm:ss.sss".
func newClock(layout string) (conv, *PartError) {
	if layout == "" {
		return nil, bad("layout", CodeMissing, `as: time needs layout, such as "YYYY-MM-DD hh:mm:ss"`)
	}
	c := &clock{}
	seen := ""
	for i := 0; i < len(layout); {
		n := 1
		for i+n < len(layout) && layout[i+n] == layout[i] && strings.IndexByte("YMDhms", layout[i]) >= 0 {
			n++
		}
		it, ok := letter(layout[i], n, seen)
		switch {
		case !ok:
			return nil, bad("layout", CodePattern, "%q cannot stand there", layout[i:i+n])
		case it.what == 0 && layout[i] == '\'':
			end := strings.IndexByte(layout[i+1:], '\'')
			if end < 0 {
				return nil, bad("layout", CodePattern, "a quote without its end")
			}
			it.text, n = layout[i+1:i+1+end], end+2
		case it.what == 0:
			it.text = layout[i : i+n]
		default:
			if strings.IndexByte(seen, it.what) >= 0 {
				return nil, bad("layout", CodeDuplicate, "%q stands twice", layout[i:i+n])
			}
			seen += string(it.what)
		}
		c.items = append(c.items, it)
		i += n
	}
	return c, c.check(seen)
}

// letter is the item of a run of n equal letters.
func letter(b byte, n int, seen string) (it item, ok bool) {
	switch {
	case b == 'Y' && n == 4, b == 's' && n == 2 && !strings.Contains(seen, "s"):
		return item{what: b, n: n}, true
	case b == 'Y' && n == 2:
		return item{what: 'y', n: 2}, true
	case b == 'M' && n == 3:
		return item{what: 'N', n: 3}, true
	case (b == 'M' || b == 'D' || b == 'h') && n <= 2, b == 'm' && n == 2:
		return item{what: b, n: n}, true
	case b == 's' && n <= 9 && strings.Contains(seen, "s"):
		return item{what: 'f', n: n}, true
	case b == 'A' || b == 'z':
		return item{what: b, n: 2 * b2i(b == 'A')}, true
	}
	return item{}, strings.IndexByte("YMDhms", b) < 0
}

func (c *clock) check(seen string) *PartError {
	has := func(b string) bool { return strings.ContainsAny(seen, b) }
	if c.date = has("YyMND"); c.date && !(has("Yy") && has("MN") && has("D")) || has("Y") && has("y") || has("M") && has("N") {
		return bad("layout", CodePattern, "a date needs year, month and day, each once")
	}
	if !has("YyMNDhmsf") {
		return bad("layout", CodePattern, "there is neither a date nor a time")
	}
	if has("A") && !has("h") {
		return bad("layout", CodePattern, "A needs hh")
	}
	for i, it := range c.items {
		switch {
		case it.what == 0:
			c.wide += len(it.text)
		case it.what == 'z' || it.n == 1 && it.what != 'f':
			if i+1 < len(c.items) && (c.items[i+1].what != 0 || c.items[i+1].text == "" || isDigit(c.items[i+1].text[0])) {
				return bad("layout", CodePattern, "%q needs a separator behind it", string(it.what))
			}
			c.wide = math.MinInt32
		default:
			c.wide += it.n
		}
	}
	c.wide = max(c.wide, -1)
	return nil
}

// moment is a time in pieces.
type moment struct {
	year, month, day, hour, minute, second, nano, offset int
	half                                                 byte // A or P
}

func (c *clock) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	t := moment{year: 1970, month: 1, day: 1}
	at := 0
	for i := range c.items {
		n, ok := t.read(b[at:], &c.items[i])
		at += n
		if !ok {
			return at, false
		}
	}
	x, ok := t.seconds()
	if !ok {
		return 0, false
	}
	e.number(x)
	return at, true
}

// seconds checks the pieces and puts them together. A leap second is the next
// minute's first.
func (t *moment) seconds() (float64, bool) {
	if t.half != 0 {
		if t.hour < 1 || t.hour > 12 {
			return 0, false
		}
		t.hour = t.hour%12 + 12*b2i(t.half == 'P')
	}
	if t.month < 1 || t.month > 12 || t.hour > 23 || t.minute > 59 || t.second > 60 {
		return 0, false
	}
	d := time.Date(t.year, time.Month(t.month), t.day, t.hour, t.minute, t.second, 0, time.UTC)
	if first := time.Date(t.year, time.Month(t.month), t.day, 0, 0, 0, 0, time.UTC); first.Day() != t.day {
		return 0, false
	}
	return float64(d.Unix()-int64(t.offset)) + float64(t.nano)/1e9, true
}

func (c *clock) size() int    { return c.wide }
func (c *clock) kind() Kind   { return Number }
func (c *clock) want() string { return "a time" }
func (c *clock) first() set   { return anyByte() }
func (c *clock) more() set {
	if c.wide < 0 {
		return setOf("0123456789:")
	}
	return set{}
}
