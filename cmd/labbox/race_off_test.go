//go:build !race

package main

// raceEnabled says that the race detector costs its share of time.
const raceEnabled = false
