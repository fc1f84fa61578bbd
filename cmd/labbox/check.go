package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"

	"labbox/devices"
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
	if len(ps) == 0 {
		ps = devices.CheckTranscripts(file, data)
	}
	if len(ps) > 0 {
		return "", ps
	}
	if n := len(t.Transcripts); n > 0 {
		return fmt.Sprintf("device type %s, transcripts: %d", t.Name, n), nil
	}
	return "device type " + t.Name, nil
}
