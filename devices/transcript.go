package devices

import (
	"fmt"
	"strings"

	"labbox/edge"
	"labbox/edge/config"
	"labbox/firmware-protocols/fields"
)

// Transcript is a session with the real device, written down: what it sent, what
// was sent to it, and what that means. `labbox check` runs it through the parser,
// the channels and the answers that a box uses.
type Transcript struct {
	Label edge.Text        `yaml:"label"` // what the session shows
	Steps []TranscriptStep `yaml:"steps"`
}

// TranscriptStep is one thing that happens: at most one of connect, command and
// poll is given; without them the device speaks by itself.
type TranscriptStep struct {
	Connect []Said         `yaml:"connect"` // the first step: what is said until the device is known
	Command string         `yaml:"command"`
	Args    map[string]any `yaml:"args"` // of the command
	Poll    string         `yaml:"poll"` // id of a poll; for modbus table and address, such as `holding 4096`

	Sends      string `yaml:"sends"`     // the message that goes to the device, exactly
	SendsHex   string `yaml:"sends_hex"` // the same in hexadecimal digits
	Receive    string `yaml:"receive"`   // what the device sends (then)
	ReceiveHex string `yaml:"receive_hex"`
	Encoding   string `yaml:"encoding"` // of these texts beyond ASCII: utf-8 or latin-1
	Silence    bool   `yaml:"silence"`  // the device pauses then: for messages that end so
	Then       []Said `yaml:"then"`     // more of the same dialogue, such as the error queue

	Shows map[string]any `yaml:"shows"` // channels and the values they show now: a number, a choice's id, a list of all that came, null for none
	Loses int            `yaml:"loses"` // samples that are known to be missing; default 0
	Says  string         `yaml:"says"`  // words for people that come with it
	Reply string         `yaml:"reply"` // the device's answer, as people are told it
	// Does is the answer to a command or poll: ok (default), refused, no_answer;
	// without one, refused: the device is not what the type file says.
	Does string `yaml:"answer"`
}

// Said is one message to the device and what it sends then; one of the two may be
// missing.
type Said struct {
	Sends      string `yaml:"sends"`
	SendsHex   string `yaml:"sends_hex"`
	Receive    string `yaml:"receive"`
	ReceiveHex string `yaml:"receive_hex"`
	Encoding   string `yaml:"encoding"`
	Silence    bool   `yaml:"silence"`
}

// said is a Said as bytes.
type said struct {
	sends, receive []byte
	binary         bool // receive was given in digits
	silence        bool
}

func (s *Said) bytes() (out said, key string, err error) {
	if out.sends, key, err = wireBytes("sends", s.Sends, s.SendsHex, s.Encoding); err != nil {
		return out, key, err
	}
	out.receive, key, err = wireBytes("receive", s.Receive, s.ReceiveHex, s.Encoding)
	out.binary, out.silence = s.ReceiveHex != "", s.Silence
	return out, key, err
}

// dialogue is what is said in a step, in order.
func (st *TranscriptStep) dialogue() []Said {
	if st.Connect != nil {
		return st.Connect
	}
	var out []Said
	if first := (Said{st.Sends, st.SendsHex, st.Receive, st.ReceiveHex, st.Encoding, st.Silence}); first != (Said{}) {
		out = append(out, first)
	}
	return append(out, st.Then...)
}

// wireBytes are the bytes that a text or its digits stand for. A text with
// characters that may be one byte or two needs to say which.
func wireBytes(key, text, digits, encoding string) (b []byte, at string, err error) {
	switch {
	case digits != "" && text != "":
		return nil, key, fmt.Errorf("%s and %s_hex say the same twice", key, key)
	case digits != "":
		b, err = fields.Hex(digits)
		return b, key + "_hex", err
	case encoding == "" && !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 && r <= 0xff }):
		return []byte(text), key, nil
	}
	b, err = fields.Bytes(text, encoding)
	return b, key, err
}

