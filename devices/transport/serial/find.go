package serial

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"labbox/edge"
)

// Find returns the one of ports that m describes. Errors: port_missing, and
// bad_config where several fit: which of them is meant is not guessed.
func (m Match) Find(ports []Info) (Info, error) {
	var fit []Info
	for _, p := range ports {
		if m.Fits(p) {
			fit = append(fit, p)
		}
	}
	switch len(fit) {
	case 0:
		return Info{}, m.missing(ports)
	case 1:
		return fit[0], nil
	}
	return Info{}, edge.Errorf(edge.CodeBadConfig, "%s are %s: which one is meant?", enumerate(fit), m).
		WithHint("write %s", choices(fit, ports))
}

// missing says what is there instead.
func (m Match) missing(ports []Info) error {
	err := edge.Errorf(edge.CodePortMissing, "no serial port is %s", m)
	kind := m
	kind.Location = ""
	var same []Info
	for _, p := range ports {
		if m.Location != "" && kind.Fits(p) {
			same = append(same, p)
		}
	}
	switch {
	case len(same) == 0:
		return err.WithHint("plug the device in; `labbox ports` lists what is there")
	case !slices.ContainsFunc(same, func(p Info) bool { return p.Location != "" }):
		return edge.Errorf(edge.CodeBadConfig, "%s: this system does not say which socket a port is in", m).
			WithHint("tell devices apart by serial number, or give the path")
	}
	return edge.Errorf(edge.CodePortMissing, "no serial port is %s; there is %s", m, enumerate(same)).
		WithHint("plug it back into socket %s, or write %s", m.Location, choices(same, ports))
}

// enumerate lists ports with what tells them apart.
func enumerate(ports []Info) string {
	var out []string
	for _, p := range ports {
		var why []string
		if p.Serial != "" {
			why = append(why, "serial "+printable(p.Serial))
		}
		if p.Location != "" {
			why = append(why, "socket "+p.Location)
		}
		if i := interfaceNumber(p.Interface); i != "" {
			why = append(why, "interface "+i)
		}
		s := p.Path
		if len(why) > 0 {
			s += " (" + strings.Join(why, ", ") + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " and ")
}

func choices(fit, ports []Info) string {
	var out []string
	for _, p := range fit {
		out = append(out, "`port: "+p.Port(ports)+"`")
	}
	return strings.Join(out, " or ")
}

// Port is what stands behind `port:` in a box file for p, given all that is
// plugged in: by the device's own words where these tell it from the others, by
// socket where they do not, by path where there is nothing else.
func (p Info) Port(all []Info) string {
	m := Match{VID: p.VID, PID: p.PID}
	if utf8.ValidString(p.Serial) { // else it could not be written down
		m.Serial = p.Serial
	}
	alone := func() bool {
		return !slices.ContainsFunc(all, func(o Info) bool { return o.Path != p.Path && m.Fits(o) })
	}
	if p.USB && !alone() {
		if m.Interface = p.Interface; !alone() {
			if m.Interface, m.Location = "", p.Location; !alone() {
				m.Interface = p.Interface
			}
		}
	}
	if !p.USB || !isHex(p.VID, 4) || !isHex(p.PID, 4) || !alone() {
		return "{path: " + strconv.Quote(p.Path) + "}"
	}
	s := "{usb: " + strconv.Quote(m.VID+":"+m.PID)
	if m.Serial != "" {
		s += ", serial: " + strconv.Quote(m.Serial)
	}
	if m.Interface != "" {
		s += ", interface: " + interfaceNumber(m.Interface)
	}
	if m.Location != "" {
		s += ", socket: " + strconv.Quote(m.Location)
	}
	return s + "}"
}

// place is what an Opener knows of the device it had: of two boards that look
// the same to the box file, the one that was there all along is not the one that
// was pulled out.
type place struct {
	found    Info            // by the last find
	had      Info            // the port that was opened last
	fresh    bool            // and not been looked for since
	stranger map[string]Info // by path, were there when it was gone
}

// opened notes that the port that find returned is open now.
func (s *place) opened() { s.had, s.fresh, s.stranger = s.found, true, nil }

func (s *place) find(m Match, ports []Info) (Info, error) {
	p, err := m.Find(ports)
	if s.fresh {
		s.fresh, s.stranger = false, map[string]Info{}
		for _, o := range ports {
			if m.Fits(o) && !s.same(o) {
				s.stranger[o.Path] = o
			}
		}
	}
	for path, o := range s.stranger { // who was away may be anybody
		if !slices.Contains(ports, o) {
			delete(s.stranger, path)
		}
	}
	if err != nil {
		return Info{}, err
	}
	if o, is := s.stranger[p.Path]; is && o == p {
		return Info{}, edge.Errorf(edge.CodePortMissing, "%s is gone; %s is another one of its kind", enumerate([]Info{s.had}), enumerate([]Info{p})).
			WithHint("plug the device in again. If it is to be this one, pull that out and plug it in again, or write `port: %s`", p.Port(ports))
	}
	s.found = p
	return p, nil
}

// same says that o is the device that was open, or what is in its place now: it
// has its serial number, or sits in its socket.
func (s *place) same(o Info) bool {
	switch {
	case s.had.Interface != o.Interface:
		return false
	case s.had.Serial != "" && s.had.Serial == o.Serial:
		return true
	case s.had.Location == "": // nobody knows the sockets
		return s.had.Serial == o.Serial && s.had.Path == o.Path
	}
	return s.had.Location == o.Location
}

// printable is a device's word for itself without what would upset a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
