package draw

import (
	"image"
	"image/color"
	"math"
)

// canvas is a picture that is painted on in coordinates of a 640x480 sheet, which lies
// in its middle.
type canvas struct {
	*image.YCbCr
	k, dx, dy float32 // pixel = k*sheet + d
}

// The sheet.
const (
	sheetWidth  = 640
	sheetHeight = 480
)

func newCanvas(width, height int) *canvas {
	c := &canvas{YCbCr: image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)}
	c.k = min(float32(width)/sheetWidth, float32(height)/sheetHeight)
	c.dx, c.dy = (float32(width)-c.k*sheetWidth)/2, (float32(height)-c.k*sheetHeight)/2
	return c
}

// paste copies a whole other canvas of the same size.
func (c *canvas) paste(from *canvas) {
	copy(c.Y, from.Y)
	copy(c.Cb, from.Cb)
	copy(c.Cr, from.Cr)
}

// point is a place on the sheet.
type point struct{ x, y float32 }

func (c *canvas) at(p point) point { return point{c.k*p.x + c.dx, c.k*p.y + c.dy} }

func (p point) plus(dx, dy float32) point { return point{p.x + dx, p.y + dy} }

// toward is the place at a distance; 0 is down, a quarter turn is right.
func (p point) toward(angle float64, distance float32) point {
	s, c := math.Sincos(angle)
	return point{p.x + distance*float32(s), p.y + distance*float32(c)}
}

// paint is a colour and how much it covers, 0 to 1.
type paint struct {
	y, cb, cr float32
	alpha     float32
}

// rgb is the opaque paint 0xRRGGBB.
func rgb(x uint32) paint {
	y, cb, cr := color.RGBToYCbCr(uint8(x>>16), uint8(x>>8), uint8(x))
	return paint{float32(y), float32(cb), float32(cr), 1}
}

func (p paint) through(alpha float32) paint {
	p.alpha = alpha
	return p
}

// over blends v into a sample.
func over(b *uint8, v, a float32) { *b = uint8(float32(*b) + (v-float32(*b))*a + 0.5) }

// block paints a square of 2x2 pixels, which share their colour, with the parts that
// are covered of each.
func (c *canvas) block(x, y int, p *paint, a [4]float32) {
	i := c.YOffset(x, y)
	over(&c.Y[i], p.y, a[0]*p.alpha)
	right, below := x+1 < c.Rect.Max.X, y+1 < c.Rect.Max.Y
	if right {
		over(&c.Y[i+1], p.y, a[1]*p.alpha)
	}
	if below {
		over(&c.Y[i+c.YStride], p.y, a[2]*p.alpha)
		if right {
			over(&c.Y[i+c.YStride+1], p.y, a[3]*p.alpha)
		}
	}
	m := (a[0] + a[1] + a[2] + a[3]) / 4 * p.alpha
	i = c.COffset(x, y)
	over(&c.Cb[i], p.cb, m)
	over(&c.Cr[i], p.cr, m)
}

// cover paints the pixels from lo to hi by the part that is covered at their middle.
func (c *canvas) cover(lo, hi point, p paint, part func(x, y float32) float32) {
	c.rows(lo.y, hi.y, func(y int) {
		c.row(y, lo.x, hi.x, &p, part)
	})
}

// rows calls f for each pair of rows between.
func (c *canvas) rows(from, to float32, f func(y int)) {
	y1 := min(int(to)+1, c.Rect.Max.Y-1)
	for y := max(int(from)-1, 0) &^ 1; y <= y1; y += 2 {
		f(y)
	}
}

func (c *canvas) row(y int, from, to float32, p *paint, part func(x, y float32) float32) {
	x1 := min(int(to)+1, c.Rect.Max.X-1)
	fy := float32(y) + 0.5
	for x := max(int(from)-1, 0) &^ 1; x <= x1; x += 2 {
		fx := float32(x) + 0.5
		a := [4]float32{part(fx, fy), part(fx+1, fy), part(fx, fy+1), part(fx+1, fy+1)}
		if a != [4]float32{} {
			c.block(x, y, p, a)
		}
	}
}
