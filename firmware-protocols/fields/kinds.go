package fields

import "strings"

// Keys that parts share.
const (
	keysWidth  = " width min_width max_width pad align blanks"
	keysNumber = keysWidth + " sign scale offset"
)

// takes lists the keys that each kind takes, besides field, skip, as, default
// and equals.
func takes(kind string) string {
	switch kind {
	case "number", "exponent":
		return keysNumber + " decimals point upper scpi"
	case "mantissa":
		return keysNumber + " decimals"
	case "int", "auto":
		return keysNumber
	case "hex":
		return keysNumber + " upper signed of order"
	case "octal":
		return keysNumber + " signed"
	case "binary":
		return keysNumber + " signed digits order"
	case "text", "word":
		return keysWidth
	case "chars":
		return keysWidth + " set"
	case "blanks":
		return ""
	case "choice":
		return keysNumber + " choices any_case of size order upper signed digits"
	case "bits":
		return keysNumber + " of bits order size upper digits"
	case "bcd":
		return " size order signed scale offset"
	case "time":
		return " layout"
	case "regex":
		return " pattern fields max_width"
	case "block":
		return " of order scale offset most"
	}
	if _, ok := rawKind(kind); ok {
		return " order scale offset"
	}
	return ""
}

// Kinds lists the kinds that Part.As takes.
func Kinds() []string {
	return strings.Fields("number exponent mantissa int auto hex octal binary text word chars blanks choice bits " +
		"u8 i8 u16 i16 u24 i24 u32 i32 u40 i40 u48 i48 u56 i56 u64 i64 f32 f64 bcd time regex block")
}

// rawKind reads u8 to u64, i8 to i64, f32 and f64.
func rawKind(s string) (raw, bool) {
	switch s {
	case "f32":
		return raw{bytes: 4, float: true, name: "an f32 (4 bytes)"}, true
	case "f64":
		return raw{bytes: 8, float: true, name: "an f64 (8 bytes)"}, true
	}
	for i, bits := range [...]string{"8", "16", "24", "32", "40", "48", "56", "64"} {
		if s == "u"+bits || s == "i"+bits {
			n := [...]string{"1 byte", "2 bytes", "3 bytes", "4 bytes", "5 bytes", "6 bytes", "7 bytes", "8 bytes"}[i]
			return raw{bytes: i + 1, signed: s[0] == 'i', name: s + " (" + n + ")"}, true
		}
	}
	return raw{}, false
}

// given lists the keys that a part sets, besides the common ones.
func (p *Part) given() (keys []string) {
	add := func(set bool, key string) {
		if set {
			keys = append(keys, key)
		}
	}
	add(p.Decimals != nil, "decimals")
	add(p.Width != 0, "width")
	add(p.MinWidth != 0, "min_width")
	add(p.MaxWidth != 0, "max_width")
	add(p.Pad != "", "pad")
	add(p.Align != "", "align")
	add(p.Sign != "", "sign")
	add(p.Signed, "signed")
	add(p.Point != "", "point")
	add(p.Upper, "upper")
	add(p.Digits != "", "digits")
	add(p.Blanks != nil, "blanks")
	add(p.SCPI, "scpi")
	add(p.Order != "", "order")
	add(p.Size != 0, "size")
	add(p.Scale != 0, "scale")
	add(p.Offset != 0, "offset")
	add(len(p.Choices) > 0, "choices")
	add(p.AnyCase, "any_case")
	add(p.Of != "", "of")
	add(len(p.Bits) > 0, "bits")
	add(p.Set != "", "set")
	add(p.Pattern != "", "pattern")
	add(len(p.Fields) > 0, "fields")
	add(p.Layout != "", "layout")
	add(p.From != 0, "from")
	add(p.Until != 0, "until")
	add(p.Separator != "", "separator")
	add(p.Count != 0, "count")
	add(p.Most != 0, "most")
	return keys
}

// only refuses keys that are not in allowed.
func (p *Part) only(allowed, what string) *PartError {
	for _, k := range p.given() {
		if !strings.Contains(allowed+" ", " "+k+" ") {
			return bad(k, CodeKey, "%s does not take %s", what, k)
		}
	}
	return nil
}

// oneOf checks a key with few values; the first is the default.
func oneOf(key, value string, values ...string) *PartError {
	for _, v := range values {
		if value == v || value == "" {
			return nil
		}
	}
	return bad(key, CodeRange, "%q is none of %s", value, strings.Join(values, ", "))
}
