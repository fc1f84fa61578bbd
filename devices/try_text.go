package devices

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"labbox/firmware-protocols/lines"
)

// plainNumber is a number in text; one behind a letter is part of a name.
var plainNumber = regexp.MustCompile(`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`)

// shape is a kind of line: constant texts with numbers between them.
type shape struct {
	consts  []string // one more than numbers
	rows    [][]float64
	example string
}

// guessText makes messages of lines that repeat with other numbers in them; nil
// where none does.
func guessText(b []byte, baud int) *Guess {
	end := "\n"
	switch {
	case bytes.Contains(b, []byte("\r\n")):
		end = "\r\n"
	case !bytes.Contains(b, []byte("\n")):
		end = "\r"
	}
	rows := strings.Split(string(b), end)
	if len(rows) < 4 {
		return nil
	}
	shapes := map[string]*shape{}
	var order []*shape
	for _, row := range rows[1 : len(rows)-1] { // the ends may be halves
		if row = strings.Trim(row, "\r\n"); row == "" {
			continue
		}
		consts, nums := dissect(row)
		key := strings.Join(consts, "\x00")
		if shapes[key] == nil {
			shapes[key] = &shape{consts: consts, example: row}
			order = append(order, shapes[key])
		}
		shapes[key].rows = append(shapes[key].rows, nums)
	}
	var best *shape
	for _, s := range order {
		if len(s.consts) > 1 && len(s.rows) >= 2 && isASCII(s.example) && (best == nil || len(s.rows) > len(best.rows)) {
			best = s
		}
	}
	if best == nil {
		return nil
	}
	return best.guess(end, baud, order)
}

// dissect parts a line into its numbers and what stands between them. Blanks
// before a number are its padding.
func dissect(row string) (consts []string, nums []float64) {
	at := 0
	for _, m := range plainNumber.FindAllStringIndex(row, -1) {
		if from := m[0]; from > 0 && isLetterOf(row[from-1]) || m[1] < len(row) && isLetterOf(row[m[1]]) && row[m[1]-1] == '.' {
			continue
		}
		x, err := strconv.ParseFloat(row[m[0]:m[1]], 64)
		if err != nil || m[0] < at {
			continue
		}
		between := strings.TrimRight(row[at:m[0]], " \t")
		if between == "" && len(nums) > 0 && m[0] > at { // only blanks part the two
			between = row[at : at+1]
		}
		consts = append(consts, between)
		nums = append(nums, x)
		at = m[1]
	}
	return append(consts, row[at:]), nums
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' })
}

func isLetterOf(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// guess writes the skeleton of a device that prints such lines.
func (s *shape) guess(end string, baud int, all []*shape) *Guess {
	sk := newSketch("messages", baud)
	sk.lines = len(s.rows)
	var names, parts []string
	used := map[string]bool{}
	for i := range s.consts {
		if c := s.consts[i]; c != "" {
			parts = append(parts, strconv.Quote(c))
		}
		if i == len(s.consts)-1 {
			break
		}
		name := fieldName(s.consts[i])
		for k, base := 2, name; used[name]; k++ {
			name = fmt.Sprint(base, k)
		}
		used[name] = true
		names = append(names, name)
		parts = append(parts, fmt.Sprintf("{field: %s}", yamlWord(name)))
	}
	for _, row := range s.rows {
		for i, x := range row {
			sk.add(&lines.Field{Key: []byte(names[i]), Kind: lines.Number, NumOK: true, Num: x})
		}
	}
	g := sk.guess(fmt.Sprintf("messages: {in: {end: %s}, receive: [{id: report, parts: [%s]}]}", strconv.Quote(end), strings.Join(parts, ", ")), clip([]byte(s.example)))
	var b strings.Builder
	for _, o := range all {
		if o != s {
			fmt.Fprintf(&b, "# also seen (%d): %s\n", len(o.rows), clip([]byte(o.example)))
		}
	}
	g.Skeleton += b.String()
	return g
}

// fieldName is the word before a number: T of "T=".
func fieldName(before string) string {
	before = strings.TrimRight(before, " \t=:,;#")
	from := len(before)
	for from > 0 && (isLetterOf(before[from-1]) || before[from-1] >= '0' && before[from-1] <= '9') {
		from--
	}
	name := strings.Trim(strings.ToLower(before[from:]), "_0123456789")
	if name == "" || len(name) > 24 {
		return "value"
	}
	return name
}
