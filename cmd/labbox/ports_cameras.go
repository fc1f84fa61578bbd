package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"labbox/devices/camera/v4l2"
)

// printCameras prints those nodes that give pictures, then for each the line that a box
// file needs.
func printCameras(out io.Writer, all []v4l2.Info) error {
	var cameras []v4l2.Info
	for _, c := range all {
		if c.Capture {
			cameras = append(cameras, c)
		}
	}
	if len(cameras) == 0 {
		_, err := fmt.Fprintln(out, "no USB cameras found")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CAMERA\tNAME\tDRIVER\tFORMATS")
	for _, c := range cameras {
		fmt.Fprintln(w, strings.Join([]string{cell(c.Path), cell(c.Name), cell(c.Driver), formatsOf(&c)}, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nin the box file:")
	for _, c := range cameras {
		fmt.Fprintf(w, "%s\tsource: {usb: %s}\n", cell(c.Path), strconv.Quote(c.Source(all)))
	}
	return w.Flush()
}

// formatsOf are a camera's formats, or why they are not known.
func formatsOf(c *v4l2.Info) string {
	names := cell(strings.Join(c.Formats, ", "))
	switch {
	case c.Err != nil:
		return cell("? (" + c.Err.Error() + ")")
	case !c.Usable:
		return names + " (none can be read)"
	}
	return names
}
