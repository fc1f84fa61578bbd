package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"labbox/edge/durable"
)

const headName = "head.json"

// logFile is one of the log's files.
type logFile struct {
	path    string
	first   uint64
	size    int64
	changed time.Time
}

func fileName(dir string, n uint64) string {
	return filepath.Join(dir, fmt.Sprintf("audit-%012d.jsonl", n))
}

// list are the files of a log, the oldest first. Other files are left alone.
func list(dir string) ([]logFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []logFile
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "audit-")
		digits, end := strings.CutSuffix(digits, ".jsonl")
		n, err := strconv.ParseUint(digits, 10, 64)
		if !ok || !end || err != nil || n == 0 || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // dropped just now
		}
		if err != nil {
			return nil, err
		}
		files = append(files, logFile{filepath.Join(dir, e.Name()), n, info.Size(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b logFile) int {
		if a.first != b.first {
			return int(min(max(int64(a.first)-int64(b.first), -1), 1))
		}
		return strings.Compare(a.path, b.path)
	})
	return files, nil
}

// lines calls fn for every line of r without its newline, and then, with whole
// false, for what stands behind the last newline. A line longer than maxLine
// comes cut; size is its true length. Stop ends it early.
func lines(r io.Reader, fn func(line []byte, size int, whole bool) (stop bool)) error {
	in := bufio.NewReaderSize(r, maxLine+1)
	for {
		line, err := in.ReadSlice('\n')
		size := len(line)
		if errors.Is(err, bufio.ErrBufferFull) {
			line = slices.Clone(line)
			for errors.Is(err, bufio.ErrBufferFull) {
				var more []byte
				more, err = in.ReadSlice('\n')
				size += len(more)
			}
		} else if err == nil {
			line = line[:size-1]
		}
		if (err == nil || size > 0) && fn(line, size, err == nil) {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// tail is what the end of a file is like.
type tail struct {
	last  Head
	any   bool  // there is a record
	good  int64 // bytes of the records that hold together
	line  int   // of the first that does not, 0: all do
	err   error // why
	whole bool  // a whole line follows that does not hold: no torn end
}

// readTail reads a file's records until one does not hold.
func readTail(path string) (tail, error) {
	f, err := os.Open(path)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	return readTailOf(f)
}

func readTailOf(r io.Reader) (t tail, err error) {
	n := 0
	err = lines(r, func(line []byte, _ int, whole bool) bool {
		n++
		head, prev, _, err := parseRecord(line)
		if t.err == nil && err == nil && whole && t.any && (head.N != t.last.N+1 || prev != t.last.Hash) {
			err = errors.New("does not follow the record before it")
		}
		switch {
		case t.err == nil && err == nil && whole:
			t.last, t.any, t.good = head, true, t.good+int64(len(line))+1
			return false
		case t.err == nil:
			t.line, t.err = n, err
			if err == nil {
				t.err = errors.New("has no end") // only the newline is missing
				return false
			}
		}
		// A crash leaves a piece of a line or zeros, never another whole record.
		if whole && (len(line) == 0 || line[0] != 0) || !whole && json.Valid(line) {
			t.whole = true
		}
		return false
	})
	return t, err
}

// lastOf is the last record of a file that is not written any more.
func lastOf(path string) (Head, error) {
	t, err := readTail(path)
	return t.last, err
}

// writeHead replaces the head file by one that is on the disk before it has the
// name.
func writeHead(dir string, head Head) error {
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, headName)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// readHead is the head beside the files, the zero Head where there is none.
func readHead(dir string) (Head, error) {
	f, err := os.Open(filepath.Join(dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return Head{}, err
	}
	var h Head
	if err := json.Unmarshal(b, &h); err != nil || h.N == 0 {
		return Head{}, fmt.Errorf("%s is not readable as the head of a log", headName)
	}
	return h, nil
}

func openFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return dataFile{f}, nil
}

// dataFile is a file of which the data alone is synced.
type dataFile struct{ *os.File }

func (f dataFile) Sync() error { return durable.Data(f.File) }
