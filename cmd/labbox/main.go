// Command labbox turns the PC on a lab bench into a safe, offline lab server.
//
//	labbox run                      serves two demo devices at http://127.0.0.1:8080
//	labbox run --config box.yaml    serves the devices of a box file
//	labbox check FILE...            checks box files and device types
//	labbox ports                    lists what is plugged in
//	labbox sim TYPE --pty PATH      offers a simulated device on a pty
//
// It parses flags and wires packages together; docs/ref/cli.md has the exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"labbox/edge"
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

type cli struct {
	Run     runCmd     `cmd:"" help:"Serve the lab. Without a box file: two demo devices."`
	Check   checkCmd   `cmd:"" help:"Check box files and device types."`
	Ports   portsCmd   `cmd:"" help:"List the serial ports and what they look like."`
	Sim     simCmd     `cmd:"" help:"Offer a simulated device on a pty."`
	Health  healthCmd  `cmd:"" help:"Ask a running labbox whether it is well (for containers)."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are the process's outputs, so that tests may have their own.
type streams struct {
	out io.Writer
	err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// execute is main for tests: it parses args, runs one command and returns the
// exit code.
func execute(ctx context.Context, args []string, s streams) int {
	code := -1
	parser, err := kong.New(&cli{}, kong.Name("labbox"),
		kong.Description("A safe, offline lab server for the devices on your serial ports."),
		kong.Writers(s.out, s.err), kong.Exit(func(c int) { code = c }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(s.err, "labbox:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		fmt.Fprintln(s.err, "labbox:", err)
		fmt.Fprintln(s.err, "hint: labbox --help")
		return exitUsage
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(s)
	if err := k.Run(); err != nil {
		var silent exitError
		if errors.As(err, &silent) {
			return int(silent)
		}
		fmt.Fprintln(s.err, "labbox:", err)
		var e *edge.Error
		if errors.As(err, &e) && e.Hint != "" {
			fmt.Fprintln(s.err, "hint:", e.Hint)
		}
		return exitCode(err)
	}
	return exitOK
}

// exitError ends with a code and says nothing more.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func exitCode(err error) int {
	switch edge.CodeOf(err) {
	case edge.CodeBadConfig, edge.CodeBadName:
		return exitConfig
	case edge.CodeDataLocked:
		return exitLocked
	case edge.CodePortBusy:
		return exitAddress
	}
	return exitFailed
}

type logFlags struct {
	LogFormat string `enum:"text,json" default:"text" help:"Log lines as text or json (${enum})."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"Least level to log (${enum})."`
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel))
	o := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, "labbox", version)
	return err
}
