package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"labbox/devices"
	"labbox/devices/camera/v4l2"
	"labbox/devices/transport/serial"
)

func portsCommand(*flag.FlagSet) func(context.Context, streams, []string) error {
	return func(_ context.Context, s streams, _ []string) error { return listPorts(s, serial.List, v4l2.List) }
}

// listPorts lists serial ports, then cameras.
func listPorts(s streams, list func() ([]serial.Info, error), cameras func() ([]v4l2.Info, error)) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	ports, err := list()
	if err != nil {
		return err
	}
	if len(ports) == 0 {
		fmt.Fprintln(s.out, "no serial ports found")
		fmt.Fprintln(s.err, "hint: plug a device in; in a container pass it with --device")
	} else if err := printPorts(s.out, ports, reg.Recognise); err != nil {
		return err
	}
	all, err := cameras()
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return printCameras(s.out, all)
}

// printPorts prints a table for people, then for each port the line that a box
// file needs.
func printPorts(out io.Writer, ports []serial.Info, recognise func(vid, pid string) []string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PORT\tUSB\tSERIAL\tSOCKET\tINTERFACE\tPRODUCT\tLOOKS LIKE")
	for _, p := range ports {
		usb, like := "", ""
		if p.USB {
			usb = p.VID + ":" + p.PID
			like = strings.Join(recognise(p.VID, p.PID), ", ")
		}
		row := []string{p.Path, usb, p.Serial, p.Location, decimal(p.Interface), p.Product, like}
		for i := range row {
			row[i] = cell(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nin the box file:")
	for _, p := range ports {
		fmt.Fprintf(w, "%s\tport: %s\n", p.Path, p.Port(ports))
	}
	return w.Flush()
}

// decimal is a USB interface as a box file has it.
func decimal(hex string) string {
	n, err := strconv.ParseUint(hex, 16, 8)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// cell is a device's word for itself without what would upset the table.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if s == "" {
		return "-"
	}
	return s
}
