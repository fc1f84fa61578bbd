package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"labbox/edge"
)

// basePlaceholder stands in index.html where the server writes the base path.
const basePlaceholder = `<base href="/">`

// files are the panel's files, served as they were written.
type files struct {
	byPath map[string]*file
}

// file is one of them. etag is of its content, so that a new version is seen at
// once and an unchanged file costs no transfer.
type file struct {
	body, mime, etag string
	zip              sync.Once
	zipped           []byte // empty: not worth it
}

func newFiles(ui fs.FS, basePath string) (*files, error) {
	f := &files{byPath: map[string]*file{}}
	err := fs.WalkDir(ui, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name == "test":
			return fs.SkipDir // the panel's own tests
		case e.IsDir():
			return nil
		}
		b, err := fs.ReadFile(ui, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			if !bytes.Contains(b, []byte(basePlaceholder)) {
				return fmt.Errorf("web: index.html has no %s", basePlaceholder)
			}
			base := `<base href="` + html.EscapeString(basePath) + `/">`
			b = bytes.Replace(b, []byte(basePlaceholder), []byte(base), 1)
		}
		sum := sha256.Sum256(b)
		f.byPath["/"+name] = &file{body: string(b), mime: mimeOf(name), etag: hex.EncodeToString(sum[:12])}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read panel files: %w", err)
	}
	if f.byPath["/index.html"] == nil {
		return nil, fmt.Errorf("web: the panel has no index.html")
	}
	return f, nil
}

// mimeOf does not ask the machine: its tables differ, and a wrong type for a
// module is a blank page.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// serve answers with a file. A path that is no file and looks like none is the
// panel's own: it gets index.html.
func (f *files) serve(w http.ResponseWriter, r *http.Request, name string) error {
	file := f.byPath[name]
	if file == nil {
		if path.Ext(name) != "" || strings.HasPrefix(name, "/ui/") || strings.HasPrefix(name, "/vendor/") {
			return edge.Errorf(edge.CodeNotFound, "no such file")
		}
		file = f.byPath["/index.html"]
	}
	file.serve(w, r)
	return nil
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", f.mime)
	h.Add("Vary", "Accept-Encoding")
	etag := `"` + f.etag + `"`
	body := []byte(nil)
	if zipped := f.gzip(); len(zipped) > 0 && acceptsGzip(r) {
		etag = `"` + f.etag + `-gz"`
		h.Set("Content-Encoding", "gzip")
		body = zipped
	}
	h.Set("ETag", etag)
	if fresh(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if body == nil {
		body = []byte(f.body)
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser is gone: nobody to tell
	}
}

func fresh(header, etag string) bool {
	for v := range splitList(header) {
		if v == "*" || strings.TrimPrefix(v, "W/") == etag {
			return true
		}
	}
	return false
}

func acceptsGzip(r *http.Request) bool {
	for v := range splitList(r.Header.Get("Accept-Encoding")) {
		name, q, _ := strings.Cut(v, ";")
		if strings.TrimSpace(name) == "gzip" && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// gzip packs a text file once, when it is first asked for.
func (f *file) gzip() []byte {
	f.zip.Do(func() {
		if len(f.body) < 512 || strings.HasPrefix(f.mime, "image/png") || strings.HasPrefix(f.mime, "font/") {
			return
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write([]byte(f.body)) // into memory: cannot fail
		_ = z.Close()
		if b.Len() < len(f.body) {
			f.zipped = b.Bytes()
		}
	})
	return f.zipped
}
