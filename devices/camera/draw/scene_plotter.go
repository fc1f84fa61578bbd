package draw

import (
	"context"
	"time"
)

// plotter is a lamp over a light sensor, and a recorder that draws what it says on a
// strip of paper.
type plotter struct {
	scene
	raw, filtered [plotterDots]float32
	n             int
}

const (
	plotterDots = 120
	plotterFull = 1023
)

func (p *plotter) still(c *canvas) {
	p.bench(c)
	c.shadow(point{220, 74}, point{622, 424}, 18, 16, rgb(0x2a3440).through(0.3))
	c.rounded(point{212, 64}, point{612, 420}, 14, rgb(0x46525e))
	c.box(point{230, 82}, point{594, 386}, rgb(0xfdfcf4))
	for i := range 13 {
		x := 230 + float32(i)*364/12
		c.line(point{x, 82}, point{x, 386}, 1, rgb(0xbfd8c6).through(0.8))
	}
	for i := range 11 {
		y := 82 + float32(i)*30.4
		c.line(point{230, y}, point{594, y}, 1, rgb(0xbfd8c6).through(0.8))
	}
	c.text(p.f, "0..1023", point{230, 408}, 10, left, rgb(0xd6dee6))
	c.line(point{110, 60}, point{110, 130}, 4, rgb(darkColour))
	c.polygon(rgb(darkColour), 3, point{96, 128}, point{124, 128}, point{150, 168}, point{70, 168})
	c.rounded(point{56, 372}, point{164, 424}, 5, rgb(0x0f6b4f))
	c.rounded(point{92, 360}, point{128, 376}, 4, rgb(0xcfd8df))
	c.line(point{164, 398}, point{212, 398}, 4, rgb(darkColour))
}

func (p *plotter) moving(ctx context.Context, c *canvas, now time.Duration) {
	p.look(ctx, now, "raw", "filtered", "light")
	p.raw[p.n%plotterDots], p.filtered[p.n%plotterDots] = float32(p.values[0]), float32(p.values[1])
	p.n++
	glow := float32(min(max(p.values[2]/plotterFull, 0), 1))
	c.polygon(rgb(0xffd34d).through(0.5*glow), 4, point{78, 176}, point{142, 176}, point{176, 362}, point{44, 362})
	c.soft(point{110, 176}, point{110, 176}, 40, 26, rgb(0xfff3b0).through(0.35+0.65*glow))
	c.disc(point{110, 174}, 14, rgb(0xffe27a))
	dot := func(i int, of *[plotterDots]float32) point {
		v := min(max(of[i%plotterDots]/plotterFull, 0), 1)
		return point{594 - float32(p.n-1-i)*364/(plotterDots-1), 386 - 304*v}
	}
	for i := max(1, p.n-plotterDots+1); i < p.n; i++ {
		c.line(dot(i-1, &p.raw), dot(i, &p.raw), 1.2, rgb(blueColour).through(0.5))
	}
	for i := max(1, p.n-plotterDots+1); i < p.n; i++ {
		c.line(dot(i-1, &p.filtered), dot(i, &p.filtered), 2.2, rgb(redColour))
	}
	c.disc(dot(p.n-1, &p.filtered), 5, rgb(redColour))
	p.number(c, 0, p.values[1], 1, "")
	p.foot(c, now)
}
