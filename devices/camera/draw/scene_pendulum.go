package draw

import (
	"context"
	"math"
	"time"
)

// pendulum is a rod with a bob on a motor's axle, before a plate with a scale.
type pendulum struct{ scene }

var (
	pendulumAxle  = point{320, 218}
	pendulumShade = point{9, 12}
)

const (
	pendulumRod = 142
	pendulumBob = 21
)

func (p *pendulum) still(c *canvas) {
	p.bench(c)
	p.stand(c, pendulumAxle.x, 390)
	p.plate(c, pendulumAxle, 194)
}

func (p *pendulum) moving(ctx context.Context, c *canvas, now time.Duration) {
	p.look(ctx, now, "turn", "angle", "drive")
	turn, angle, drive := p.values[0], p.values[1], p.values[2]
	m := pendulumAxle
	end := m.toward(turn, pendulumRod)
	shade := rgb(0x2a3440).through(0.2)
	c.soft(m.plus(pendulumShade.x, pendulumShade.y), end.plus(pendulumShade.x, pendulumShade.y), 8, 7, shade)
	c.soft(end.plus(pendulumShade.x, pendulumShade.y), end.plus(pendulumShade.x, pendulumShade.y), 2*pendulumBob, 9, shade)
	if drive != 0 { // the motor pushes: an arrow around the axle
		col := rgb(blueColour)
		to := 1.9 * drive
		c.arc(m, 38, 4, turn, turn+to, col)
		tip := turn + to
		side := math.Copysign(0.25, drive)
		c.line(m.toward(tip+side, 38), m.toward(tip-side/2, 45), 4, col)
		c.line(m.toward(tip+side, 38), m.toward(tip-side/2, 31), 4, col)
	}
	c.line(m.toward(turn+math.Pi, 26), end, 7, rgb(0x55616d))
	c.line(m.toward(turn+math.Pi, 25), end, 3, rgb(0x9aa7b4))
	c.disc(end, pendulumBob, rgb(0x8f241e))
	c.disc(end.plus(-1, -1), pendulumBob-2, rgb(redColour))
	c.soft(end.plus(-6, -7), end.plus(-6, -7), 9, 9, rgb(0xffffff).through(0.5))
	// The very angle, where the scale is.
	c.line(end.toward(turn, pendulumBob+1), end.toward(turn, pendulumBob+7), 2.5, rgb(redColour))
	c.hub(m, 16)
	p.number(c, 0, angle, 1, "°")
	if drive != 0 {
		p.number(c, 1, 100*drive, 0, " %")
	}
	p.foot(c, now)
}
