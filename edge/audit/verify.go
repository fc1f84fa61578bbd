package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"labbox/edge"
)

// Finding is one thing that is wrong with a log.
type Finding struct {
	File string `json:"file"` // "" where it is no place in a file
	Line int    `json:"line,omitempty"`
	What string `json:"what"`
}

func (f Finding) String() string {
	switch {
	case f.File == "":
		return f.What
	case f.Line == 0:
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
}

// maxFindings bounds a report: one edit may show at several places.
const maxFindings = 50

// Report is what Verify has found.
type Report struct {
	First   uint64 `json:"first"` // number of the first record that is kept
	Head    Head   `json:"head"`
	Records uint64 `json:"records"`
	Files   int    `json:"files"`
	// Dropped is set where older records were deleted by the box itself, by size
	// or age.
	Dropped bool `json:"dropped,omitempty"`
	// Torn is how many bytes of a record stand at the end that is being written
	// now, or that a crash has cut off.
	Torn int `json:"torn,omitempty"`
	// Lost counts events that the log says it has not recorded.
	Lost     uint64    `json:"lost,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
}

// OK says that nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) add(file string, line int, format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{file, line, fmt.Sprintf(format, args...)})
	}
}

// Verify reads the whole log in dir and says what is wrong with it. It writes
// nothing, and the box may go on. kept are heads from elsewhere, which the log
// must hold.
func Verify(ctx context.Context, dir string, kept ...Head) (Report, error) {
	for range 3 {
		r, err := verify(ctx, dir, kept)
		if !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
		if _, err := os.Stat(dir); err != nil {
			return r, err
		}
	} // the box drops old files while we look
	return Report{}, edge.Errorf(edge.CodeStoreDown, "the files of %s change all the time", dir)
}

func verify(ctx context.Context, dir string, kept []Head) (Report, error) {
	c := checker{anchors: map[Head]bool{}, kept: kept}
	beside, err := readHead(dir) // before the files, which only grow
	if err != nil {
		c.report.add(headName, 0, "%v", err)
	}
	if beside.N > 0 {
		c.kept = append([]Head{beside}, kept...)
	}
	files, err := list(dir)
	if err != nil {
		return c.report, err
	}
	for i, file := range files {
		if err := c.file(ctx, file.path, i == len(files)-1, file.first); err != nil {
			return c.report, err
		}
	}
	c.end()
	return c.report, nil
}

// VerifyFile does what Verify does for an exported log.
func VerifyFile(ctx context.Context, path string, kept ...Head) (Report, error) {
	c := checker{anchors: map[Head]bool{}, kept: kept}
	if err := c.file(ctx, path, true, 0); err != nil {
		return c.report, err
	}
	c.end()
	return c.report, nil
}

// checker follows a chain over its files.
type checker struct {
	report  Report
	kept    []Head
	first   Head // what came before the first record
	last    Head
	any     bool
	anchors map[Head]bool // what the log says was dropped
}

func (c *checker) file(ctx context.Context, path string, last bool, first uint64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.read(ctx, f, filepath.Base(path), last, first)
}

func (c *checker) read(ctx context.Context, r io.Reader, name string, last bool, first uint64) error {
	c.report.Files++
	n := 0
	err := lines(r, func(line []byte, size int, whole bool) bool {
		n++
		if n == 1 && first > 0 {
			if head, _, _, err := parseRecord(line); err == nil && head.N != first {
				c.report.add(name, n, "is record %d, and the file's name says %d", head.N, first)
			}
		}
		if !whole && last && torn(line) {
			c.report.Torn = size
			return true
		}
		c.line(name, n, line, whole)
		return ctx.Err() != nil
	})
	if n == 0 && !last {
		c.report.add(name, 0, "is empty")
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// torn says that what has no newline may be what a crash has left: a piece of a
// record, or all of it but the newline.
func torn(line []byte) bool {
	_, _, _, err := parseRecord(line)
	return err == nil || !json.Valid(line)
}

// line takes the next line of the chain.
func (c *checker) line(file string, n int, line []byte, whole bool) {
	head, prev, event, err := parseRecord(line)
	if !whole {
		c.report.add(file, n, "has no end")
	}
	if err != nil {
		c.report.add(file, n, "%v", err)
		if errors.Is(err, errLayout) {
			return
		}
	}
	c.report.Records++
	switch {
	case !c.any:
		c.first = Head{head.N - 1, prev}
		c.report.First = head.N
	case err == nil && ownCode(event) == codeBroken: // said below
	case head.N <= c.last.N:
		c.report.add(file, n, "is record %d, after record %d", head.N, c.last.N)
	case head.N != c.last.N+1:
		c.report.add(file, n, "is record %d: %d missing before it", head.N, head.N-c.last.N-1)
	case prev != c.last.Hash:
		c.report.add(file, n, "does not follow the record before it")
	}
	c.any, c.last = true, head
	for _, k := range c.kept {
		if k.N == head.N && k.Hash != head.Hash {
			c.report.add(file, n, "is another record than record %d was", k.N)
		}
	}
	if err == nil && ownCode(event) != "" {
		c.own(file, n, event)
	}
}

// own takes what the log says of itself.
func (c *checker) own(file string, n int, event []byte) {
	var e struct {
		Code string `json:"code"`
		Args struct {
			N     uint64 `json:"n"`
			Hash  Hash   `json:"hash"`
			Found string `json:"found"`
		} `json:"args"`
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	switch e.Code {
	case codeDropped:
		c.anchors[Head{e.Args.N, e.Args.Hash}] = true
	case codeLost:
		c.report.Lost += e.Args.N
	case codeBroken:
		c.report.add(file, n, "the box found the log broken when it started: %s", e.Args.Found)
	}
}

func (c *checker) end() {
	c.report.Head = c.last
	if c.any && c.first.N > 0 {
		c.report.Dropped = c.anchors[c.first]
		if !c.report.Dropped {
			c.report.add("", 0, "it begins with record %d, and does not say that the ones before were dropped", c.first.N+1)
		}
	} else if c.any && c.first.Hash != (Hash{}) {
		c.report.add("", 0, "its first record names one before it")
	}
	told := uint64(0)
	for _, k := range c.kept {
		if k.N > c.last.N && k.N > told {
			told = k.N
			c.report.add("", 0, "it ends at record %d, and had %d: the end was cut off", c.last.N, k.N)
		}
	}
}

// ownCode is the code of a record of the log's own, else "".
func ownCode(event []byte) string {
	if !bytes.Contains(event, []byte(`"code":"`+ownCodes)) {
		return ""
	}
	var e struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(event, &e) != nil || !strings.HasPrefix(e.Code, ownCodes) {
		return ""
	}
	return e.Code
}

// Walk calls fn for every record that is there, the oldest first. Lines that are
// no records are passed over: Verify tells of them.
func Walk(ctx context.Context, dir string, fn func(*Record) error) error {
	files, err := list(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := walkFile(ctx, file.path, fn); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func walkFile(ctx context.Context, path string, fn func(*Record) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return walk(ctx, f, path, fn)
}

func walk(ctx context.Context, r io.Reader, path string, fn func(*Record) error) error {
	n := 0
	var failed error
	err := lines(r, func(line []byte, _ int, whole bool) bool {
		n++
		head, prev, event, err := parseRecord(line)
		if err != nil && !errors.Is(err, errChanged) || !whole {
			return ctx.Err() != nil
		}
		rec := Record{Head: head, Prev: prev, File: path, Line: n, Raw: line}
		if json.Unmarshal(event, &rec.Event) == nil {
			failed = fn(&rec)
		}
		return failed != nil || ctx.Err() != nil
	})
	return errors.Join(failed, err, ctx.Err())
}
