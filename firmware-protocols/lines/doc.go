// Package lines turns the text lines that teaching-lab firmware prints into
// records of keys and values, and commands into lines. It does no I/O: bytes go
// in as they arrive, in chunks of any size, and records come out.
//
// Four formats: newline JSON, relaxed JSON (unquoted keys, single quotes), the
// lines of the Arduino Serial Plotter, and CSV. SPEC.md defines them; vectors/
// holds cases that the Go decoder and a JavaScript one both pass.
//
//	dec, err := lines.New(lines.Options{Format: lines.JSON, SkipFirst: true})
//	...
//	n, err := port.Read(buf)
//	dec.Feed(buf[:n], func(r *lines.Record) {
//		switch r.Kind {
//		case lines.Values:
//			if f, ok := r.Get("enc"); ok && f.NumOK {
//				angle = f.Num // r and what it points to end with this call
//			}
//		case lines.Garbage:
//			log.Warn("device sent text", "line", string(r.Raw), "plain", r.Plain)
//		}
//	})
//
//	enc := lines.Encoder{Format: lines.JSON, MaxLine: 64}
//	line, err := enc.AppendJSON(nil, []lines.Pair{
//		{Key: "cmd", Value: lines.Str("drive")}, {Key: "param", Value: lines.Int(40)}})
//	// {"cmd":"drive","param":40}\n
//
// One rule decides every doubtful case: a line that may have been cut or glued
// wrongly yields Garbage, never a value.
//
// Known errors of firmware in the field that the decoder lives with: replies
// without a newline, glued to the next report; a zero-width space after "{";
// lines such as {"info","pid"} that are no JSON; repeated keys; nan, inf and ovf
// as Arduino's print writes them; LF CR in place of CR LF; a boot loader's noise
// before the first line.
package lines
