package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user owns nothing on any host; the Dockerfile uses the same.
const user = 65532

type about struct {
	version, revision string
	created           time.Time
}

func emptyIndex() v1.ImageIndex { return mutate.IndexMediaType(empty.Index, types.OCIImageIndex) }

// tag is a version as a tag: those know no build metadata.
func tag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// build makes the index over one image per platform; binaries are their files.
func build(a about, binaries map[string]string) (v1.ImageIndex, error) {
	index := emptyIndex()
	names := make([]string, 0, len(binaries))
	for n := range binaries {
		names = append(names, n)
	}
	sort.Strings(names) // the same order, the same digest
	for _, n := range names {
		platform, err := v1.ParsePlatform(n)
		if err != nil {
			return nil, fmt.Errorf("platform %q: %w", n, err)
		}
		img, err := one(a, platform, binaries[n])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	notes := mutate.Annotations(index, a.labels()).(v1.ImageIndex)
	return notes, nil
}

func (a about) labels() map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":    "labbox",
		"org.opencontainers.image.version":  a.version,
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.created":  a.created.Format(time.RFC3339),
	}
	if a.revision != "" {
		l["org.opencontainers.image.revision"] = a.revision
	}
	return l
}

// one is the image of one platform.
func one(a about, platform *v1.Platform, file string) (v1.Image, error) {
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := fits(binary, platform); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	content, err := rootfs(binary, a.created)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer,
		History: v1.History{CreatedBy: "labbox " + a.version, Created: v1.Time{Time: a.created}}})
	if err != nil {
		return nil, err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.Variant, cfg.Created = platform.OS, platform.Architecture, platform.Variant, v1.Time{Time: a.created}
	cfg.Config = v1.Config{
		Entrypoint:   []string{"/labbox"},
		Cmd:          []string{"run", "--data", "/data", "--listen", "0.0.0.0:8080"},
		User:         fmt.Sprintf("%d:%d", user, user),
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}},
		WorkingDir:   "/",
		Labels:       a.labels(),
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/labbox", "health"}, Interval: 10 * time.Second,
			Timeout: 4 * time.Second, StartPeriod: 5 * time.Second, Retries: 3},
	}
	return mutate.ConfigFile(img, cfg)
}

// rootfs is all there is: the binary and a folder that it may write to.
func rootfs(binary []byte, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "labbox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(binary)), ModTime: at},
		{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: user, Gid: user, ModTime: at},
	} {
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if h.Size > 0 {
			if _, err := w.Write(binary); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), w.Close()
}

// fits refuses a binary of another machine, and one that needs a library: the image
// has none.
func fits(binary []byte, p *v1.Platform) error {
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		return fmt.Errorf("no Linux program: %w", err)
	}
	want, ok := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "arm": elf.EM_ARM}[p.Architecture]
	if p.OS != "linux" || !ok {
		return fmt.Errorf("no platform of labbox: %s", p)
	}
	if f.Machine != want {
		return fmt.Errorf("built for %s, not for %s", f.Machine, want)
	}
	for _, s := range f.Progs {
		if s.Type == elf.PT_INTERP {
			return fmt.Errorf("not static: build it with CGO_ENABLED=0")
		}
	}
	return nil
}
