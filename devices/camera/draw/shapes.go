package draw

import "math"

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func part(x float32) float32 { return min(max(x, 0), 1) }

// line paints from a to b with round ends, that wide.
func (c *canvas) line(a, b point, width float32, p paint) { c.soft(a, b, width, 0, p) }

// soft is a line whose edge fades over a distance: a shadow.
func (c *canvas) soft(a, b point, width, fade float32, p paint) {
	a, b = c.at(a), c.at(b)
	r, edge := width/2*c.k, max(fade*c.k, 1)
	if r < 0.5 { // thinner than a pixel: paler
		p.alpha *= max(2*r, 0.3)
		r = 0.5
	}
	dx, dy := b.x-a.x, b.y-a.y
	long := dx*dx + dy*dy
	inv := float32(0)
	if long > 0 {
		inv = 1 / long
	}
	out := r + edge/2
	in2, out2 := max(r-edge/2, 0)*max(r-edge/2, 0), out*out
	covered := func(x, y float32) float32 {
		x, y = x-a.x, y-a.y
		t := part((x*dx + y*dy) * inv)
		x, y = x-t*dx, y-t*dy
		d := x*x + y*y
		switch {
		case d >= out2:
			return 0
		case d <= in2:
			return 1
		}
		return (out - root(d)) / edge
	}
	c.rows(min(a.y, b.y)-out, max(a.y, b.y)+out, func(y int) {
		// Only that part of the line is near these rows.
		t0, t1 := float32(0), float32(1)
		if dy > 0.5 || dy < -0.5 {
			t0, t1 = (float32(y)-1-out-a.y)/dy, (float32(y)+3+out-a.y)/dy
			t0, t1 = part(min(t0, t1)), part(max(t0, t1))
		}
		x0, x1 := a.x+t0*dx, a.x+t1*dx
		c.row(y, min(x0, x1)-out, max(x0, x1)+out, &p, covered)
	})
}

// disc paints a circle.
func (c *canvas) disc(m point, radius float32, p paint) { c.line(m, m, 2*radius, p) }

// ring paints the line of a circle.
func (c *canvas) ring(m point, radius, width float32, p paint) {
	m = c.at(m)
	r, half := radius*c.k, max(width*c.k/2, 0.4)
	out := r + half + 1
	c.cover(m.plus(-out, -out), m.plus(out, out), p, func(x, y float32) float32 {
		d := root((x-m.x)*(x-m.x)+(y-m.y)*(y-m.y)) - r
		return part(half + 0.5 - max(d, -d))
	})
}

// arc paints a part of the line of a circle, angles as in point.toward.
func (c *canvas) arc(m point, radius, width float32, from, to float64, p paint) {
	n := max(2, int(math.Abs(to-from)*12))
	at := m.toward(from, radius)
	for i := 1; i <= n; i++ {
		next := m.toward(from+(to-from)*float64(i)/float64(n), radius)
		c.line(at, next, width, p)
		at = next
	}
}

// polygon paints a convex one whose corners are named clockwise, with corners rounded
// by a radius outwards.
func (c *canvas) polygon(p paint, round float32, corners ...point) {
	type side struct{ x, y, d float32 }
	var few [8]side
	sides := few[:0]
	lo, hi := point{1e9, 1e9}, point{-1e9, -1e9}
	for i := range corners {
		a, b := c.at(corners[i]), c.at(corners[(i+1)%len(corners)])
		lo = point{min(lo.x, a.x), min(lo.y, a.y)}
		hi = point{max(hi.x, a.x), max(hi.y, a.y)}
		dx, dy := b.x-a.x, b.y-a.y
		l := root(dx*dx + dy*dy)
		if l == 0 {
			continue
		}
		sides = append(sides, side{dy / l, -dx / l, (a.x*dy - a.y*dx) / l})
	}
	r := round * c.k
	c.cover(lo.plus(-r, -r), hi.plus(r, r), p, func(x, y float32) float32 {
		most := float32(-1e9)
		for i := range sides {
			most = max(most, sides[i].x*x+sides[i].y*y-sides[i].d)
		}
		return part(0.5 + r - most)
	})
}

// box paints an upright rectangle.
func (c *canvas) box(a, b point, p paint) {
	c.polygon(p, 0, a, point{b.x, a.y}, b, point{a.x, b.y})
}

// rounded paints one with round corners.
func (c *canvas) rounded(a, b point, radius float32, p paint) { c.shadow(a, b, radius, 0, p) }

// shadow is one whose edge fades over a distance.
func (c *canvas) shadow(a, b point, radius, fade float32, p paint) {
	a, b = c.at(a), c.at(b)
	r, edge := radius*c.k, max(fade*c.k, 1)
	mx, my, hx, hy := (a.x+b.x)/2, (a.y+b.y)/2, (b.x-a.x)/2-r, (b.y-a.y)/2-r
	c.cover(a.plus(-edge, -edge), b.plus(edge, edge), p, func(x, y float32) float32 {
		x, y = max(x-mx, mx-x)-hx, max(y-my, my-y)-hy
		d := max(x, y)
		if x > 0 && y > 0 {
			d = root(x*x + y*y)
		}
		return part((r-d)/edge + 0.5)
	})
}

// fade paints the whole picture from one paint above to another below.
func (c *canvas) fade(above, below paint) {
	h := float32(c.Rect.Dy())
	for y := 0; y < c.Rect.Dy(); y++ {
		t := float32(y) / h
		// A little noise, so that no steps show.
		v := above.y + (below.y-above.y)*t
		line := c.Y[y*c.YStride:][:c.Rect.Dx()]
		for x := range line {
			line[x] = uint8(v + float32((x*7+y*13)%16)/16)
		}
	}
	for y := 0; y < (c.Rect.Dy()+1)/2; y++ {
		t := 2 * float32(y) / h
		cb, cr := uint8(above.cb+(below.cb-above.cb)*t+0.5), uint8(above.cr+(below.cr-above.cr)*t+0.5)
		for x := 0; x < (c.Rect.Dx()+1)/2; x++ {
			c.Cb[y*c.CStride+x], c.Cr[y*c.CStride+x] = cb, cr
		}
	}
}
