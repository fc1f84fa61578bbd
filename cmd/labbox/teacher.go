package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/datadir"
)

// teacherCommand is `labbox teacher reset` and `labbox teacher list`: for who sits at
// the box and has lost the way in.
func teacherCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	data := fs.String("data", "", "data `DIR`; default the user's own data directory")
	var b backendFlags
	fs.StringVar(&b.kv, "kv", "", "`URL` of Redis, where the lab's processes share one")
	fs.StringVar(&b.kvPassword, "kv-password-file", "", "`FILE` with the store's password")
	fs.StringVar(&b.kvCA, "kv-ca-file", "", "`FILE` with the certificates that the store's is checked against")
	box := fs.String("box", "", "`NAME` of the box, with --kv")
	return func(ctx context.Context, s streams, args []string) error {
		dir := *data
		if dir == "" && b.kv == "" {
			var err error
			if dir, err = datadir.Default(); err != nil {
				return err
			}
		}
		switch {
		case b.kv != "" && *box == "":
			return edge.Errorf(edge.CodeBadRequest, "--kv needs --box").WithHint("a store holds several boxes: --box NAME")
		case args[0] == "reset" && b.kv != "":
			return resetShared(ctx, s, &b, *box)
		case args[0] == "reset":
			return resetLocal(s, dir)
		case args[0] == "list" && b.kv != "":
			kv, err := b.openStore()
			if err != nil {
				return err
			}
			defer kv.Close()
			return listTeachers(ctx, s, kv)
		case args[0] == "list":
			return peekStore(ctx, dir, func(kv edge.KV) error { return listTeachers(ctx, s, kv) })
		}
		return edge.Errorf(edge.CodeBadRequest, "no `labbox teacher %s`", args[0]).WithHint("reset or list")
	}
}

// resetLocal works beside a box that runs: its data directory is locked, so the code
// is left in a file.
func resetLocal(s streams, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return edge.Errorf(edge.CodeBadRequest, "no data directory %s", dir).WithHint("give the box's own with --data")
	}
	code, err := class.WriteReset(dir)
	if err != nil {
		return err
	}
	return tellReset(s, code, "It counts once, until you make another.")
}

func resetShared(ctx context.Context, s streams, b *backendFlags, box string) error {
	kv, err := b.openStore()
	if err != nil {
		return err
	}
	defer kv.Close()
	clock := edge.NewSystemClock()
	code, err := class.NewAccounts(class.AccountsConfig{KV: kv, Box: box, Mono: clock.Mono}).ResetCode(ctx)
	if err != nil {
		return err
	}
	return tellReset(s, code, "It counts once, for an hour.")
}

func tellReset(s streams, code, how string) error {
	_, err := fmt.Fprintf(s.out, "teacher code %s\n", code)
	fmt.Fprintf(s.err, "%s On the panel's page /teacher it makes an account, or sets the password of one that is there.\n", how)
	return err
}

// listTeachers prints the accounts of every box in a store: role, name, box.
func listTeachers(ctx context.Context, s streams, kv edge.KV) error {
	const end = ":accounts"
	keys, err := kv.Keys(ctx, strings.TrimSuffix(edge.Key("", ""), "}:"))
	if err != nil {
		return err
	}
	n := 0
	for _, key := range slices.DeleteFunc(keys, func(k string) bool { return !strings.HasSuffix(k, "}"+end) }) {
		raw, ok, err := kv.Get(ctx, key)
		if err != nil {
			return err
		}
		var all struct{ Accounts []class.Account }
		if !ok || json.Unmarshal(raw, &all) != nil {
			continue
		}
		box := strings.TrimSuffix(key[strings.IndexByte(key, '{')+1:], "}"+end)
		for _, a := range all.Accounts {
			n++
			fmt.Fprintf(s.out, "%s\t%s\t%s\n", a.Role, a.Name, box)
		}
	}
	if n == 0 {
		fmt.Fprintln(s.err, "There is no account. `labbox run` prints a code for the first.")
	}
	return nil
}

// resetFile is where a code of `labbox teacher reset` is looked for.
func (f *runFlags) resetFile(p *parts) string {
	if p.dir != nil {
		return p.dir.Sub(class.ResetFile)
	}
	path := f.data // a process without devices
	if path == "" {
		path, _ = datadir.Default()
	}
	return filepath.Join(path, class.ResetFile)
}
