package picture

import (
	"io"
	"strconv"

	"labbox/edge"
)

// boundary between the pictures of a stream that we send.
const boundary = "labbox-picture"

// ContentType is that of a stream of pictures.
const ContentType = "multipart/x-mixed-replace; boundary=" + boundary

// Headers of a part, and of a single picture, that tell when it was taken.
const (
	HeaderTime = "Lab-Time-Us" // edge.Picture.At in microseconds
	HeaderWall = "Lab-Wall-Ms"
	HeaderSeq  = "Lab-Seq"
)

// AppendPart adds one part of a stream to b: boundary, headers, the JPEG and the end of
// the line after it.
func AppendPart(b []byte, p *edge.Picture) []byte {
	b = append(b, "--"+boundary+"\r\nContent-Type: image/jpeg\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(p.JPEG)), 10)
	b = append(b, "\r\n"+HeaderTime+": "...)
	b = strconv.AppendInt(b, p.At.Microseconds(), 10)
	b = append(b, "\r\n"+HeaderWall+": "...)
	b = strconv.AppendInt(b, p.WallMS, 10)
	b = append(b, "\r\n"+HeaderSeq+": "...)
	b = strconv.AppendUint(b, p.Seq, 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, p.JPEG...)
	return append(b, "\r\n"...)
}

// Write sends one part with a single call of w.Write; *buf is scratch space that grows.
func Write(w io.Writer, buf *[]byte, p *edge.Picture) error {
	*buf = AppendPart((*buf)[:0], p)
	_, err := w.Write(*buf)
	return err
}
