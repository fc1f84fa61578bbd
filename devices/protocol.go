package devices

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/floats"
	"labbox/firmware-protocols/lines"
)

// codec binds one wire protocol to one device type. It is used by one reader
// (feed, reset); encode is safe for concurrent use.
type codec interface {
	// feed calls emit for each record in p; the record is valid only during the
	// call. An error means that device and type file disagree (contract).
	feed(p []byte, kind transport.Kind, emit func(*lines.Record)) error
	// encode appends one message with its placeholders filled.
	// It says how the answer is known: r is the declared one, nil for none.
	encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error)
	reset()
}

// sorter is a codec whose messages do not say what they are: one that nobody
// awaited as an answer is given its fields by sort, or stays garbage.
type sorter interface{ sort(r *lines.Record) }

// scattered says that the channels come in messages of several kinds, or are
// asked for one by one.
func (t *Type) scattered() bool {
	p := t.Protocol
	return p.Lines == nil && p.Floats == nil || len(t.Polls) > 0
}

// mute says that a device only answers: it says nothing by itself, and is not
// asked for values. That it is the right one its answers at the start tell.
func (t *Type) mute() bool {
	m := t.Protocol.Messages
	return m != nil && len(m.Receive)+len(t.Polls) == 0 && len(t.Connect.Identify) > 0
}

func newCodec(t *Type) (codec, error) {
	switch p := t.Protocol; {
	case p.Floats != nil:
		return newFloatsCodec(p.Floats), nil
	case p.Messages != nil:
		return newMessagesCodec(t)
	case p.SCPI != nil:
		return newSCPICodec(t)
	case p.Modbus != nil:
		return newModbusCodec(t)
	case p.Firmata != nil:
		return newFirmataCodec(t)
	case p.Labwire != nil:
		return newLabwireCodec(t), nil
	case p.NMEA != nil:
		return newNMEACodec(t)
	case p.Gcode != nil:
		return newGcodeCodec(t)
	}
	return newLinesCodec(t)
}

func newLinesCodec(t *Type) (codec, error) {
	l := t.Protocol.Lines
	format, err := lines.ParseFormat(l.Format)
	if err != nil {
		return nil, err
	}
	// A port may open in the middle of a line. Half an object is no object; half
	// a row of numbers would look like one.
	o := lines.Options{Format: format, MaxLine: l.MaxLine, Columns: l.Columns, SkipFirst: !t.Connect.Reset && (format == lines.Plotter || format == lines.CSV)}
	if l.Separator != "" {
		o.Separator = l.Separator[0]
	}
	d, err := lines.New(o)
	if err != nil {
		return nil, err
	}
	enc := lines.Encoder{Terminator: l.SendTerminator, MaxLine: l.MaxSend}
	if format == lines.Relaxed {
		enc.Format = lines.Relaxed
	}
	return &linesCodec{dec: d, enc: enc, notes: l.Notes}, nil
}

type linesCodec struct {
	dec   *lines.Decoder
	enc   lines.Encoder
	notes []string
}

func (c *linesCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	if len(c.notes) == 0 {
		c.dec.Feed(p, emit)
		return nil
	}
	c.dec.Feed(p, func(r *lines.Record) {
		for _, n := range c.notes {
			if r.Kind == lines.Garbage && strings.HasPrefix(string(r.Raw), n) {
				r.Plain = true
			}
		}
		emit(r)
	})
	return nil
}

func (c *linesCodec) reset() { c.dec.Reset() }

func (c *linesCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	data, err := c.write(dst, s, args)
	if err != nil {
		return nil, err
	}
	return newOutgoing(data, transport.Text, r, args), nil
}

// newOutgoing is a message whose answer is known by its fields.
func newOutgoing(data []byte, kind transport.Kind, r *Reply, args []argument) *outgoing {
	o := &outgoing{data: data, kind: kind}
	if r != nil {
		o.answer, o.within = &fieldsAnswer{reply: r, args: args}, r.Within
	}
	return o
}

func (c *linesCodec) write(dst []byte, s *Send, args []argument) ([]byte, error) {
	if len(s.JSON) > 0 {
		return c.enc.AppendJSON(dst, sendPairs(s.JSON, args))
	}
	parts := make([]lines.Value, 0, len(s.Text))
	for _, w := range s.Text {
		if strings.HasPrefix(w, "$") {
			parts = append(parts, sendValue(w, args))
		} else {
			parts = append(parts, lines.Lit(w))
		}
	}
	return c.enc.AppendText(dst, parts...)
}

