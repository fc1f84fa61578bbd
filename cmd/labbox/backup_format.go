package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"labbox/edge"
	"labbox/edge/class"
)

// A backup is a gzipped tar file: manifest.json first, then its files in its
// order, plain files only.
const (
	backupFormat  = "labbox backup"
	backupVersion = 1
	manifestName  = "manifest.json"
	dataPart      = "data/"   // what lies in the data directory
	configPart    = "config/" // the box file, and type files beside it

	maxManifest    = 64 << 20
	maxBackupFiles = 1_000_000
	maxBackupPath  = 1024
)

// backupManifest says what a backup holds.
type backupManifest struct {
	Format  string       `json:"format"`
	Version int          `json:"version"`
	Labbox  string       `json:"labbox"`
	Box     string       `json:"box"`
	MadeMS  int64        `json:"made_ms"` // Unix, by the machine's calendar
	Config  string       `json:"config,omitempty"`
	Files   []backupFile `json:"files"`
}

// backupFile is one file in it.
type backupFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func badBackup(format string, args ...any) error {
	return edge.Errorf(edge.CodeBadConfig, "this is no backup that labbox can restore: "+format, args...).
		WithHint("nothing was changed; take another backup file")
}

// leftOut are names of a data directory that belong to the directory or the
// moment, not to what it holds.
func leftOut(name string) bool {
	switch name {
	case "lock", "instance", class.ResetFile, "VERSION.new":
		return true
	}
	return false
}

// check refuses what could lead anywhere else than into the new directory.
func (m *backupManifest) check() error {
	if m.Format != backupFormat {
		return badBackup("its manifest is of another program")
	}
	if m.Version != backupVersion {
		return badBackup("it has format %d, this labbox reads %d", m.Version, backupVersion)
	}
	if m.Box != "" {
		if err := edge.CheckName(m.Box); err != nil {
			return badBackup("%w", err)
		}
	}
	if len(m.Files) > maxBackupFiles {
		return badBackup("it has %d files", len(m.Files))
	}
	files, dirs := map[string]bool{}, map[string]bool{}
	hasVersion, hasConfig := false, m.Config == ""
	for _, f := range m.Files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		name := strings.ToLower(f.Path) // two names that are one on some disks
		if files[name] {
			return badBackup("%q is there twice", f.Path)
		}
		files[name] = true
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size || f.Size < 0 {
			return badBackup("%q has no size and checksum", f.Path)
		}
		hasVersion = hasVersion || f.Path == dataPart+"VERSION"
		hasConfig = hasConfig || f.Path == configPart+m.Config
	}
	for d := range dirs {
		if files[d] {
			return badBackup("%q is a file and a directory", d)
		}
	}
	if !hasVersion || !hasConfig {
		return badBackup("it lacks VERSION or the box file")
	}
	return nil
}

func checkPath(p string) error {
	rest, ok := strings.CutPrefix(p, dataPart)
	if !ok {
		rest, ok = strings.CutPrefix(p, configPart)
	} else if first, _, _ := strings.Cut(rest, "/"); leftOut(strings.ToLower(first)) {
		ok = false
	}
	if !ok || len(p) > maxBackupPath || rest == "" || path.Clean(p) != p || path.IsAbs(rest) {
		return badBackup("path %.200q", p)
	}
	for part := range strings.SplitSeq(rest, "/") {
		// Windows takes a colon for a stream or a drive, and loses dots and spaces
		// at an end.
		if part == ".." || strings.ContainsAny(part, "\\:*?\"<>|") || strings.TrimRight(part, ". ") != part {
			return badBackup("path %.200q", p)
		}
		for _, c := range part {
			if c < ' ' || c == 0x7f {
				return badBackup("path %.200q", p)
			}
		}
	}
	return nil
}

// size is what all files take.
func (m *backupManifest) size() (n uint64) {
	for _, f := range m.Files {
		n += uint64(f.Size)
	}
	return n
}

// readBackup reads a whole backup and holds every byte against the manifest.
// begin, where given, sees the manifest first; each is handed every file and must
// read it to its end. What each has taken is only to be trusted once readBackup
// returns nil.
func readBackup(ctx context.Context, r io.Reader, begin func(*backupManifest) error, each func(f backupFile, r io.Reader) error) (*backupManifest, error) {
	in := &byteReader{r: r}
	zip, err := gzip.NewReader(in)
	if err != nil {
		return nil, badBackup("%w", err)
	}
	zip.Multistream(false)
	t := tar.NewReader(zip)
	m, err := readManifest(t)
	if err != nil {
		return nil, err
	}
	if begin != nil {
		if err := begin(m); err != nil {
			return nil, err
		}
	}
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := t.Next()
		if err != nil {
			return nil, badBackup("%s: %w", f.Path, whole(err))
		}
		if h.Typeflag != tar.TypeReg || h.Name != f.Path || h.Size != f.Size {
			return nil, badBackup("%.200q stands where %q should", h.Name, f.Path)
		}
		sum := sha256.New()
		if err := each(f, io.TeeReader(t, sum)); err != nil {
			var inside readError
			if errors.As(err, &inside) {
				return nil, badBackup("%s: %w", f.Path, whole(inside.error))
			}
			return nil, err
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
			return nil, badBackup("%s is damaged: its checksum does not fit", f.Path)
		}
	}
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return nil, badBackup("it holds more than its manifest says")
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(zip, 1<<20)); err != nil || n == 1<<20 { // the checksum at its end
		return nil, badBackup("its end is damaged: %w", whole(err))
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, badBackup("something follows its end")
	}
	return m, nil
}

// readError is a failure of the backup itself, not of where it is written to.
type readError struct{ error }

// copyOut copies a file of a backup and tells which side failed.
func copyOut(w io.Writer, r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError{err}
		}
	}
}

// whole says of an early end that it is one.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends early: not all of it was copied")
	}
	if err == nil {
		return errors.New("it goes on")
	}
	return err
}

func readManifest(t *tar.Reader) (*backupManifest, error) {
	h, err := t.Next()
	if err != nil {
		return nil, badBackup("%w", whole(err))
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return nil, badBackup("it does not begin with a manifest")
	}
	b, err := io.ReadAll(io.LimitReader(t, maxManifest))
	if err != nil {
		return nil, badBackup("%w", whole(err))
	}
	m := &backupManifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, badBackup("manifest: %w", err)
	}
	return m, m.check()
}

// byteReader hands out single bytes, so that gzip reads no further than its
// end.
type byteReader struct {
	r    io.Reader
	buf  [64 << 10]byte
	have []byte
}

func (c *byteReader) fill() error {
	if len(c.have) > 0 {
		return nil
	}
	n, err := c.r.Read(c.buf[:])
	c.have = c.buf[:n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

func (c *byteReader) Read(p []byte) (int, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	n := copy(p, c.have)
	c.have = c.have[n:]
	return n, nil
}

func (c *byteReader) ReadByte() (byte, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	b := c.have[0]
	c.have = c.have[1:]
	return b, nil
}

// writeBackup writes the files in their order; open gives each by its path.
func writeBackup(ctx context.Context, w io.Writer, m *backupManifest, open func(p string) (io.ReadCloser, error)) error {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	t := tar.NewWriter(zip)
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(head)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := t.Write(head); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeOne(t, f, open); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return errors.Join(t.Close(), zip.Close())
}

func writeOne(t *tar.Writer, f backupFile, open func(p string) (io.ReadCloser, error)) error {
	r, err := open(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := t.WriteHeader(&tar.Header{Name: f.Path, Mode: 0o600, Size: f.Size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(t, sum), r)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return errors.New("it changed while it was read")
	}
	return nil
}
