package draw

import (
	"context"
	"math"
	"time"
)

// aeropendulum is an arm with two propellers at its end, one on each side, that push it
// about its axle.
type aeropendulum struct {
	scene
	phase [2]float64 // of the propellers, turns
}

var aeroAxle = point{320, 212}

const (
	aeroArm   = 132
	aeroBlade = 37
	aeroFull  = 600.0 // rad/s
)

func (p *aeropendulum) still(c *canvas) {
	p.bench(c)
	p.stand(c, aeroAxle.x, 380)
	p.plate(c, aeroAxle, 194)
}

func (p *aeropendulum) moving(ctx context.Context, c *canvas, now time.Duration) {
	dt := p.look(ctx, now, "turn", "angle", "reference", "motor1", "motor2", "mode")
	turn, angle, reference, mode := p.values[0], p.values[1], p.values[2], p.values[5]
	m := aeroAxle
	end := m.toward(turn, aeroArm)
	const pid = 3
	if mode == pid {
		r := reference * math.Pi / 180
		tip := m.toward(r, 150)
		c.polygon(rgb(greenColour), 1, clockwise(tip.toward(r, 12), tip.toward(r+math.Pi/2, 7), tip.toward(r-math.Pi/2, 7))...)
	}
	shade := rgb(0x2a3440).through(0.2)
	c.soft(m.plus(8, 11), end.plus(8, 11), 12, 8, shade)
	c.soft(end.plus(8, 11), end.plus(8, 11), 40, 10, shade)
	c.line(m.toward(turn+math.Pi, 44), m.toward(turn+math.Pi, 56), 20, rgb(darkColour)) // counterweight
	c.line(m.toward(turn+math.Pi, 44), end, 9, rgb(0x3f4a55))
	c.line(m.toward(turn+math.Pi, 44), end, 4, rgb(0x8593a1))
	for i, side := range []float64{-math.Pi / 2, math.Pi / 2} { // the first pushes to growing angles: it stands behind
		p.propeller(c, end, turn, turn+side, i, p.values[3+i], dt)
	}
	c.disc(end, 13, rgb(darkColour))
	c.disc(end, 8, rgb(blueColour))
	c.hub(m, 15)
	p.number(c, 0, angle, 1, "°")
	p.number(c, 1, p.values[3], 0, " rad/s")
	p.number(c, 2, p.values[4], 0, " rad/s")
	p.foot(c, now)
}

// propeller paints one seen from the side: blades that grow and shrink as they turn,
// and a haze where they are too fast to be seen.
func (p *aeropendulum) propeller(c *canvas, end point, along, out float64, i int, speed, dt float64) {
	motor := end.toward(out, 17)
	at := end.toward(out, 29)
	c.line(end, motor, 11, rgb(0x2f3943))
	c.line(motor, at, 5, rgb(steelColour))
	// As fast as 15 pictures a second can show without turning backwards.
	p.phase[i] = math.Mod(p.phase[i]+dt*min(speed/60, 3.3), 1)
	haze := float32(min(speed/aeroFull, 1))
	a, b := at.toward(along, aeroBlade), at.toward(along+math.Pi, aeroBlade)
	if haze > 0.02 {
		c.soft(a, b, 12, 6, rgb(blueColour).through(0.12+0.33*haze))
	}
	l := aeroBlade * float32(math.Cos(2*math.Pi*p.phase[i]))
	c.line(at.toward(along, l), at.toward(along+math.Pi, l), 4, rgb(0x20304a).through(1-0.55*haze))
	c.disc(at, 5, rgb(brassColour))
}

// clockwise puts corners in the order that polygon wants.
func clockwise(p ...point) []point {
	sum := float32(0)
	for i := range p {
		q := p[(i+1)%len(p)]
		sum += (q.x - p[i].x) * (q.y + p[i].y)
	}
	if sum > 0 {
		for i, j := 0, len(p)-1; i < j; i, j = i+1, j-1 {
			p[i], p[j] = p[j], p[i]
		}
	}
	return p
}
