package fields

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bytes gives the bytes that a text of a type file stands for. YAML makes the
// character U+00AA of "\xAA", which is two bytes in UTF-8 and one in Latin-1: a
// text that is not ASCII needs encoding utf-8 or latin-1. A Go string that is no
// UTF-8 is bytes already. The error is for people and wraps ErrPart.
func Bytes(text, encoding string) ([]byte, error) {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain || !utf8.ValidString(text) {
		return []byte(text), nil
	}
	switch encoding {
	case "utf-8":
		return []byte(text), nil
	case "latin-1":
		b := make([]byte, 0, len(text))
		for _, r := range text {
			if r > 0xff {
				return nil, fmt.Errorf("%w: %q is no character of latin-1", ErrPart, r)
			}
			b = append(b, byte(r))
		}
		return b, nil
	}
	return nil, fmt.Errorf(`%w: %q can be read as bytes in two ways: give hex: "AA 55", or encoding: latin-1 (one byte a character) or utf-8`, ErrPart, text)
}

// Hex reads "AA 55" or "aa55".
func Hex(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf(`%w: %q is no bytes in hexadecimal, such as "AA 55"`, ErrPart, s)
	}
	return b, nil
}

// encode puts the bytes of a part's texts in their place.
func (c *compiler) encode(p *Part) *PartError {
	encoding := p.Encoding
	if encoding == "" {
		encoding = c.o.Encoding
	}
	if err := oneOf("encoding", encoding, "utf-8", "latin-1"); err != nil {
		return err
	}
	if p.Text != "" && p.Hex != "" {
		return bad("hex", CodeMixed, "text and hex cannot stand in one part")
	}
	if p.Hex != "" {
		b, err := Hex(p.Hex)
		if err != nil {
			return bad("hex", CodeRange, "%s", hint(err))
		}
		p.Text, p.Hex = string(b), ""
	} else if err := encodeTo(&p.Text, "text", encoding); err != nil {
		return err
	}
	for _, k := range []struct {
		s   *string
		key string
	}{{&p.Separator, "separator"}, {&p.Pad, "pad"}, {&p.Digits, "digits"}, {&p.Set, "set"}} {
		if err := encodeTo(k.s, k.key, encoding); err != nil {
			return err
		}
	}
	if len(p.Choices) == 0 {
		return nil
	}
	p.Choices = append([]Choice(nil), p.Choices...)
	for i := range p.Choices {
		if err := p.Choices[i].encode(encoding, p.Of); err != nil {
			return err
		}
	}
	return nil
}

func (d *Choice) encode(encoding, of string) *PartError {
	if d.Hex != "" {
		b, err := Hex(d.Hex)
		switch {
		case err != nil:
			return bad("choices", CodeRange, "%s", hint(err))
		case d.Wire != nil || of != "":
			return bad("choices", CodeMixed, "choice %q: hex stands beside neither wire nor of", d.ID)
		case d.ID == "":
			return bad("choices", CodeMissing, "a choice with hex needs an id")
		}
		d.Wire = string(b)
		return nil
	}
	if d.Wire == nil && of == "" {
		d.Wire = d.ID
	}
	s, ok := d.Wire.(string)
	if !ok {
		return nil
	}
	if d.ID == "" {
		d.ID = s
	}
	if err := encodeTo(&s, "choices", encoding); err != nil {
		return err
	}
	d.Wire = s
	return nil
}

func encodeTo(s *string, key, encoding string) *PartError {
	b, err := Bytes(*s, encoding)
	if err != nil {
		return bad(key, CodeEncoding, "%s", hint(err))
	}
	*s = string(b)
	return nil
}

func hint(err error) string { return strings.TrimPrefix(err.Error(), ErrPart.Error()+": ") }
