package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archive builds a backup by hand: the manifest, and what really follows.
func archive(t testing.TB, change func(m *backupManifest, bodies map[string]string), extra ...tar.Header) []byte {
	t.Helper()
	bodies := map[string]string{"data/VERSION": "labbox data 1\n", "data/record/a": strings.Repeat("sample", 1000)}
	m := &backupManifest{Format: backupFormat, Version: backupVersion, Box: "demo", MadeMS: 1}
	for _, p := range []string{"data/VERSION", "data/record/a"} {
		m.Files = append(m.Files, fileOf(p, bodies[p]))
	}
	if change != nil {
		change(m, bodies)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	put := func(h tar.Header, body string) {
		h.Size = int64(len(body))
		if h.Typeflag != 0 && h.Typeflag != tar.TypeReg {
			h.Size, body = 0, ""
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	head, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(tar.Header{Name: manifestName}, string(head))
	for _, f := range m.Files {
		if body, ok := bodies[f.Path]; ok {
			put(tar.Header{Name: f.Path}, body)
		}
	}
	for _, h := range extra {
		put(h, "more")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fileOf(path, body string) backupFile {
	sum := sha256.Sum256([]byte(body))
	return backupFile{path, int64(len(body)), hex.EncodeToString(sum[:])}
}

func addFile(path string) func(*backupManifest, map[string]string) {
	return func(m *backupManifest, bodies map[string]string) {
		bodies[path] = "x"
		m.Files = append(m.Files, fileOf(path, "x"))
	}
}

// refusedRestore restores b and proves that nothing was touched.
func refusedRestore(t *testing.T, b []byte, want string) {
	t.Helper()
	dir := t.TempDir()
	file, to := filepath.Join(dir, "in", "b"), filepath.Join(dir, "to", "d")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := labboxRun(t, "restore", "--data", to, file)
	if code == 0 || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, want %q in %s%s", code, want, out, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "to")); err == nil {
		t.Error("something was written")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something was written: %v", entries)
	}
}

func TestHostileBackups(t *testing.T) {
	good := archive(t, nil)
	if _, err := readBackup(t.Context(), bytes.NewReader(good), nil, func(_ backupFile, r io.Reader) error { return copyOut(io.Discard, r) }); err != nil {
		t.Fatal(err) // else the refusals below prove nothing
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x10
		return b
	}
	const no = "no backup that labbox can restore"
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"up":              {archive(t, addFile("data/../../evil")), `path "data/../../evil"`},
		"root":            {archive(t, addFile("/etc/passwd")), no},
		"root in data":    {archive(t, addFile("data//etc/passwd")), no},
		"elsewhere":       {archive(t, addFile("other/x")), no},
		"up from config":  {archive(t, addFile("config/../x")), no},
		"dot":             {archive(t, addFile("data/./x")), no},
		"backslash":       {archive(t, addFile(`data/..\..\x`)), no},
		"drive":           {archive(t, addFile("data/C:x")), no},
		"newline":         {archive(t, addFile("data/a\nb")), no},
		"lock":            {archive(t, addFile("data/lock")), no},
		"teacher's code":  {archive(t, addFile("data/Teacher-Reset")), no},
		"long":            {archive(t, addFile("data/"+strings.Repeat("a", 2000))), no},
		"twice":           {archive(t, addFile("data/record/a")), "is there twice"},
		"two cases":       {archive(t, addFile("data/record/A")), "is there twice"},
		"file and dir":    {archive(t, addFile("data/record/a/b")), "is a file and a directory"},
		"link":            {archive(t, nil, tar.Header{Name: "data/x", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), "more than its manifest"},
		"more":            {archive(t, nil, tar.Header{Name: "data/x"}), "more than its manifest"},
		"link for a file": {archive(t, func(_ *backupManifest, b map[string]string) { delete(b, "data/record/a") }, tar.Header{Name: "data/record/a", Typeflag: tar.TypeLink, Linkname: "x"}), "stands where"},
		"less":            {archive(t, func(_ *backupManifest, b map[string]string) { delete(b, "data/record/a") }), "ends early"},
		"other content":   {archive(t, func(_ *backupManifest, b map[string]string) { b["data/record/a"] = strings.Repeat("simple", 1000) }), "checksum does not fit"},
		"other size":      {archive(t, func(_ *backupManifest, b map[string]string) { b["data/record/a"] += "x" }), "stands where"},
		"foreign":         {archive(t, func(m *backupManifest, _ map[string]string) { m.Format = "zip" }), "of another program"},
		"newer":           {archive(t, func(m *backupManifest, _ map[string]string) { m.Version = 2 }), "labbox reads 1"},
		"no VERSION":      {archive(t, func(m *backupManifest, _ map[string]string) { m.Files = m.Files[1:] }), "lacks VERSION"},
		"negative":        {archive(t, func(m *backupManifest, _ map[string]string) { m.Files[1].Size = -1 }), no},
		"other data": {archive(t, func(m *backupManifest, b map[string]string) {
			b["data/VERSION"] = "labbox data 9\n"
			m.Files[0] = fileOf("data/VERSION", "labbox data 9\n")
		}), "its data is"},
		"bigger than disk": {archive(t, func(m *backupManifest, _ map[string]string) { m.Files[1].Size = 1 << 60 }), "are free at"},
		"bomb":             {archive(t, func(_ *backupManifest, b map[string]string) { b["data/record/a"] = strings.Repeat("\x00", 64<<20) }), "stands where"},
		"no manifest":      {packed(t, "data/VERSION", "labbox data 1\n"), "does not begin with a manifest"},
		"broken manifest":  {packed(t, manifestName, "{"), "manifest"},
		"plain":            {[]byte("hello"), no},
		"empty":            {nil, no},
		"trailing":         {append(bytes.Clone(good), 'x'), "something follows"},
		"two in one":       {append(bytes.Clone(good), good...), "something follows"},
		"no checksum":      {good[:len(good)-8], "end"},
		"wrong checksum":   {flip(len(good) - 6), "end is damaged"},
	} {
		t.Run(name, func(t *testing.T) { refusedRestore(t, c.b, c.want) })
	}
	for range 20 { // cut anywhere
		refusedRestore(t, good[:rand.IntN(len(good))], no)
	}
	for range 20 { // a bit anywhere: of the gzip header alone it may mean nothing
		refusedRestore(t, flip(10+rand.IntN(len(good)-10)), no)
	}
}

func packed(t testing.TB, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// FuzzBackup: whatever a file holds, reading it ends, and what is accepted leads
// nowhere else.
func FuzzBackup(f *testing.F) {
	f.Add(archive(f, nil))
	f.Add(archive(f, addFile("data/../x")))
	f.Add(archive(f, nil, tar.Header{Name: "data/x", Typeflag: tar.TypeSymlink, Linkname: "/etc"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readBackup(t.Context(), bytes.NewReader(b), nil, func(_ backupFile, r io.Reader) error { return copyOut(io.Discard, io.LimitReader(r, 1<<20)) })
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(filepath.FromSlash(file.Path)) || strings.Contains(file.Path, "..") && !strings.Contains(file.Path, "...") {
				t.Errorf("%q was accepted", file.Path)
			}
		}
	})
}

// FuzzBackupPath: what is accepted lies below the directory that is made.
func FuzzBackupPath(f *testing.F) {
	for _, p := range []string{"data/a/b", "config/x", "data/../x", "data/a:b", `data\x`, "data/con.", "data/VERSION"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if checkPath(p) != nil {
			return
		}
		_, rest, _ := strings.Cut(p, "/")
		to := filepath.Join("/root/dir", filepath.FromSlash(rest))
		if !strings.HasPrefix(to, "/root/dir/") || !filepath.IsLocal(rest) {
			t.Errorf("%q leads to %q", p, to)
		}
	})
}
