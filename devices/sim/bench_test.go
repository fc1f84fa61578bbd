package sim

import (
	"testing"
	"time"
)

// BenchmarkPlants is a second of a device's life, its output thrown away.
func BenchmarkPlants(b *testing.B) {
	for name, p := range everyProgram(b) {
		b.Run(name, func(b *testing.B) {
			out := &output{ctx: b.Context(), port: sink{}}
			now := time.Unix(1e9, 0)
			p.open(now, out)
			b.ReportAllocs()
			for b.Loop() {
				for end := now.Add(time.Second); now.Before(end); now = p.wake() {
					p.tick(now, out)
				}
			}
		})
	}
}
