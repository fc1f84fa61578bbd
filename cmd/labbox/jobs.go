package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"labbox/bridge/rabbitbus"
	"labbox/edge"
	"labbox/edge/experiment"
)

// jobsFlags are those of `labbox jobs`.
type jobsFlags struct {
	backends    backendFlags
	box, device string
}

// jobsWithin bounds what the command asks of broker and store.
const jobsWithin = 20 * time.Second

// maxDead is how many jobs of a queue are listed.
const maxDead = 1000

func jobsCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &jobsFlags{}
	f.backends.add(fs)
	fs.StringVar(&f.box, "box", "", "`NAME` of the box")
	fs.StringVar(&f.device, "device", "", "`ID` of a device; default every device that the store knows")
	return f.run
}

// run lists the jobs that were set aside, or puts one back in its queue.
func (f *jobsFlags) run(ctx context.Context, s streams, args []string) error {
	switch {
	case len(args) > 0 && (args[0] != "requeue" || len(args) != 2):
		return edge.Errorf(edge.CodeBadRequest, "labbox jobs %s", strings.Join(args, " ")).WithHint("labbox jobs, or labbox jobs requeue ID --device ID")
	case len(args) > 0 && f.device == "":
		return edge.Errorf(edge.CodeBadRequest, "no --device").WithHint("labbox jobs lists which device a job is of")
	case f.box == "":
		return edge.Errorf(edge.CodeBadRequest, "no --box").WithHint("the box file's name, such as --box bench-3")
	case f.backends.broker == "":
		return edge.Errorf(edge.CodeBadRequest, "no --broker").
			WithHint("jobs of a box on its embedded broker are looked at by the box alone; its log names those that it set aside")
	case f.device == "" && f.backends.kv == "":
		return edge.Errorf(edge.CodeBadRequest, "neither --device nor --kv").WithHint("the store knows the devices: --kv redis://...")
	}
	for _, name := range []string{f.box, f.device} {
		if err := edge.CheckName(name); name != "" && err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, jobsWithin)
	defer cancel()
	bus, err := f.backends.openBroker(ctx, nil, "labbox jobs", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer bus.Close()
	if err := connected(ctx, bus); err != nil {
		return err
	}
	if len(args) == 2 {
		if err := bus.Declare(ctx, experiment.Queue(f.box, f.device)); err != nil {
			return err
		}
		if err := bus.Requeue(ctx, experiment.Queue(f.box, f.device).Name, args[1]); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s is in the queue of %s again\n", args[1], f.device)
		return nil
	}
	return f.list(ctx, s, bus)
}

func (f *jobsFlags) list(ctx context.Context, s streams, bus *rabbitbus.Bus) error {
	ids, err := f.devices(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tID\tTRIES\tBYTES\tBEGINS WITH")
	n := 0
	for _, id := range ids {
		q := experiment.Queue(f.box, id)
		if err := bus.Declare(ctx, q); err != nil {
			return err
		}
		dead, err := bus.Dead(ctx, q.Name, maxDead)
		if err != nil {
			return err
		}
		for _, j := range dead {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", id, j.ID, j.Try, len(j.Data), strconv.QuoteToASCII(string(j.Data[:min(len(j.Data), 40)])))
			n++
		}
	}
	if n == 0 {
		fmt.Fprintf(s.out, "no job of %s was set aside\n", f.box)
		return nil
	}
	return w.Flush()
}

// devices are the one that was named, or those whose status lies in the store.
func (f *jobsFlags) devices(ctx context.Context) ([]string, error) {
	if f.device != "" {
		return []string{f.device}, nil
	}
	kv, err := f.backends.openStore()
	if err != nil {
		return nil, err
	}
	defer kv.Close()
	keys, err := kv.Keys(ctx, edge.StatusPrefix(f.box))
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		keys[i] = strings.TrimPrefix(k, edge.StatusPrefix(f.box))
	}
	return keys, nil
}

// connected waits until the broker is there, or says why it is not.
func connected(ctx context.Context, bus *rabbitbus.Bus) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for end := time.Now().Add(5 * time.Second); ; {
		err := bus.Health()
		if err == nil || time.Now().After(end) {
			return err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return err
		}
	}
}
