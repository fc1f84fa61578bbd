package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/devices"
	"labbox/devices/transport/pty"
	"labbox/edge"
	"labbox/edge/config"
)

func checkCommand(*flag.FlagSet) func(context.Context, streams, []string) error {
	return func(_ context.Context, s streams, files []string) error { return checkFiles(s, files) }
}

// checkFiles prints every problem of every file.
func checkFiles(s streams, files []string) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	bad := false
	for _, f := range files {
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

func simCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	link := fs.String("pty", "", "`PATH` of the link to the pty")
	seed := fs.Uint64("seed", 1, "seed of the noise")
	return func(ctx context.Context, s streams, args []string) error {
		if *link == "" {
			return edge.Errorf(edge.CodeBadRequest, "no --pty").WithHint("such as --pty /tmp/device")
		}
		return simulate(ctx, s, args[0], *link, *seed)
	}
}

// simulate offers the device until ctx ends.
func simulate(ctx context.Context, s streams, typ, link string, seed uint64) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	t, err := reg.Type(typ, ".")
	if err != nil {
		return err
	}
	dev, err := t.Simulator(seed)
	if err != nil {
		return err
	}
	port, err := pty.Open(pty.Options{Link: link})
	if err != nil {
		return err
	}
	defer port.Close()
	fmt.Fprintf(s.out, "%s on %s\n", t.Name, link)
	go func() { <-ctx.Done(); _ = port.Close() }()
	if err := dev.Run(ctx, port); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func healthCommand(*flag.FlagSet) func(context.Context, streams, []string) error {
	return func(ctx context.Context, s streams, args []string) error {
		url := "http://127.0.0.1:8080"
		if len(args) > 0 {
			url = args[0]
		}
		return askHealth(ctx, s, url)
	}
}

// askHealth is nil when the box answers that it is well.
func askHealth(ctx context.Context, s streams, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/healthz", nil)
	if err != nil {
		return edge.Errorf(edge.CodeBadRequest, "%w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	fmt.Fprintln(s.out, "ok")
	return nil
}
