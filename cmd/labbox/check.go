package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"

	"labbox/devices"
	"labbox/docs/ref"
	"labbox/edge"
	"labbox/edge/config"
)

func checkCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	schema := fs.String("schema", "", "print the JSON Schema of a `KIND` of file, type or box, for editors")
	blueprint := fs.Bool("blueprint", false, "print a type file with comments to start from")
	var f tryFlags
	f.add(fs)
	return func(ctx context.Context, s streams, files []string) error {
		switch {
		case f.port != "":
			return f.run(ctx, s, files)
		case *schema != "" || *blueprint:
			return printReference(s, *schema, *blueprint, files)
		case len(files) == 0:
			return edge.Errorf(edge.CodeBadRequest, "no file to check").WithHint("labbox check FILE..., or labbox check --try PORT")
		}
		return checkFiles(s, files)
	}
}

// printReference prints what a new file is written with.
func printReference(s streams, schema string, blueprint bool, files []string) error {
	out := devices.Blueprint()
	switch {
	case len(files) > 0 || schema != "" && blueprint:
		return edge.Errorf(edge.CodeBadRequest, "--schema and --blueprint stand alone")
	case schema == "type":
		out = ref.DeviceType
	case schema == "box":
		out = ref.BoxFile
	case schema != "":
		return edge.Errorf(edge.CodeBadRequest, "no schema %q", schema).WithHint("type or box")
	}
	_, err := s.out.Write(out)
	return err
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
			ps = append(devices.CheckBox(reg, file, data, box), checkPasswords(file, data, box)...)
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