// sendPairs are the members of an object with their placeholders filled.
func sendPairs(m yaml.MapSlice, args []argument) []lines.Pair {
	pairs := make([]lines.Pair, 0, len(m))
	for _, kv := range m {
		pairs = append(pairs, lines.Pair{Key: fmt.Sprint(kv.Key), Value: sendValue(kv.Value, args)})
	}
	return pairs
}

// sendValue is a constant of the type file, or a parameter's value on the wire.
func sendValue(v any, args []argument) lines.Value {
	switch x := v.(type) {
	case string:
		if id, ok := strings.CutPrefix(x, "$"); ok {
			if a, ok := findArg(args, id); ok {
				num, text, isText := a.wire()
				switch {
				case isText:
					return lines.Str(text)
				case a.param.Wire.Decimals != nil:
					return lines.Fixed(num, *a.param.Wire.Decimals)
				case num == float64(int64(num)):
					return lines.Int(int64(num))
				}
				return lines.Float(num)
			}
		}
		return lines.Str(x)
	case bool:
		return lines.Flag(x)
	case yaml.MapSlice:
		return lines.Group(sendPairs(x, args)...)
	}
	x, _ := number(v)
	if x == float64(int64(x)) {
		return lines.Int(int64(x))
	}
	return lines.Float(x)
}

func findArg(args []argument, id string) (argument, bool) {
	for _, a := range args {
		if a.param.ID == id {
			return a, true
		}
	}
	return argument{}, false
}

// floatsCodec makes a record of each binary message; texts are records of
// their own.
type floatsCodec struct {
	fields []string
	hello  string
	vals   []float64
	rec    lines.Record
	keys   [][]byte
}

func newFloatsCodec(f *FloatsProtocol) *floatsCodec {
	c := &floatsCodec{fields: f.Fields, hello: f.Hello}
	for _, name := range f.Fields {
		c.keys = append(c.keys, []byte(name))
	}
	return c
}

func (c *floatsCodec) reset() {}

func (c *floatsCodec) feed(p []byte, kind transport.Kind, emit func(*lines.Record)) error {
	if kind == transport.Text {
		c.rec = lines.Record{Fields: c.rec.Fields[:0], Raw: p, Kind: lines.Garbage, Plain: true, Why: "text"}
		if c.hello != "" && strings.TrimSpace(string(p)) == c.hello {
			c.rec.Kind = lines.Labels
			c.rec.Fields = append(c.rec.Fields, lines.Field{Key: []byte("hello"), Kind: lines.Text, Text: p})
		}
		emit(&c.rec)
		return nil
	}
	vals, err := floats.Decode(c.vals, p, len(c.keys))
	if err != nil {
		var le *floats.LengthError
		if errors.As(err, &le) {
			return edge.Errorf(edge.CodeContract, "%w", err).With("device", le.Bytes/4).With("file", le.Declared).
				WithHint("choose the type whose frame has %d values, or update the firmware", le.Bytes/4)
		}
		return err
	}
	c.vals = vals
	c.rec = lines.Record{Fields: c.rec.Fields[:0], Kind: lines.Values}
	for i, x := range vals {
		c.rec.Fields = append(c.rec.Fields, lines.Field{Key: c.keys[i], Kind: lines.Number, NumOK: true, Num: x})
	}
	emit(&c.rec)
	return nil
}

func (c *floatsCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	key, v := fmt.Sprint(s.JSON[0].Key), s.JSON[0].Value
	x, ok := number(v)
	if w, isText := v.(string); isText {
		if a, found := findArg(args, strings.TrimPrefix(w, "$")); found {
			x, _, isText = a.wire()
			ok = !isText
		} else if f, err := strconv.ParseFloat(w, 64); err == nil {
			x, ok = f, true
		}
	}
	if !ok {
		return nil, edge.Errorf(edge.CodeBadValue, "%v is no number", v)
	}
	data, err := floats.AppendCommand(dst, key, x)
	if err != nil {
		return nil, err
	}
	return newOutgoing(data, transport.Text, r, args), nil
}
