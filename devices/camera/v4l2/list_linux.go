package v4l2

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// List is every video node of this computer, in the order of their numbers. To learn
// what it gives each node is opened; that takes a camera from nobody and starts none.
func List() ([]Info, error) {
	return lister{sys: "/sys/class/video4linux", dev: "/dev", open: openNode}.list()
}

// lister finds nodes; tests give it folders of their own.
type lister struct {
	sys, dev string
	open     func(path string) (handle, error)
}

func (l lister) list() ([]Info, error) {
	entries, err := os.ReadDir(l.sys)
	if os.IsNotExist(err) {
		return nil, nil // no driver is loaded
	}
	if err != nil {
		return nil, err
	}
	byID, byPath := l.links("by-id"), l.links("by-path")
	var all []Info
	for _, e := range entries {
		name := e.Name()
		if _, ok := number(name); !ok {
			continue // sub-devices, radios
		}
		dir := filepath.Join(l.sys, name)
		path := filepath.Join(l.dev, name)
		i := Info{Path: path, ByID: byID[path], ByPath: byPath[path], Name: line(dir, "name")}
		if target, err := filepath.EvalSymlinks(filepath.Join(dir, "device", "driver")); err == nil {
			i.Driver = filepath.Base(target)
		}
		if h, err := l.open(path); err != nil {
			// The first node of a UVC camera is the one with pictures.
			i.Err, i.Capture = err, line(dir, "index") == "0"
		} else {
			got, err := inquire(h)
			_ = h.close()
			if i.Err = err; err == nil {
				i.Name, i.Driver, i.Bus = got.Name, got.Driver, got.Bus
				i.Capture, i.Formats, i.Usable = got.Capture, got.Formats, got.Usable
			}
		}
		all = append(all, i)
	}
	sort.Slice(all, func(a, b int) bool {
		x, _ := number(all[a].Path)
		y, _ := number(all[b].Path)
		return x < y
	})
	return all, nil
}

// number is that of a node, as in video10.
func number(path string) (int, bool) {
	digits, ok := strings.CutPrefix(filepath.Base(path), "video")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}

// links are the names below /dev/v4l/KIND, by the node that they lead to.
func (l lister) links(kind string) map[string]string {
	out := map[string]string{}
	names, _ := filepath.Glob(filepath.Join(l.dev, "v4l", kind, "*"))
	for _, n := range names {
		target, err := os.Readlink(n)
		if err != nil {
			continue
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(n), target)
		}
		// By path, a camera may have a second, longer name for its USB version.
		if target = filepath.Clean(target); out[target] == "" {
			out[target] = n
		}
	}
	return out
}

// line is a file of sysfs, without what would upset a terminal.
func line(dir, file string) string {
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return ""
	}
	return text([]byte(strings.TrimSpace(string(b))))
}
