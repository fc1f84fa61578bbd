package draw

import (
	"context"
	"fmt"
	"image"
	"math"
	"time"

	"labbox/devices/camera/source"
)

// NewPattern returns the test pattern: colour bars, something that moves, and the box's
// monotonic time for people and for ReadClock.
func NewPattern(o Options) source.Source {
	o.defaults()
	return &made{name: "test pattern", opt: o, begin: func() painter { return &pattern{f: newFont()} }}
}

type pattern struct{ f font }

// The colour bars at 75 %, and a row of greys.
var (
	bars  = [...]uint32{0xbfbfbf, 0xbfbf00, 0x00bfbf, 0x00bf00, 0xbf00bf, 0xbf0000, 0x0000bf}
	greys = [...]uint32{0x000000, 0x202020, 0x404040, 0x808080, 0xbfbfbf, 0xe0e0e0, 0xffffff}
)

func (p *pattern) still(c *canvas) {
	stripes := func(top, bottom int, colours []uint32) {
		for i, rgbs := range colours {
			p := rgb(rgbs)
			r := image.Rect(i*c.Rect.Dx()/len(colours), top, (i+1)*c.Rect.Dx()/len(colours), bottom)
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					c.Y[c.YOffset(x, y)] = uint8(p.y)
					j := c.COffset(x, y)
					c.Cb[j], c.Cr[j] = uint8(p.cb), uint8(p.cr)
				}
			}
		}
	}
	h := c.Rect.Dy()
	stripes(0, h*3/5, bars[:])
	stripes(h*3/5, h*3/4, greys[:])
	grey := []uint32{0x808080}
	stripes(h*3/4, h, grey)
	c.rounded(point{160, 70}, point{480, 250}, 12, rgb(0x101418))
	c.ring(point{240, 160}, 62, 3, rgb(0x5b6b7b))
	for i := range 12 {
		a := float64(i) * math.Pi / 6
		c.line(point{240, 160}.toward(a, 52), point{240, 160}.toward(a, 60), 2, rgb(0x9fb2c4))
	}
}

func (p *pattern) moving(_ context.Context, c *canvas, now time.Duration) {
	turn := math.Pi - 2*math.Pi*math.Mod(now.Seconds(), 1) // one a second, as a clock turns
	m := point{240, 160}
	for i := 6; i >= 0; i-- {
		c.line(m, m.toward(turn+float64(i)*0.12, 50), 5, rgb(0xffb000).through(1/float32(1+i)))
	}
	c.disc(m, 6, rgb(0xffffff))
	white := rgb(0xffffff)
	c.text(p.f, clockText(now), point{316, 150}, 22, left, white)
	c.text(p.f, fmt.Sprintf(".%03d s", now.Milliseconds()%1000), point{316, 188}, 22, left, rgb(0xffb000))
	// A ball runs over the greys, there and back in four seconds.
	x := float32(math.Abs(math.Mod(now.Seconds(), 4)-2) / 2)
	c.disc(point{30 + 580*x, 324}, 22, rgb(0xd03030))
	c.drawClock(now)
}

// clockText is h:mm:ss.
func clockText(t time.Duration) string {
	s := int(t / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
