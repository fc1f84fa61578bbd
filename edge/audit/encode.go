package audit

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"labbox/edge"
)

const (
	maxEvent = 8 << 10 // an event's JSON; beyond it its args are cut
	maxArgs  = 4 << 10 // what is kept of them
	maxWord  = 256     // of any other text
)

// appendEvent appends e as JSON, as encoding/json would, at most maxEvent bytes.
func appendEvent(dst []byte, e *edge.Event) []byte {
	at := len(dst)
	dst = appendFields(dst, e, func(dst []byte) []byte { return appendArgs(dst, e.Args) })
	if len(dst)-at <= maxEvent {
		return dst
	}
	args := appendArgs(nil, e.Args)
	short := *e
	short.Box, short.Device, short.Code = clip(e.Box, maxWord), clip(e.Device, maxWord), clip(e.Code, maxWord)
	if a := e.Actor; a != nil {
		short.Actor = &edge.Actor{Seat: clip(a.Seat, maxWord), Name: clip(a.Name, maxWord), Role: edge.Role(clip(string(a.Role), maxWord)),
			Via: clip(a.Via, maxWord)}
	}
	return appendFields(dst[:at], &short, func(dst []byte) []byte {
		n := maxArgs
		for { // escaping makes a text longer
			text, err := json.Marshal(clip(string(args), n))
			if err == nil && len(text) <= maxArgs {
				dst = append(append(dst, `{"cut":`...), text...)
				dst = append(dst, `,"bytes":`...)
				return append(strconv.AppendInt(dst, int64(len(args)), 10), '}')
			}
			n /= 2
		}
	})
}

// clip cuts s to at most n bytes, between runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func appendFields(dst []byte, e *edge.Event, args func([]byte) []byte) []byte {
	dst = appendText(append(dst, `{"box":`...), e.Box)
	dst = appendText(append(dst, `,"device":`...), e.Device)
	dst = strconv.AppendUint(append(dst, `,"seq":`...), e.Seq, 10)
	dst = strconv.AppendInt(append(dst, `,"mono_us":`...), e.MonoUS, 10)
	dst = strconv.AppendInt(append(dst, `,"wall_ms":`...), e.WallMS, 10)
	dst = appendText(append(dst, `,"code":`...), e.Code)
	if a := e.Actor; a != nil {
		dst = appendText(append(dst, `,"actor":{"seat":`...), a.Seat)
		dst = appendText(append(dst, `,"name":`...), a.Name)
		dst = appendText(append(dst, `,"role":`...), string(a.Role))
		dst = append(appendText(append(dst, `,"via":`...), a.Via), '}')
	}
	if len(e.Args) > 0 {
		dst = args(append(dst, `,"args":`...))
	}
	return append(dst, '}')
}

func appendArgs(dst []byte, args map[string]any) []byte {
	var room [16]string
	keys := room[:0]
	for k := range args {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(append(appendText(dst, k), ':'), args[k])
	}
	return append(dst, '}')
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendText(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return appendText(dst, strconv.FormatFloat(v, 'g', -1, 64))
		}
	case edge.Args:
		return appendArgs(dst, values(v))
	case edge.Value:
		if x, ok := v.Number(); ok {
			return appendValue(dst, x)
		}
		return appendText(dst, v.String())
	}
	b, err := json.Marshal(v)
	if err != nil {
		return appendText(dst, "not to be written: "+err.Error())
	}
	return append(dst, b...)
}

func values(args edge.Args) map[string]any {
	m := make(map[string]any, len(args))
	for k, v := range args {
		m[k] = v
	}
	return m
}

func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			b, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
