package draw

import (
	"context"
	"math"
	"strconv"
	"time"
)

// calculator is one, from before.
type calculator struct{ scene }

func (p *calculator) still(c *canvas) {
	p.bench(c)
	c.shadow(point{178, 62}, point{482, 430}, 24, 16, rgb(0x2a3440).through(0.35))
	c.rounded(point{170, 52}, point{470, 428}, 20, rgb(0x2c3742))
	c.rounded(point{174, 56}, point{466, 424}, 18, rgb(0x3a4754))
	c.rounded(point{192, 78}, point{448, 154}, 8, rgb(0x1b232b))
	c.rounded(point{196, 82}, point{444, 150}, 6, rgb(0xc3d2b0))
	for i, key := range []string{"7", "8", "9", "/", "4", "5", "6", "*", "1", "2", "3", "-", "0", ".", "=", "+"} {
		x, y := 192+float32(i%4)*66, 176+float32(i/4)*60
		face := rgb(0xe9eef3)
		if i%4 == 3 {
			face = rgb(0xf0b45a)
		}
		c.rounded(point{x, y + 3}, point{x + 58, y + 51}, 8, rgb(0x1b232b))
		c.rounded(point{x, y}, point{x + 58, y + 48}, 8, face)
		c.text(p.f, key, point{x + 29, y + 32}, 17, middle, rgb(inkColour))
	}
}

func (p *calculator) moving(ctx context.Context, c *canvas, now time.Duration) {
	p.look(ctx, now, "display", "sums")
	v := p.values[0]
	t := strconv.FormatFloat(v, 'g', 10, 64)
	if math.Abs(v) >= 1e10 {
		t = strconv.FormatFloat(v, 'e', 5, 64)
	}
	height := float32(26)
	if w := p.f.width(t, height); w > 230 {
		height *= 230 / w
	}
	c.text(p.f, t, point{436, 132}, height, right, rgb(0x1d2a1a))
	c.text(p.f, "n "+strconv.Itoa(int(p.values[1])), point{204, 98}, 8, left, rgb(0x4a5a42))
	p.foot(c, now)
}
