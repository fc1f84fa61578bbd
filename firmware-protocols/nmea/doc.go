// Package nmea is the codec of NMEA 0183 sentences, as GPS receivers, wind, depth
// and heading sensors print them. It does no I/O: bytes go in as they arrive, in
// chunks of any size, and sentences come out; and it writes sentences and
// proprietary commands. SPEC.md defines it; vectors/ holds cases.
//
//	dec, err := nmea.New(nmea.Options{})
//	...
//	n, err := port.Read(buf)
//	dec.Feed(buf[:n], func(s *nmea.Sentence) {
//		if s.Bad != nmea.Good {
//			return // counted in dec.Stats()
//		}
//		nmea.Values(s, func(name string, number float64, text []byte, isText bool) {
//			// "RMC.latitude", 48.1173 ... s and text end with this call
//		})
//	})
//
//	cmd, err := nmea.Append(nil, "P", "MTK220", "1000") // $PMTK220,1000*1F\r\n
//
// A sentence without a right checksum gives no values; a device that has none is
// declared by [Options.NoChecksum].
//
// Known errors of firmware in the field: sentences longer than the standard's 82
// bytes; LF alone or CR alone as the end; two sentences glued where a byte was
// lost; lower-case checksums; the four-field VTG of old receivers; blanks in
// front of numbers.
//
// Limits: encapsulated sentences (!AIVDM) pass as unknown types, their payload is
// not decoded; the ^hh escapes of text are left as they are; satellites of GSV are
// counted but not listed.
package nmea
