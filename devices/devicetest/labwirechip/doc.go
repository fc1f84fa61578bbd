// Package labwirechip holds the tests of the labwire library and its examples on a simulated ATmega328P: what
// firmware-protocols/labwire promises, by the chip's own clock and pins.
//
//	go test ./devices/devicetest/labwirechip
//
// It needs what package simchip needs and Debian's make and arduino-core-avr; without them the tests skip, or fail when
// LABBOX_REQUIRE_PEERS=1. The sampler's test takes twenty seconds, because the chip runs at the speed of a real one.
package labwirechip
