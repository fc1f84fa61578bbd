package main

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const version = "v0.0.0-test+1"

// compile builds a package for a platform.
func compile(t *testing.T, platform, dir, pkg string) string {
	t.Helper()
	part := strings.Split(platform, "/")
	out := filepath.Join(t.TempDir(), "labbox-"+part[1])
	args := append([]string{"build"}, leanFlags(t)...)
	cmd := exec.Command("go", append(args, "-ldflags", "-s -w -X main.version="+version, "-o", out, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+part[0], "GOARCH="+part[1], "GOARM=7")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	return out
}

// leanFlags are those of a release, as the Makefile has them.
func leanFlags(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if flags, ok := strings.CutPrefix(line, "LEAN := "); ok {
			return strings.Fields(flags)
		}
	}
	t.Fatal("the Makefile has no LEAN")
	return nil
}

// hello is a small program for a platform.
func hello(t *testing.T, platform string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module hello\n", "main.go": "package main\n\nvar version string\n\nfunc main() { print(version) }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return compile(t, platform, dir, ".")
}

// binaries is labbox itself for this machine, and a small program for the others:
// `make cross` builds labbox for them.
func binaries(t *testing.T) (args []string) {
	t.Helper()
	for _, p := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7"} {
		if p == "linux/"+runtime.GOARCH {
			args = append(args, p+"="+compile(t, p, "../..", "./cmd/labbox"))
		} else {
			args = append(args, p+"="+hello(t, p))
		}
	}
	return args
}

// From cross-built binaries through a registry to a program that runs.
func TestImage(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the image's program runs on Linux, amd64 or arm64")
	}
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	repo := strings.TrimPrefix(srv.URL, "http://") + "/lab/labbox"
	built := binaries(t)
	dir := filepath.Join(t.TempDir(), "image")
	args := append([]string{"-version", version, "-revision", "abc", "-created", "1700000000", "-layout", dir, "-push", repo}, built...)
	for range 2 { // the second replaces the first
		if err := run(t.Context(), args); err != nil {
			t.Fatal(err)
		}
	}
	local, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := local.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatal(list, err)
	}
	ref, err := name.NewTag(repo + ":v0.0.0-test_1")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := index.Digest(); err != nil || d != list.Manifests[0].Digest {
		t.Fatalf("the registry has %v (%v), the layout %v", d, err, list.Manifests[0].Digest)
	}
	list, err = index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range list.Manifests {
		platforms = append(platforms, d.Platform.String())
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		check(t, img, d.Platform)
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm/v7 linux/arm64" {
		t.Error(got)
	}
}

func check(t *testing.T, img v1.Image, p *v1.Platform) {
	t.Helper()
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Config
	if c.User != "65532:65532" || c.Entrypoint[0] != "/labbox" || c.Labels["org.opencontainers.image.version"] != version ||
		c.Healthcheck == nil || cfg.Architecture != p.Architecture || cfg.Variant != p.Variant {
		t.Errorf("%s: %+v", p, cfg)
	}
	root := t.TempDir()
	files := unpack(t, img, root)
	if strings.Join(files, " ") != "labbox data" {
		t.Errorf("%s has %q", p, files)
	}
	if p.Architecture != runtime.GOARCH {
		return
	}
	out, err := exec.Command(filepath.Join(root, "labbox"), "version").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "labbox "+version {
		t.Errorf("%s: %v\n%s", p, err, out)
	}
}

func unpack(t *testing.T, img v1.Image, root string) (files []string) {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, h.Name)
		if h.Typeflag == tar.TypeDir {
			if h.Uid != user || h.Gid != user {
				t.Errorf("%s belongs to %d", h.Name, h.Uid)
			}
			continue
		}
		b, err := io.ReadAll(tr)
		if err == nil {
			err = os.WriteFile(filepath.Join(root, filepath.Base(h.Name)), b, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A registry that returns something else than what was pushed is found out.
func TestWrongDigest(t *testing.T) {
	built := hello(t, "linux/amd64")
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var swap string // the digest whose content is replaced
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if swap != "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, swap) {
			_, _ = w.Write([]byte("something else"))
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer srv.Close()
	repo := strings.TrimPrefix(srv.URL, "http://") + "/labbox"
	index, err := build(about{version: "v1"}, map[string]string{"linux/amd64": built})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := pushTo(t.Context(), repo, "v1", false, index)
	if err != nil || !strings.Contains(ref, "@sha256:") {
		t.Fatal(ref, err)
	}
	list, _ := index.IndexManifest()
	img, _ := index.Image(list.Manifests[0].Digest)
	layers, _ := img.Layers()
	swapped, _ := layers[0].Digest()
	digest, _ := index.Digest()
	for _, d := range []v1.Hash{swapped, list.Manifests[0].Digest, digest} {
		swap = d.String()
		if _, err := pushTo(t.Context(), repo, "v1", false, index); err == nil {
			t.Errorf("%s was replaced, and nobody saw it", swap)
		}
	}
	swap = ""
	other, err := build(about{version: "v2"}, map[string]string{"linux/amd64": built})
	if err != nil {
		t.Fatal(err)
	}
	wrong, _ := other.Digest()
	tagged, _ := name.NewTag(repo + ":v1")
	if err := verify(tagged, wrong); err == nil {
		t.Error("a tag that stands for another image passes")
	}
}

func TestBadBinaries(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	other := map[string]string{"amd64": "linux/arm64"}[runtime.GOARCH]
	if other == "" {
		other = "linux/amd64"
	}
	for platform, file := range map[string]string{"linux/amd64": text, other: self, "plan9/amd64": self, "linux/arm64": filepath.Join(dir, "none")} {
		if _, err := build(about{version: "v1"}, map[string]string{platform: file}); err == nil {
			t.Errorf("%s from %s is accepted", platform, filepath.Base(file))
		}
	}
	if err := run(t.Context(), []string{"-version", "v1", "-layout", dir}); err == nil {
		t.Error("an image of nothing")
	}
	if err := run(t.Context(), []string{"-version", "a b", "-push", "127.0.0.1:1/x", "linux/" + runtime.GOARCH + "=" + self}); err == nil {
		t.Error("a version that is no tag")
	}
}
