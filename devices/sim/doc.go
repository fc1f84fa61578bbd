// Package sim stands in for devices that are not plugged in: it speaks a
// device's own wire protocol on a transport.Port, so that the driver in front of
// it is the real one.
//
// Two kinds. Dialogue makes a device of a Spec, which package devices derives
// from a type file: waves and lags, replies, effects. Plants (Plant) are whole
// experiments with their firmware: mechanics integrated in time by fourth-order
// Runge-Kutta at a small fixed step, sensors with their real resolution, and every
// known error of the firmware in the field.
//
//	dev, err := sim.Plant("pendulum", sim.Options{Seed: 1})
//	...
//	box, device := mem.Pipe(mem.Options{Baud: 57600})
//	go dev.Run(ctx, device) // {"enc":333,"time":10} and so on
//	box.Send([]byte("{\"cmd\":\"stop\",\"param\":\"brake\"}\n"), transport.Stream)
//
// The channels of a Spec move by themselves, follow parameters and each other, or
// obey equations (Wave lists them), integrated in steps of 2 ms. Controls are what
// a person may do to a device while it runs; package faults breaks its line.
//
// Time is the machine's: a device lives at the pace of a real one, catches up at
// most two seconds after a pause, and is exactly repeatable with a seed under
// testing/synctest.
//
// Plants and where their wire format is described (firmware-protocols):
//
//   - pendulum: a driven, damped compound pendulum on a 2400-count encoder, as
//     "penduino": newline JSON at 57600 baud. Known errors kept: the reply to
//     stop has no newline; stop without a parameter restarts the board; commands
//     beyond 64 bytes are cut; the encoder wraps at +-1200.
//   - aeropendulum: an arm with two propellers under PID control, 16 float32 a
//     message. Known error kept: when the link is lost the motors go on.
//   - spinner: a disk on a motor, batches of four samples. Known errors kept: a
//     zero-width space in limit errors, an info line that is no JSON.
//   - plotter: label:value lines of a noisy process.
//   - calculator: two numbers and an operation in, the result out.
//
// What is made up: the sizes and frictions of the plants, and the texts of error
// replies.
package sim
