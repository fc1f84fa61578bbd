package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Read takes the next frame from r and checks it. io.EOF: r ended between frames;
// io.ErrUnexpectedEOF: in the middle of one. It reads no byte beyond the frame.
func Read(r io.Reader) ([]byte, error) {
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[12:]))
	if head[0] != magic || size < headerSize || size > MaxSize {
		return nil, fmt.Errorf("%w: size %d", ErrLength, size)
	}
	// Grown as bytes come: a stated size alone takes no memory.
	b := head
	for int64(len(b)) < size {
		part := make([]byte, min(size-int64(len(b)), 64<<10))
		if _, err := io.ReadFull(r, part); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		b = append(b, part...)
	}
	if _, _, err := Parse(b); err != nil {
		return nil, err
	}
	return b, nil
}
