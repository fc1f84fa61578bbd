//go:build race

package devices

// underRace: the race detector makes long simulations ten times as slow.
const underRace = true
