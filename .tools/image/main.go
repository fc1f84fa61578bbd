// Command image makes labbox's container image without a container engine: static
// binaries on an empty base, one image per platform under one index, the OCI way.
//
//	image -version v1.2.3 -layout dist/image linux/amd64=dist/labbox-linux-amd64 linux/arm64=...
//	image -version v1.2.3 -push registry.example.org/lab/labbox linux/amd64=...
//
// The same binaries, version and date give the same digest. After a push everything
// is read back from the registry and compared. The registry's password comes from
// the usual config.json of container engines (`docker login`, `podman login`).
//
// Spec: https://github.com/opencontainers/image-spec. HEALTHCHECK is an addition of
// Docker's: other engines ignore it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("image", flag.ContinueOnError)
	version := fs.String("version", "", "version: a label and the tag")
	revision := fs.String("revision", "", "commit: a label")
	created := fs.Int64("created", 0, "date of the image, in seconds since 1970")
	dir := fs.String("layout", "", "write an OCI layout into this folder")
	push := fs.String("push", "", "push to this repository, such as registry.example.org/lab/labbox")
	insecure := fs.Bool("insecure", false, "the registry speaks plain http")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *version == "" || fs.NArg() == 0 || *dir == "" && *push == "" {
		return errors.New("needs -version, -layout or -push, and PLATFORM=BINARY arguments")
	}
	binaries := map[string]string{}
	for _, a := range fs.Args() {
		platform, file, ok := strings.Cut(a, "=")
		if !ok || binaries[platform] != "" {
			return fmt.Errorf("%q: want PLATFORM=BINARY, each platform once", a)
		}
		binaries[platform] = file
	}
	index, err := build(about{version: *version, revision: *revision, created: time.Unix(*created, 0).UTC()}, binaries)
	if err != nil {
		return err
	}
	if *dir != "" {
		if err := writeLayout(*dir, index, *version); err != nil {
			return err
		}
	}
	if *push == "" {
		return nil
	}
	ref, err := pushTo(ctx, *push, *version, *insecure, index)
	if err != nil {
		return err
	}
	fmt.Println("pushed and read back", ref)
	return nil
}

// writeLayout replaces the layout of an earlier image.
func writeLayout(dir string, index v1.ImageIndex, version string) error {
	if _, err := layout.FromPath(dir); err == nil { // else it is not ours to remove
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	p, err := layout.Write(dir, emptyIndex())
	if err != nil {
		return fmt.Errorf("write layout: %w", err)
	}
	name := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag(version)})
	if err := p.AppendIndex(index, name); err != nil {
		return fmt.Errorf("write layout: %w", err)
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("wrote %s\n%s labbox:%s\n", dir, digest, tag(version))
	return nil
}
