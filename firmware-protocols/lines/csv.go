package lines

import (
	"bytes"
	"math"
)

// csvLine decodes one row. A row of words before the first values is the header.
func (d *Decoder) csvLine(b []byte, emit func(*Record)) {
	d.fields, d.scratch, d.why = d.fields[:0], d.scratch[:0], ""
	words, empty, ok := d.csvFields(b)
	switch {
	case !ok:
		if d.why == "" {
			d.why = "broken quotes"
		}
	case words > 0 && words == len(d.fields):
		if d.cols.header(d.fields) {
			d.labels(b, emit)
			return
		}
		d.why = "words only"
	case words > 0 && words+empty == len(d.fields):
		d.why = "words only"
	case d.cols.fits(len(d.fields)):
		d.cols.name(d.fields)
		d.values(b, false, emit)
		return
	case words == 0: // numbers only: a row that lost some of them
		d.broken(b, "a row with another number of columns", emit)
		return
	default:
		d.why = "another number of columns"
	}
	d.garbage(b, false, d.why, emit)
}

func (d *Decoder) csvFields(b []byte) (words, empty int, ok bool) {
	for i := 0; ; i++ {
		f := nullField()
		for i < len(b) && isSpace(b[i]) && b[i] != d.opt.Separator {
			i++
		}
		quoted := i < len(b) && b[i] == '"'
		if quoted {
			if f.Text, i, ok = d.csvQuoted(b, i+1); !ok {
				return 0, 0, false
			}
			for i < len(b) && isSpace(b[i]) && b[i] != d.opt.Separator {
				i++
			}
		} else {
			n := bytes.IndexByte(b[i:], d.opt.Separator)
			if n < 0 {
				n = len(b) - i
			}
			f.Text = trim(b[i : i+n])
			i += n
		}
		if x, ok := whole(f.Text); ok {
			f.Kind, f.Num = Number, x
			if quoted {
				f.Kind = Text
			} else {
				f.Text = nil
			}
		} else if len(f.Text) > 0 {
			f.Kind, f.NumOK, f.Num = Text, false, 0
			words++
		} else {
			f.Text = nil // an empty column, quoted or not
			empty++
		}
		if !d.push(f) {
			return 0, 0, false
		}
		if i >= len(b) {
			return words, empty, true
		}
		if b[i] != d.opt.Separator {
			return 0, 0, false
		}
	}
}

// csvQuoted reads a field behind its opening quote; two quotes stand for one.
func (d *Decoder) csvQuoted(b []byte, i int) (s []byte, next int, ok bool) {
	n := len(d.scratch)
	for ; i < len(b); i++ {
		if b[i] == '"' {
			if i+1 >= len(b) || b[i+1] != '"' {
				return d.scratch[n:len(d.scratch):len(d.scratch)], i + 1, true
			}
			i++
		}
		d.scratch = append(d.scratch, b[i])
	}
	return nil, 0, false
}

func nullField() Field {
	return Field{Kind: Null, NumOK: true, Num: math.NaN()}
}
