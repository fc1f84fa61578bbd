//go:build !linux

package simchip

func prefer(int) {}
