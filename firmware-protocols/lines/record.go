package lines

// Kind says what a record is.
type Kind uint8

// The kinds of records.
const (
	Values   Kind = iota // one report or reply: Fields hold its values
	Labels               // a header line: Fields hold its labels as Key and Text
	Garbage              // text or bytes outside the format: only Raw counts
	Overlong             // a line over MaxLine was dropped: Raw is its first 64 bytes at most
)

func (k Kind) String() string {
	return [...]string{"values", "labels", "garbage", "overlong"}[k&3]
}

// Record is one report, reply, header or piece of garbage. A line may hold
// several.
type Record struct {
	Fields []Field
	Raw    []byte // the record's own bytes: the line without terminator and outer blanks, or the record's part of a glued line
	Kind   Kind
	Glued  bool   // the line holds more than this record
	Plain  bool   // Garbage only: readable text that does not look like a broken record, fit for an event log
	Why    string // Garbage only: what was wrong, for people
}

// Get returns the field with that key; where a device repeats a key in one
// record, the last one.
func (r *Record) Get(key string) (Field, bool) {
	for i := len(r.Fields) - 1; i >= 0; i-- {
		if string(r.Fields[i].Key) == key {
			return r.Fields[i], true
		}
	}
	return Field{}, false
}

// FieldKind is the type of a field's value.
type FieldKind uint8

// The kinds of fields.
const (
	Number      FieldKind = iota // Num, which may be NaN or an infinity
	Text                         // Text; Num too where the text is a number
	Bool                         // Num is 1 or 0
	Null                         // null or an empty column: Num is NaN
	NumberArray                  // Array; null elements are NaN
	Mixed                        // an array of anything else: Text is its source
)

func (k FieldKind) String() string {
	names := [...]string{"number", "text", "bool", "null", "array", "mixed"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Field is one value of a record.
type Field struct {
	Key   []byte // nested keys are joined by '.', unnamed columns are "0", "1", ...
	Kind  FieldKind
	NumOK bool // Num holds the value: Number, Bool, Null, and Text that is a number ("250.2")
	Num   float64
	Text  []byte // not checked to be UTF-8
	Array []float64
}

// Stats counts since New. Reset does not clear them.
type Stats struct {
	Bytes    uint64 // fed
	Lines    uint64 // ended lines that were looked at, empty and overlong ones included
	Records  uint64 // of kind Values
	Garbage  uint64 // records of kind Garbage
	Overlong uint64 // lines dropped for their length
	Skipped  uint64 // first partial lines discarded by SkipFirst
}
