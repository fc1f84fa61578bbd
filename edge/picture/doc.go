// Package picture carries the pictures of cameras: a stream of bytes becomes JPEGs
// (Reader), JPEGs become a multipart answer (Writer), and the newest one is handed to
// any number of viewers, none of whom can hold another (Latest).
//
//	var l picture.Latest
//	go func() { for { p, err := r.Next(); ...; l.Put(p) } }()
//	for seen := uint64(0); ; seen = p.Seq {
//		p, err := l.Next(ctx, seen) // skips what has come and gone meanwhile
//		...
//	}
//
// A picture's dimensions are read from its frame header (ITU-T T.81, B.2.2); the parts
// of a stream are those of RFC 2046 with the x-mixed-replace subtype that browsers
// know.
package picture
