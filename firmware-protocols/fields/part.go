package fields

// Part is one part of a message: a constant text, or a typed field. In a type
// file a bare text stands for {text: ...}.
type Part struct {
	// Text is a constant: these bytes, compared exactly. In double quotes YAML
	// takes "\x02" for a byte, up to "\x7f".
	Text string `yaml:"text"`
	// Hex is a constant given as bytes: "AA 55".
	Hex string `yaml:"hex"`
	// Encoding says how the texts of the part become bytes where they are not
	// ASCII: latin-1 (each character up to "\xff" is one byte) or utf-8.
	Encoding string `yaml:"encoding"`
	// Field names the value. Receiving gives it, sending takes it.
	Field string `yaml:"field"`
	// Skip reads a value and drops it; sending writes Default.
	Skip bool `yaml:"skip"`
	// As is the kind: number (default), exponent, mantissa, int, auto, hex, octal,
	// binary, text, word, chars, blanks, choice, bits, u8 to u64, i8 to i64, f32,
	// f64, bcd, time, regex, block. With Checksum: binary, hex, decimal, nibbles.
	As string `yaml:"as"`

	// Decimals is how many decimals are printed; without it as many as the value
	// needs. For mantissa the number of its digits.
	Decimals *int `yaml:"decimals"`
	// Width is the exact width in bytes, padding included.
	Width int `yaml:"width"`
	// MinWidth is the width that printing pads to; reading takes any.
	MinWidth int `yaml:"min_width"`
	// MaxWidth is how many bytes are read at most, and printed at most.
	MaxWidth int `yaml:"max_width"`
	// Pad is the byte that fills Width or MinWidth: " " (default for numbers), "0"
	// (default for hex, octal and binary) or any other. A text has none by default.
	Pad string `yaml:"pad"`
	// Align is right (default for numbers) or left (default for texts).
	Align string `yaml:"align"`
	// Sign is always (+ before positive numbers), blank (a blank before them) or
	// apart (always a sign, padding blanks stand between it and the digits).
	Sign string `yaml:"sign"`
	// Signed allows negative values: hex, octal and binary with a minus; bcd with
	// the sign in the upper half of its first byte.
	Signed bool `yaml:"signed"`
	// Point is the decimal point: "." (default) or ",".
	Point string `yaml:"point"`
	// Upper prints hexadecimal digits and the exponent's E in upper case. Both
	// cases are read.
	Upper bool `yaml:"upper"`
	// Digits are the two characters of as: binary, zero first; default "01".
	Digits string `yaml:"digits"`
	// Blanks says whether blanks and tabs before the value are skipped; default
	// true for numbers in text and for word, else false.
	Blanks *bool `yaml:"blanks"`
	// SCPI reads 9.91E37 as no number and 9.9E37 as infinity, and prints them so.
	SCPI bool `yaml:"scpi"`

	// Order is big (default) or little: which byte of a raw value comes first. For
	// as: binary, little puts the lowest bit first.
	Order string `yaml:"order"`
	// Size is the number of bytes of a bcd value.
	Size int `yaml:"size"`
	// Scale and Offset: value = raw*scale + offset, in both directions.
	Scale float64 `yaml:"scale"`
	// Offset is added after scaling.
	Offset float64 `yaml:"offset"`

	// Default is the value where reading fails, and where none is given to send.
	Default any `yaml:"default"`
	// Equals must be the value, else the message is another one; it is what is
	// sent. "$name" means the value of that field or parameter, as it is printed.
	Equals any `yaml:"equals"`

	// Choices are the words of as: choice.
	Choices []Choice `yaml:"choices"`
	// AnyCase reads choices without regard to upper and lower case.
	AnyCase bool `yaml:"any_case"`
	// Of is the kind that stands below: of the wires of a choice, of the integer
	// that holds bits, of the elements in a block, of the bytes written as hex.
	Of string `yaml:"of"`
	// Bits are the fields within the integer.
	Bits []Bit `yaml:"bits"`
	// Set are the characters of as: chars, such as "A-Za-z0-9_"; "^" in front means
	// all others.
	Set string `yaml:"set"`
	// Pattern is a regular expression (RE2), matched where the part begins.
	Pattern string `yaml:"pattern"`
	// Fields names the groups of Pattern in order; "" skips one.
	Fields []string `yaml:"fields"`
	// Layout writes a time with YYYY YY MM MMM DD hh mm ss s A z; see SPEC.md.
	Layout string `yaml:"layout"`

	// Checksum names an algorithm; the part is the sum of the bytes before it.
	Checksum string `yaml:"checksum"`
	// From is how many bytes at the begin of the message are not summed.
	From int `yaml:"from"`
	// Until is how many bytes before the checksum are not summed.
	Until int `yaml:"until"`

	// List is the element of an array; its Field names the array.
	List *Part `yaml:"list"`
	// Separator stands between the elements of a list.
	Separator string `yaml:"separator"`
	// Count is the exact number of elements; 0: any.
	Count int `yaml:"count"`
	// Most is the greatest number of elements, default 4096.
	Most int `yaml:"most"`
}

// Choice is one word of a choice. In a type file a bare text stands for an ID
// that is also the wire.
type Choice struct {
	// ID is the value's name.
	ID string `yaml:"id"`
	// Wire is what stands on the line, default the ID; a number with Part.Of.
	Wire any `yaml:"wire"`
	// Hex is the wire given as bytes: "AA 55".
	Hex string `yaml:"hex"`
	// Value is the number that goes with it; default its place in the list, from 0.
	Value *float64 `yaml:"value"`
}

// Bit is a field of Size bits within an integer, its lowest bit at At.
type Bit struct {
	// Field names the value.
	Field string `yaml:"field"`
	// At is the place of the lowest bit, 0 to 63.
	At int `yaml:"at"`
	// Size is the number of bits, default 1.
	Size int `yaml:"size"`
	// Signed reads the bits as two's complement.
	Signed bool `yaml:"signed"`
	// Default is what is sent where no value is given; default 0.
	Default float64 `yaml:"default"`
}

// UnmarshalYAML lets a bare text stand for a constant. It is found by its shape;
// no YAML library is imported.
func (p *Part) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err == nil {
		*p = Part{Text: s}
		return nil
	}
	type plain Part
	var q plain
	if err := unmarshal(&q); err != nil {
		return err
	}
	*p = Part(q)
	return nil
}

// UnmarshalYAML lets a bare text stand for {id: ...}.
func (d *Choice) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err == nil {
		*d = Choice{ID: s}
		return nil
	}
	type plain Choice
	var q plain
	if err := unmarshal(&q); err != nil {
		return err
	}
	*d = Choice(q)
	return nil
}
