package devices

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/config"
	"labbox/firmware-protocols/modbus"
)

//go:embed catalog/[a-z0-9]*.yaml
var catalogFS embed.FS

// calibrate puts the line through two points into scale and offset.
func (ch *Channel) calibrate() {
	if len(ch.Points) == 2 {
		a, b := ch.Points[0], ch.Points[1]
		ch.Scale = (b[1] - a[1]) / (b[0] - a[0])
		ch.Offset = a[1] - ch.Scale*a[0]
	}
}

// Registry finds device types: those of the catalogue, and files of a bench's
// own. It is read-only and safe for concurrent use.
type Registry struct {
	types map[string]func() (*Type, error)
}

// NewRegistry lists the embedded catalogue. Each type is read when it is first
// asked for: a box needs a few of them, and checking all takes a while.
func NewRegistry() (*Registry, error) {
	r := &Registry{types: map[string]func() (*Type, error){}}
	names, err := fs.Glob(catalogFS, "catalog/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		r.types[strings.TrimSuffix(path.Base(name), ".yaml")] = sync.OnceValues(func() (*Type, error) { return catalogued(name) })
	}
	return r, nil
}

// catalogued reads one file of the catalogue. An error means that labbox was
// built with a broken type file.
func catalogued(name string) (*Type, error) {
	data, err := catalogFS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t, ps := ParseType(name, data)
	if err := ps.Err(); err != nil {
		return nil, err
	}
	if t.Name != strings.TrimSuffix(path.Base(name), ".yaml") {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s holds the type %q: file and type must have one name", name, t.Name)
	}
	return t, nil
}

// Names lists the catalogue's types, sorted.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.types))
	for n := range r.types {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Type finds a type by its catalogue name, or, for a name that ends in .yaml,
// in a file (relative to dir).
func (r *Registry) Type(name, dir string) (*Type, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		t, ps := LoadType(name)
		return t, ps.Err()
	}
	if t, ok := r.types[name]; ok {
		return t()
	}
	err := edge.Errorf(edge.CodeBadConfig, "unknown device type %q", name)
	if best := config.Nearest(name, r.Names()); best != "" {
		return nil, err.WithHint("did you mean %q?", best)
	}
	return nil, err.WithHint("known types: %s; or give a path that ends in .yaml", strings.Join(r.Names(), ", "))
}

// LoadType reads and checks a type file.
func LoadType(file string) (*Type, config.Problems) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, config.Problems{{File: file, Code: "unreadable", Message: err.Error(), Hint: "is the path right?"}}
	}
	return ParseType(file, data)
}

// ParseType checks a type file's text. The Type is nil when there are problems.
func ParseType(name string, data []byte) (*Type, config.Problems) {
	t := &Type{file: name}
	doc := config.Decode(name, data, t)
	if len(doc.Problems()) == 0 {
		c := &checker{Doc: doc, t: t}
		c.check()
		if len(doc.Problems()) == 0 {
			c.encodes()
		}
	}
	if ps := doc.Problems(); len(ps) > 0 {
		return nil, ps
	}
	sum := sha256.Sum256(data)
	t.hash = hex.EncodeToString(sum[:16])
	t.defaults()
	return t, nil
}

// asked is how often the device is asked for values at most and at least; 0 where
// it is not. What a limit of time means depends on it: two answers must fit in.
func (t *Type) asked() (fastest, slowest time.Duration) {
	add := func(every time.Duration) {
		if fastest == 0 || every < fastest {
			fastest = every
		}
		slowest = max(slowest, every)
	}
	for i := range t.Polls {
		add(t.Polls[i].Every)
	}
	if m := t.Protocol.Modbus; m != nil {
		for i := range m.Registers {
			if every := m.Registers[i].Every; every > 0 {
				add(every)
			} else {
				add(m.poll())
			}
		}
	}
	return fastest, slowest
}

func (t *Type) defaults() {
	def := func(d *Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	fastest, slowest := t.asked()
	def(&t.Stale, time.Second+2*fastest)
	def(&t.Grace, 2*time.Second)
	def(&t.Keep, 30*time.Second)
	t.Keep = max(t.Keep, t.Grace)
	def(&t.Connect.IdentifyIn, 3*time.Second)
	if t.Serial.Baud == 0 {
		t.Serial.Baud = 115200
	}
	if l := t.Protocol.Lines; l != nil {
		if l.MaxLine == 0 {
			l.MaxLine = 1024
		}
		if l.SendTerminator == "" {
			l.SendTerminator = "\n"
		}
	}
	if a := t.AutoChannel; a != nil {
		if a.Max == 0 {
			a.Max = 16
		}
		def(&a.Settle, 500*time.Millisecond)
	}
	for i := range t.Channels {
		t.Channels[i].calibrate()
		if t.Channels[i].Scale == 0 {
			t.Channels[i].Scale = 1
		}
	}
	if m := t.Protocol.Modbus; m != nil && t.Timing.Pause == 0 && m.Mode != "tcp" {
		_, t.Timing.Pause = modbus.Silence(t.Serial.Baud)
	}
	if t.Protocol.Firmata != nil { // a board that says its version has started
		t.Connect.Banner = Fields{bootField: "*"}
	}
	if t.Protocol.Gcode != nil && len(t.Connect.Banner) == 0 {
		t.Connect.Banner = Fields{"rebooted": "*"}
	}
	if t.Timing.Reply == 0 {
		t.Timing.Reply = 500 * time.Millisecond
	}
	for i := range t.Commands {
		def(&t.Commands[i].Within, time.Second+2*slowest)
		t.Commands[i].confirmed, t.Commands[i].answerIn = t.Protocol.answers(), t.Timing.Reply
		t.Commands[i].Reply.defaults(t.Timing.Reply)
	}
	for i := range t.Polls {
		t.Polls[i].Reply.defaults(t.Timing.Reply)
	}
	steps := append(append(append(append([]Step{}, t.Connect.Identify...), t.Connect.Steps...), t.On.Mismatch...), t.On.Timeout...)
	if t.Safe != nil {
		def(&t.Safe.Within, time.Second+2*slowest)
		if t.Safe.Tries == 0 {
			t.Safe.Tries = 3
		}
		steps = append(steps, t.Safe.Steps...)
	}
	if b := t.Between; b != nil {
		def(&b.Within, time.Second+2*slowest)
		if b.Tries == 0 {
			b.Tries = 3
		}
	}
	for i := range steps {
		steps[i].Reply.defaults(t.Timing.Reply)
		steps[i].Expect.defaults(t.Timing.Reply)
	}
	if t.Keepalive != nil {
		t.Keepalive.Reply.defaults(t.Timing.Reply)
	}
}

func (r *Reply) defaults(within Duration) {
	if r == nil {
		return
	}
	if r.Within == 0 {
		r.Within = within
	}
	for i := range r.Then {
		if r.Then[i].Send != nil { // else it is a part of the answer, and has its time
			r.Then[i].Reply.defaults(within)
		}
	}
}
