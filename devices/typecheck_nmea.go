package devices

import (
	"strings"

	"labbox/firmware-protocols/nmea"
)

// nmea checks the sentences and where the channels come from.
func (c *checker) nmea() {
	p, path := c.t.Protocol.NMEA, at("protocol", "nmea")
	if p.Max < 0 || p.Max > 0 && (p.Max < 16 || p.Max > 1<<16) {
		c.bad("bad_range", "16 to 65536; the standard's own limit is 82", append(path, "max"), "max %d", p.Max)
	} else if _, err := newNMEACodec(c.t); err != nil {
		c.bad("bad_value", "", path, "%s", err)
	}
	for i, s := range p.Sentences {
		if !isSentence(s) {
			c.bad("bad_value", "its type without the talker: `RMC` for $GPRMC", at("protocol", "nmea", "sentences", i), "`%s` is no type of sentence", s)
		}
	}
	for i := range c.t.Channels {
		c.nmeaField(c.t.Channels[i].from(), at("channels", i, "from"))
	}
	if c.t.Time != nil {
		c.nmeaField(c.t.Time.From, at("time", "from"))
	}
	if c.t.Count != nil {
		c.bad("bad_value", "leave it out", at("count"), "sentences are not numbered")
	}
	if len(c.t.Polls) > 0 {
		c.bad("bad_value", "sentences come by themselves; what has to be asked for once is asked under `connect: {steps: ...}`", at("polls"), "this protocol has no polls")
	}
}

// nmeaField checks a name such as GGA.latitude, XDR.Barometer or XYZ.3.
func (c *checker) nmeaField(from string, path []any) {
	typ, field, _ := strings.Cut(from, ".")
	all, own := []string{nmeaWind}, []string(nil)
	if typ == "MWV" {
		own = append(own, nmeaWind)
	}
	for _, k := range nmea.Known() {
		all = append(all, k.Name)
		if strings.HasPrefix(k.Name, typ+".") {
			own = append(own, k.Name)
		}
	}
	listed := c.t.Protocol.NMEA.Sentences
	switch {
	case oneOf(from, all...), typ == "XDR" && field != "", len(own) == 0 && isSentence(typ) && isOrdinal(field):
		if len(listed) > 0 && !oneOf(typ, listed...) {
			c.bad("unknown_field", "add `"+typ+"` to `sentences:`", path, "sentences of type %s are not among those that matter", typ)
		}
	case len(own) > 0:
		c.bad("unknown_field", c.choose(from, own...), path, "%s has no field `%s`", typ, from)
	default:
		hint := c.choose(from, all...)
		if strings.HasPrefix(hint, "one of") { // a hundred names help nobody
			hint = "a name such as GGA.latitude, or the type and the number of the field: XYZ.3"
		}
		c.bad("unknown_field", hint, path, "no sentence has a field `%s`", from)
	}
}

// nmeaSends checks that the printed parts of a message can be a sentence.
func (c *checker) nmeaSends(s *Send, path []any) {
	if s.pattern == nil || len(s.Parts) == 0 {
		return
	}
	if head := s.Parts[0].Text; strings.HasPrefix(head, "$") || strings.HasPrefix(head, "!") {
		c.bad("bad_value", "write `"+head[1:]+"`: the `$` and the checksum are added", append(path, "parts", 0), "the parts are what stands between `$` and `*`")
	}
}

// isSentence says whether s can be a sentence's type: capitals and digits.
func isSentence(s string) bool {
	if len(s) == 0 || len(s) > 14 {
		return false
	}
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// isOrdinal says whether s numbers a field, from 1.
func isOrdinal(s string) bool {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
