package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/devices"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

type checkCmd struct {
	Files []string `arg:"" help:"Box files and type files."`
}

// Run prints every problem of every file.
func (c *checkCmd) Run(s streams) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	bad := false
	for _, f := range c.Files {
		what, ps := check(reg, f)
		if len(ps) == 0 {
			fmt.Fprintf(s.out, "%s: ok (%s)\n", f, what)
			continue
		}
		bad = true
		for _, p := range ps {
			fmt.Fprintln(s.out, p)
		}
	}
	if bad {
		return exitError(exitFailed)
	}
	return nil
}

// check tells a box file from a type file by its keys.
func check(reg *devices.Registry, file string) (what string, ps config.Problems) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", config.Problems{{File: file, Code: "unreadable", Message: err.Error(), Hint: "is the path right?"}}
	}
	var top map[string]any
	_ = yaml.Unmarshal(data, &top) // a broken file is reported by the strict reader
	if _, isBox := top["devices"]; isBox || top["box"] != nil {
		box, ps := config.ParseBox(file, data)
		if len(ps) == 0 {
			ps = devices.CheckBox(reg, file, data, box)
		}
		return "box file", ps
	}
	t, ps := devices.ParseType(file, data)
	if len(ps) > 0 {
		return "", ps
	}
	return "device type " + t.Name, nil
}

type portsCmd struct{}

// Run lists the serial ports.
func (portsCmd) Run(s streams) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	ports, err := serial.List()
	if err != nil {
		return err
	}
	if len(ports) == 0 {
		fmt.Fprintln(s.out, "no serial ports found")
		fmt.Fprintln(s.err, "hint: plug a device in; in a container pass it with --device")
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PORT\tUSB\tSERIAL\tPRODUCT\tLOOKS LIKE")
	for _, p := range ports {
		usb := "-"
		if p.USB {
			usb = p.VID + ":" + p.PID
		}
		like := strings.Join(reg.Recognise(p.VID, p.PID), ", ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Path, usb, dash(p.Serial), dash(p.Product), dash(like))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type simCmd struct {
	Type string `arg:"" help:"Catalogue name or type file."`
	Pty  string `required:"" type:"path" help:"Path of the link to the pty."`
	Seed uint64 `default:"1" help:"Seed of noise."`
}

// Run offers the device until ctx ends.
func (c *simCmd) Run(ctx context.Context, s streams) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	t, err := reg.Type(c.Type, ".")
	if err != nil {
		return err
	}
	dev, err := t.Simulator(c.Seed)
	if err != nil {
		return err
	}
	port, err := pty.Open(pty.Options{Link: c.Pty})
	if err != nil {
		return err
	}
	defer port.Close()
	fmt.Fprintf(s.out, "%s on %s\n", t.Name, c.Pty)
	go func() { <-ctx.Done(); _ = port.Close() }()
	if err := dev.Run(ctx, port); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

type healthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080" help:"Where labbox listens."`
}

// Run exits with 0 when the box answers that it is well.
func (c *healthCmd) Run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/healthz", nil)
	if err != nil {
		return edge.Errorf(edge.CodeBadRequest, "%w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL, res.Status)
	}
	fmt.Fprintln(s.out, "ok")
	return nil
}