// transcripts checks what would not even begin.
func (c *checker) transcripts() {
	for i := range c.t.Transcripts {
		tr := &c.t.Transcripts[i]
		c.text(tr.Label, false, at("transcripts", i, "label"))
		if len(tr.Steps) == 0 {
			c.bad("missing", "such as `- {receive: \"...\", shows: {...}}`", at("transcripts", i), "a transcript without steps")
		}
		for k := range tr.Steps {
			c.transcriptStep(&tr.Steps[k], k, at("transcripts", i, "steps", k))
		}
	}
}

func (c *checker) transcriptStep(st *TranscriptStep, place int, p []any) {
	under := func(keys ...any) []any { return append(append([]any{}, p...), keys...) }
	n := 0
	for _, given := range []bool{st.Connect != nil, st.Command != "", st.Poll != ""} {
		if given {
			n++
		}
	}
	if n > 1 {
		c.bad("bad_value", "make two steps of it", p, "a step is one of connect, command, poll")
	}
	if st.Connect != nil && (place > 0 || st.Sends+st.SendsHex+st.Receive+st.ReceiveHex != "" || st.Then != nil) {
		c.bad("bad_value", "write what is said under `connect:` of the first step", under("connect"), "a device connects once, at first")
	}
	if st.Command != "" {
		var ids []string
		for i := range c.t.Commands {
			ids = append(ids, c.t.Commands[i].ID)
		}
		if cmd := c.t.command(st.Command); cmd == nil {
			if c.t.Protocol.Labwire == nil { // its commands are the device's own
				c.bad("unknown_command", c.choose(st.Command, ids...), under("command"), "no command `%s`", st.Command)
			}
		} else if _, err := cmd.resolve(stepArgs(st.Args)); err != nil {
			c.bad(string(edge.CodeOf(err)), edge.AsError(err).Hint, under("args"), "%s", edge.AsError(err).Message)
		}
	} else if st.Args != nil {
		c.bad("bad_value", "name the command beside it", under("args"), "arguments of no command")
	}
	if (st.Does != "" && st.Does != "refused" || st.Reply != "") && st.Command == "" && st.Poll == "" {
		c.bad("bad_value", "name the command or the poll beside it", under("answer"), "an answer to nothing")
	}
	if !oneOf(st.Does, "", "ok", "refused", "no_answer") {
		c.bad("bad_value", c.choose(st.Does, "ok", "refused", "no_answer"), under("answer"), "unknown answer `%s`", st.Does)
	}
	for i, d := range st.dialogue() {
		if _, key, err := d.bytes(); err != nil {
			path := under(key)
			if st.Connect != nil {
				path = under("connect", i, key)
			} else if k := i - len(st.dialogue()) + len(st.Then); k >= 0 {
				path = under("then", k, key)
			}
			c.bad("bad_value", "digits such as \"AA 55\", or `encoding: latin-1`", path, "%s", err)
		}
	}
	if c.t.AutoChannel == nil && c.t.Protocol.Labwire == nil && c.t.Protocol.Firmata == nil {
		for id := range st.Shows {
			c.channel(id, under("shows", id))
		}
	}
	if st.Loses < 0 {
		c.bad("bad_range", "0 or more", under("loses"), "loses %d", st.Loses)
	}
}

// Hash names the version of the type file.
func (t *Type) Hash() string { return t.hash }

// CheckTranscripts runs the transcripts of a type file, and notes each step that
// went otherwise at its place.
func CheckTranscripts(name string, data []byte) config.Problems {
	t, ps := ParseType(name, data)
	if len(ps) > 0 {
		return ps
	}
	doc := config.Decode(name, data, &Type{})
	for i := range t.Transcripts {
		tr := &t.Transcripts[i]
		err := t.rehearse(tr, func(step int, problem, hint string) {
			label := ""
			if s := tr.Label.In("en"); s != "" {
				label = s + ": "
			}
			doc.Add("transcript", label+problem, hint, "transcripts", i, "steps", step)
		})
		if err != nil {
			doc.Add("transcript", err.Error(), edge.AsError(err).Hint, "transcripts", i)
		}
	}
	return doc.Problems()
}
