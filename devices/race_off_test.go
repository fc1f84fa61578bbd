//go:build !race

package devices

const underRace = false
