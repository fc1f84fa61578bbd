// Command labbox turns the PC on a lab bench into a safe, offline lab server.
//
//	labbox run                      serves two demo devices at http://127.0.0.1:8080
//	labbox run --config box.yaml    serves the devices of a box file
//	labbox check FILE...            checks box files and device types
//	labbox ports                    lists what is plugged in
//	labbox capture PORT -o FILE     keeps what goes over a device's line
//	labbox playback FILE            plays that into the parser, or stands in for the device
//	labbox sim TYPE --pty PATH      offers a simulated device on a pty, by TCP or by websocket
//	labbox health [URL]             asks a running labbox whether it is well
//	labbox doctor                   looks for what is wrong, and says what to do
//	labbox audit verify             checks the log of who did what
//	labbox backup FILE              puts the whole box into one file
//	labbox restore FILE             makes a data directory of that file
//	labbox teacher reset            makes a code for a teacher who has lost the password
//	labbox jobs                     lists experiments that were set aside, or tries one again
//	labbox version                  prints the version
//
// It parses flags and wires packages together; docs/ref/cli.md has the flags and
// the exit codes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sort"
	"syscall"

	"labbox/edge"
	"labbox/edge/config"
)

// version is set by the linker (-X main.version=...).
var version = "dev"

// Exit codes; part of the stable surface.
const (
	exitOK      = 0
	exitFailed  = 1 // what was asked did not work, or a checked file has problems
	exitUsage   = 2 // flags or arguments not understood
	exitConfig  = 3 // box file or type file refused
	exitLocked  = 4 // another labbox uses the data directory
	exitAddress = 5 // the address to listen on cannot be had
)

// streams are the process's outputs, so that tests may have their own.
type streams struct {
	out io.Writer
	err io.Writer
}

// command is one of labbox's commands: flags sets its flags, run carries it out
// with what is left of the arguments.
type command struct {
	args string // of the usage line
	help string
	min  int // arguments
	max  int
	make func(*flag.FlagSet) func(context.Context, streams, []string) error
}

func commands() map[string]command {
	return map[string]command{
		"audit":    {"verify [FILE] | show | export FILE", "check, show or copy the log of who did what", 1, 2, auditCommand},
		"backup":   {"FILE [flags]", "put the data of a stopped box into one file", 1, 1, backupCommand},
		"restore":  {"FILE [flags]", "make a data directory of a backup", 1, 1, restoreCommand},
		"teacher":  {"reset | list", "make a code for who has lost the password, or list the accounts", 1, 1, teacherCommand},
		"run":      {"[flags]", "serve the lab; without a box file: two demo devices", 0, 0, runCommand},
		"check":    {"FILE... | --try PORT [FILE]", "check box files and device types; --try: on a live device", 0, 1 << 20, checkCommand},
		"capture":  {"PORT -o FILE", "keep what goes over a device's line, byte for byte", 0, 1, captureCommand},
		"playback": {"FILE [flags]", "play a capture: samples as CSV, or --pty to stand in for the device", 1, 1, playbackCommand},
		"ports":    {"", "list the serial ports, what they look like, and the USB cameras", 0, 0, portsCommand},
		"sim":      {"TYPE --pty PATH", "offer a simulated device on a pty, by TCP or by websocket", 1, 1, simCommand},
		"doctor":   {"[flags]", "look at ports, cameras, disk, clock, broker and store, and say what to do", 0, 0, doctorCommand},
		"jobs":     {"[requeue ID] --box NAME --broker URL", "list experiments that were set aside, or try one again", 0, 2, jobsCommand},
		"health":   {"[URL]", "ask a running labbox whether it is well", 0, 1, healthCommand},
		"version":  {"", "print the version", 0, 0, versionCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// execute is main for tests: it parses args, carries out one command and returns
// the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	all := commands()
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		usage(s.out, all)
		return exitOK
	}
	if args[0] == "--version" {
		args[0] = "version"
	}
	c, ok := all[args[0]]
	if !ok {
		names := make([]string, 0, len(all))
		for n := range all {
			names = append(names, n)
		}
		hint := "labbox --help"
		if best := config.Nearest(args[0], names); best != "" {
			hint = fmt.Sprintf("did you mean `labbox %s`?", best)
		}
		return fail(s, exitUsage, fmt.Sprintf("no command %q", args[0]), hint)
	}
	fs := flag.NewFlagSet("labbox "+args[0], flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := c.make(fs)
	rest, err := parse(fs, args[1:])
	if err == nil {
		err = fromEnvironment(fs)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(s.out, "labbox %s %s\n  %s\n\n", args[0], c.args, c.help)
		fs.SetOutput(s.out)
		fs.PrintDefaults()
		return exitOK
	case err != nil:
		return fail(s, exitUsage, err.Error(), "labbox "+args[0]+" --help")
	case len(rest) < c.min || len(rest) > c.max:
		return fail(s, exitUsage, fmt.Sprintf("labbox %s takes: %s", args[0], c.args), "labbox "+args[0]+" --help")
	}
	if err := run(ctx, s, rest); err != nil {
		var silent exitError
		if errors.As(err, &silent) {
			return int(silent)
		}
		hint := ""
		var e *edge.Error
		if errors.As(err, &e) {
			hint = e.Hint
		}
		return fail(s, exitCode(err), err.Error(), hint)
	}
	return exitOK
}

// parse lets flags stand before and after arguments.
func parse(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

func fail(s streams, code int, message, hint string) int {
	fmt.Fprintln(s.err, "labbox:", message)
	if hint != "" {
		fmt.Fprintln(s.err, "hint:", hint)
	}
	return code
}

func usage(w io.Writer, all map[string]command) {
	fmt.Fprint(w, "labbox: a safe, offline lab server for the devices on your serial ports\n\n")
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(w, "  labbox %-24s %s\n", n+" "+all[n].args, all[n].help)
	}
	fmt.Fprint(w, "\nlabbox COMMAND --help lists a command's flags.\n")
}

// exitError ends with a code and says nothing more.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func exitCode(err error) int {
	switch edge.CodeOf(err) {
	case edge.CodeBadRequest:
		return exitUsage
	case edge.CodeBadConfig, edge.CodeBadName, edge.CodeNameTaken:
		return exitConfig
	case edge.CodeDataLocked:
		return exitLocked
	case edge.CodePortBusy:
		return exitAddress
	}
	return exitFailed
}

func versionCommand(*flag.FlagSet) func(context.Context, streams, []string) error {
	return func(_ context.Context, s streams, _ []string) error {
		_, err := fmt.Fprintln(s.out, "labbox", version)
		return err
	}
}
