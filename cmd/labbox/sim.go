package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"labbox/devices"
	"labbox/devices/sim/faults"
	"labbox/devices/sim/offer"
	"labbox/edge"
)

// simFlags are the flags of `labbox sim`.
type simFlags struct {
	pty, tcp, ws, token string
	seed                uint64
	rate                float64
	faults              list
}

func simCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &simFlags{}
	fs.StringVar(&f.pty, "pty", "", "`PATH` of the link to a pseudo-terminal")
	fs.StringVar(&f.tcp, "tcp", "", "`HOST:PORT` to listen on, for one connection at a time")
	fs.StringVar(&f.ws, "ws", "", "`URL` of the websocket that the device dials, such as ws://127.0.0.1:8080/dial/aeropendulum")
	fs.StringVar(&f.token, "token-file", "", "with --ws: `FILE` with the token that the device shows")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of the noise and of what goes wrong by lot")
	fs.Float64Var(&f.rate, "rate", 0, "reports per second; 0: the type's")
	fs.Var(&f.faults, "fault", "a `FAULT` such as drop=0.01, delay=50ms or unplug-every=10s; may be repeated")
	return func(ctx context.Context, s streams, args []string) error {
		return simulate(ctx, s, os.Stdin, args[0], f)
	}
}

// simulate offers the device until ctx ends, or somebody says quit.
func simulate(ctx context.Context, s streams, in io.Reader, typ string, f *simFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	t, err := reg.Type(typ, ".")
	if err != nil {
		return err
	}
	if messages := t.Protocol.Floats != nil; messages != (f.ws != "") {
		if messages {
			return edge.Errorf(edge.CodeBadRequest, "%s sends messages, and dials a websocket", t.Name).WithHint("such as --ws ws://127.0.0.1:8080/dial/%s", t.Name)
		}
		return edge.Errorf(edge.CodeBadRequest, "%s does not dial a websocket", t.Name).WithHint("--pty PATH, or --tcp HOST:PORT")
	}
	dev, err := devices.NewSimulated(t, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &simConsole{s: s, dev: dev, quit: cancel}
	go c.read(ctx, in)
	switch {
	case f.pty != "":
		return offer.PTY(ctx, dev.Opener, f.pty, func(path string) { c.say("%s on %s", t.Name, path) })
	case f.tcp != "":
		return offer.TCP(ctx, dev.Opener, f.tcp, func(addr string) { c.say("%s on %s", t.Name, addr) })
	}
	token := ""
	if f.token != "" {
		b, err := os.ReadFile(f.token)
		if err != nil {
			return edge.Errorf(edge.CodeBadRequest, "token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	last := ""
	return offer.Dial(ctx, dev.Opener, f.ws, token, func(err error) {
		switch {
		case err == nil:
			last = ""
			c.say("%s dialled %s", t.Name, f.ws)
		case err.Error() != last: // it tries every second
			last = err.Error()
			fmt.Fprintf(s.err, "labbox: %s: %v\n", f.ws, err)
		}
	})
}

// options checks the flags.
func (f *simFlags) options() (devices.SimulatedOptions, error) {
	o := devices.SimulatedOptions{Seed: f.seed, RateHz: f.rate, Unpaced: true}
	n := 0
	for _, where := range []string{f.pty, f.tcp, f.ws} {
		if where != "" {
			n++
		}
	}
	if n != 1 {
		return o, edge.Errorf(edge.CodeBadRequest, "exactly one of --pty, --tcp and --ws is needed").WithHint("such as --pty /tmp/device")
	}
	if u, err := url.Parse(f.ws); f.ws != "" && (err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "") {
		return o, edge.Errorf(edge.CodeBadRequest, "--ws is no address of a websocket").WithHint("such as ws://127.0.0.1:8080/dial/aeropendulum")
	}
	if f.token != "" && f.ws == "" {
		return o, edge.Errorf(edge.CodeBadRequest, "--token-file needs --ws")
	}
	for _, word := range f.faults {
		if err := setFault(&o.Faults, word); err != nil {
			return o, edge.Errorf(edge.CodeBadRequest, "--fault: %w", err).WithHint("%s", edge.AsError(err).Hint)
		}
	}
	return o, nil
}

func setFault(f *faults.Faults, word string) error {
	key, value, ok := strings.Cut(word, "=")
	if !ok {
		return edge.Errorf(edge.CodeBadRequest, "%q has no value", word).WithHint("such as drop=0.01 or unplug-every=10s")
	}
	return f.Set(strings.TrimSpace(key), strings.TrimSpace(value))
}

// simConsole obeys what is typed while the device runs.
type simConsole struct {
	mu   sync.Mutex
	s    streams
	dev  *devices.Simulated
	quit func()
}

const simHelp = `freeze, mute, deaf, babble, unplug   begin; "off" behind it ends it, and plug ends unplug
reboot                               the device starts again
set CHANNEL VALUE                    holds a channel at a value, or at a choice
free CHANNEL                         lets it move again
show CHANNEL                         its value, without noise
fault NAME=VALUE                     such as drop=0.01, delay=50ms, unplug-every=10s
faults                               what is set, and what has happened
off                                  ends all faults
quit`

func (c *simConsole) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.s.out, format+"\n", args...)
}

// read obeys line by line. The end of the input ends nothing: without a terminal
// there is none.
func (c *simConsole) read(ctx context.Context, in io.Reader) {
	for sc := bufio.NewScanner(in); ctx.Err() == nil && sc.Scan(); {
		words := strings.Fields(sc.Text())
		if len(words) == 0 {
			continue
		}
		if err := c.obey(ctx, words); err != nil {
			text := err.Error()
			if hint := edge.AsError(err).Hint; hint != "" {
				text += "; " + hint
			}
			c.say("? %s", text)
		}
	}
}

// stuck is how long a device may be stuck on its line before a word is given up.
const stuck = 5 * time.Second

func (c *simConsole) obey(ctx context.Context, words []string) error {
	ctx, cancel := context.WithTimeout(ctx, stuck)
	defer cancel()
	verb, args := words[0], words[1:]
	if k, ok := faults.KindOf(verb); ok && (len(args) == 0 || len(args) == 1 && args[0] == "off") {
		if len(args) == 1 {
			c.dev.End(k)
		} else {
			c.dev.Begin(k)
		}
		c.say("%s", strings.Join(words, " "))
		return nil
	}
	switch want := map[string]int{"plug": 0, "set": 2, "free": 1, "show": 1, "fault": 1, "faults": 0, "off": 0, "help": 0, "quit": 0}; {
	case !hasKey(want, verb):
		return edge.Errorf(edge.CodeBadRequest, "what is %q?", verb).WithHint("help lists the words")
	case want[verb] != len(args):
		return edge.Errorf(edge.CodeBadRequest, "%s takes %d words", verb, want[verb]).WithHint("help lists the words")
	}
	switch verb {
	case "quit":
		c.quit()
		return nil
	case "help":
		c.say("%s", simHelp)
		return nil
	case "plug":
		c.dev.End(faults.Unplug)
	case "off":
		c.dev.Change(faults.Faults{})
		for k := faults.Freeze; k <= faults.Reboot; k++ {
			c.dev.End(k)
		}
	case "faults":
		c.say("%+v", c.dev.Faults())
		c.say("%+v", c.dev.Count())
		return nil
	case "fault":
		f := c.dev.Faults()
		if err := setFault(&f, args[0]); err != nil {
			return err
		}
		c.dev.Change(f)
	case "set":
		if err := c.dev.Set(ctx, args[0], args[1]); err != nil {
			return err
		}
	case "free":
		if err := c.dev.Free(ctx, args[0]); err != nil {
			return err
		}
	case "show":
		x, err := c.dev.Value(ctx, args[0])
		if err != nil {
			return err
		}
		c.say("%s %g", args[0], x)
		return nil
	}
	c.say("%s", strings.Join(words, " "))
	return nil
}

func hasKey(m map[string]int, key string) bool {
	_, ok := m[key]
	return ok
}
