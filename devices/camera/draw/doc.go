// Package draw makes pictures of what is not there: a test pattern with a running clock,
// and the drawing of a simulated device.
//
//	src := draw.NewPattern(draw.Options{Width: 640, Height: 480, RateHz: 15, Clock: clock})
//	src = draw.New(plant, draw.Options{Title: "pendulum", Clock: clock})
//	stream, err := src.Open(ctx)
//	...
//	jpeg, err := stream.Next()
//
// The pattern tells the box's monotonic time twice: in digits, and in a row of blocks
// that ReadClock reads back from a picture that was encoded, scaled or sent:
//
//	64 blocks in two rows of 32, over the whole width, at the lower edge of the picture,
//	each row 1/20 of its height; white is 1. In order, the highest bit first:
//	8 bits 10100101; 40 bits of milliseconds; 16 bits CRC-16 (CCITT, FALSE) of those 5 bytes.
//
// A drawing is painted in 4:2:0 YCbCr, as JPEG keeps it, over a still background that is
// painted once; edges are smoothed by the part of a pixel that they cover.
//
// Known limits: blocks of less than 4 pixels, in pictures below 128x80, do not survive
// JPEG. The letters are ASCII: others lose their accents or become a box.
package draw
