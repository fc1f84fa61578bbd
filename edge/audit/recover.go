package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// begin finds the end of the log and opens it for writing. A last line that a
// crash has cut off goes; whatever else is wrong stays as it is, and a new file
// begins with a record that says what was found.
func (w *writer) begin(ctx context.Context) error {
	l := w.log
	files, err := list(l.cfg.Dir)
	if err != nil {
		return err
	}
	kept := l.cfg.Kept
	beside, err := readHead(l.cfg.Dir)
	broken := ""
	if err != nil {
		broken = err.Error()
	}
	if beside.N > 0 {
		kept = append([]Head{beside}, kept...)
	}
	var end tail
	at := len(files) - 1 // the file that holds the last record
	for ; at >= 0; at-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		if end, err = readTail(files[at].path); err != nil {
			return err
		}
		if end.any || end.whole {
			break
		}
	}
	next := end.last.N + 1
	for _, h := range kept {
		next = max(next, h.N+1)
	}
	if broken == "" {
		broken = w.judge(files, at, end, kept)
	}
	w.head = end.last
	if broken != "" {
		if len(files) > 0 {
			next = max(next, files[len(files)-1].first+1)
		}
		l.cfg.Logger.Error("audit log is broken", "found", broken)
		w.head.N = next - 1 // what was before is not counted again
		if err := w.next(next); err != nil {
			return err
		}
		return w.start(codeBroken, map[string]any{"found": broken, "last": end.last.String()})
	}
	if len(files) == 0 {
		if err := w.next(1); err != nil {
			return err
		}
		return w.start("", nil)
	}
	return w.goOn(files, at, end)
}

// judge says what is wrong with the end of a log, "" for nothing that a crash
// does not explain.
func (w *writer) judge(files []logFile, at int, end tail, kept []Head) string {
	if end.whole {
		return fmt.Sprintf("%s:%d %v", filepath.Base(files[at].path), end.line, end.err)
	}
	if at < 0 && len(files) > 0 && files[0].first != 1 {
		return "no record is left"
	}
	if at >= 0 && at < len(files)-1 && (files[at+1].first != end.last.N+1 || at < len(files)-2) {
		return fmt.Sprintf("%s follows record %d", filepath.Base(files[at+1].path), end.last.N)
	}
	if at >= 0 && at < len(files)-1 && end.line > 0 {
		return fmt.Sprintf("%s:%d %v", filepath.Base(files[at].path), end.line, end.err)
	}
	for _, h := range kept {
		if h.N > end.last.N {
			return fmt.Sprintf("it ends at record %d, and had %d", end.last.N, h.N)
		}
		if h.N == end.last.N && h.Hash != end.last.Hash {
			return fmt.Sprintf("record %d is another one than it was", h.N)
		}
	}
	return ""
}

// goOn opens the last file behind its last whole record.
func (w *writer) goOn(files []logFile, at int, end tail) error {
	last := files[len(files)-1]
	good := end.good
	if at < len(files)-1 {
		good = 0 // the last file holds no record yet
	}
	code, args := "", map[string]any(nil)
	if good < last.size {
		cut, err := cutOff(last.path, good)
		if err != nil {
			return err
		}
		code, args = codeTorn, map[string]any{"bytes": last.size - good, "sha256": cut.String()}
		w.log.cfg.Logger.Warn("last line of the audit log was cut off by a crash", "path", last.path, "bytes", last.size-good)
	}
	f, err := w.log.cfg.open(last.path)
	if err != nil {
		return err
	}
	if err := f.Truncate(good); err != nil {
		_ = f.Close()
		return err
	}
	w.f, w.path, w.first, w.size = f, last.path, last.first, good
	return w.start(code, args)
}

// cutOff is the hash of what stands behind offset at.
func cutOff(path string, at int64) (h Hash, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return h, err
	}
	if _, err := io.Copy(sum, f); err != nil {
		return h, err
	}
	copy(h[:], sum.Sum(nil))
	return h, nil
}

// start writes the first records of this process, and syncs them: what was found
// at the end of the log, then that it goes on.
func (w *writer) start(code string, args map[string]any) error {
	l := w.log
	var b []byte
	head := w.head
	if code != "" {
		b, head = appendRecord(b, head, appendEvent(nil, l.own(code, args)))
	}
	b, head = appendRecord(b, head, appendEvent(nil, l.own(codeStarted, map[string]any{"version": l.cfg.Version})))
	if err := w.put(b, head); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	w.dirty = false
	if err := w.retain(); err != nil {
		return err
	}
	return writeHead(l.cfg.Dir, w.head)
}
