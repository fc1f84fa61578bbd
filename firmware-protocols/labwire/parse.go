package labwire

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// parser reads a dictionary line by line.
type parser struct {
	d     *Dictionary
	n     int // line
	words [maxWords]word
	count int
	texts *Texts // of the last item, for lines of other languages
	help  *Texts
	err   error
}

// word is one part of a line.
type word struct {
	text   []byte
	quoted bool
}

// ParseDictionary reads what the chunks of a dictionary make when joined. It
// takes nothing that Check refuses.
func ParseDictionary(text []byte) (*Dictionary, error) {
	if len(text) > MaxDictionary {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrDictionary, len(text), MaxDictionary)
	}
	p := &parser{d: &Dictionary{}}
	for len(text) > 0 {
		line, rest, found := bytes.Cut(text, []byte("\n"))
		p.n++
		if text = rest; !found {
			p.fail("the last line has no end")
		}
		if p.split(line); p.err == nil {
			p.line()
		}
		if p.err != nil {
			return nil, p.err
		}
	}
	if p.n < 2 {
		return nil, fmt.Errorf("%w: it is empty", ErrDictionary)
	}
	if err := p.d.Check(); err != nil {
		return nil, err
	}
	return p.d, nil
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: line %d: %s", ErrDictionary, p.n, fmt.Sprintf(format, args...))
	}
}

// split cuts a line at single blanks; "quoted words" may hold blanks, not quotes.
func (p *parser) split(line []byte) {
	p.count = 0
	if !plain(line) || bytes.IndexByte(line, '\t') >= 0 {
		p.fail("control characters, or no UTF-8")
		return
	}
	for {
		var w word
		if len(line) > 0 && line[0] == '"' {
			end := bytes.IndexByte(line[1:], '"')
			if end < 0 {
				p.fail("a quote is not closed")
				return
			}
			w = word{line[1 : end+1], true}
			line = line[end+2:]
		} else {
			end := bytes.IndexByte(line, ' ')
			if end < 0 {
				end = len(line)
			}
			w = word{line[:end], false}
			line = line[end:]
			if len(w.text) == 0 || bytes.IndexByte(w.text, '"') >= 0 {
				p.fail("words are parted by one blank; quotes stand around whole words")
				return
			}
		}
		if p.count == maxWords {
			p.fail("more than %d words", maxWords)
			return
		}
		p.words[p.count] = w
		p.count++
		if len(line) == 0 {
			return
		}
		if line[0] != ' ' {
			p.fail("no blank behind a quote")
			return
		}
		line = line[1:]
	}
}

// want checks the words behind the first against a form: i an id, q quoted text,
// d a decimal, n a whole number, w a word.
func (p *parser) want(form string) bool {
	if p.count-1 != len(form) {
		p.fail("%s takes %d words, not %d", p.words[0].text, len(form), p.count-1)
		return false
	}
	for i, f := range form {
		w := p.words[i+1]
		ok := w.quoted == (f == 'q')
		switch f {
		case 'i':
			ok = ok && goodID(string(w.text))
		case 'q':
			ok = ok && len(w.text) <= maxHelp && utf8.Valid(w.text)
		case 'd':
			_, good := parseDecimal(w.text)
			ok = ok && good
		case 'n':
			v, good := parseFixed(w.text, 0)
			ok = ok && good && v >= 0
		}
		if !ok {
			p.fail("%s: word %d: %q", p.words[0].text, i+1, w.text)
			return false
		}
	}
	return true
}

func (p *parser) str(i int) string { return string(p.words[i].text) }

func (p *parser) dec(i int) Decimal {
	d, _ := parseDecimal(p.words[i].text)
	return d
}

func (p *parser) num(i int) int {
	v, _ := parseFixed(p.words[i].text, 0)
	return int(v)
}

// goodID: 1 to 24 of a-z, 0-9, _ and -, starting with a letter.
func goodID(s string) bool {
	if len(s) == 0 || len(s) > maxID || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
