package scpi

import (
	"bytes"
	"fmt"
)

// IDN is the answer to *IDN?. A field that the instrument does not tell ("0" by
// IEEE 488.2) is empty.
type IDN struct {
	Manufacturer, Model, Serial, Firmware string
}

// ParseIDN reads the answer to *IDN?: four fields divided by commas. The last one may
// hold commas. Two fields and more are accepted, and quotes around the whole or a
// field.
func ParseIDN(raw []byte) (IDN, error) {
	b := trimRight(trimLeft(raw))
	if len(b) > 1 && b[0] == '"' && quoted(b) == len(b) && closed(b) {
		b = b[1 : len(b)-1]
	}
	parts := bytes.SplitN(b, []byte(","), 4)
	if len(parts) < 2 || len(b) > 512 {
		return IDN{}, fmt.Errorf("%w: no identification: %.80q", ErrReply, raw)
	}
	var f [4]string
	for i, p := range parts {
		p = bytes.Trim(p, " \t\r\n\"")
		for _, c := range p {
			if c < ' ' || c == 0x7f {
				return IDN{}, fmt.Errorf("%w: no identification: %.80q", ErrReply, raw)
			}
		}
		if f[i] = string(p); f[i] == "0" {
			f[i] = ""
		}
	}
	return IDN{f[0], f[1], f[2], f[3]}, nil
}
