package devices

import (
	"testing"
	"time"
)

// A simulated device says at boot what the banner looks for, and not again: it
// would be made safe each time.
func TestSimulatedDeviceBootsOnce(t *testing.T) {
	typ := parsed(t, `
schema: 1
type: turn
label: Turntable
protocol:
  messages:
    in: {end: "\n"}
    receive:
      - {id: ready, parts: ["READY ", {field: version, as: text}]}
      - {id: report, parts: ["S=", {field: speed, decimals: 2}]}
connect: {boot: 2s, banner: {version: "*"}}
rate: 20
channels:
  - {id: speed, label: Speed, range: [0, 2], role: setpoint}
commands:
  - {id: halt, label: Halt, send: {parts: ["HALT"]}, reply: {parts: ["OK"]}}
safe: {text: Motor off, steps: [{command: halt}]}
`)
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		if r.clock.Mono() > time.Second {
			t.Error("the banner did not end the boot")
		}
		time.Sleep(3 * time.Second)
		if r.said("started again") {
			t.Error("it says again and again that it started")
		}
	})
}
