package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"labbox/devices"
	"labbox/devices/transport/pty"
	"labbox/edge"
)

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
