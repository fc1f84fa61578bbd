package labwire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// decodeCase is what a device of three int16 channels sends, in epoch 3, and what a box finds in it.
type decodeCase struct {
	Name string   `json:"name"`
	In   string   `json:"in"`
	Want []string `json:"want"`
}

const threeChannels = "labwire 1\ndevice three \"Three\" \"1\"\nrate 10\nsafe \"off\" 1000 1000\n" +
	"i16 temperature \"Temperature\" \"Cel\" 0 150 1 0.1 0\ni16 heater \"Heater\" \"%\" 0 100 1 0.1 0\ni16 fan \"Fan\" \"\" 0 1 0 1 0\n"

// show writes a message on one line; what is lost comes first.
func show(m *Message) string {
	s := fmt.Sprintf("lost %d %v ", m.Lost, m.Kind)
	switch m.Kind {
	case KindGarbage:
		return s + fmt.Sprintf("%s %d bytes", m.Why, m.Size)
	case KindText:
		return s + fmt.Sprintf("%q boot %v", m.Raw, m.Boot)
	case KindHello:
		return s + fmt.Sprintf("%+v", m.Hello)
	case KindChunk:
		return s + fmt.Sprintf("%d %q", m.Chunk.Offset, m.Chunk.Data)
	case KindReply:
		return s + fmt.Sprintf("%d %v %q", m.Reply.ID, m.Reply.Code, m.Reply.Text)
	case KindEvent:
		return s + fmt.Sprintf("%d %v at %d ms", m.Event.Kind, m.Event.Cause, m.Event.TimeMS)
	case KindStatus:
		return s + fmt.Sprintf("%+v", m.Status)
	}
	p := &m.Samples
	return s + fmt.Sprintf("epoch %d safe %v restart %v stale %v first %d lost rows %d at %d us step %d us rows %d %v",
		p.Epoch, p.Safe, p.Restart, p.Stale, p.First, p.LostRows, p.TimeUS, p.StepUS, p.Rows, p.Columns)
}

func TestDecodeVectors(t *testing.T) {
	text, err := os.ReadFile("vectors/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []decodeCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	dict, err := ParseDictionary([]byte(threeChannels))
	if err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		c := &cases[i]
		in, err := hex.DecodeString(c.In)
		if err != nil {
			t.Fatal(err)
		}
		dec := NewDecoder()
		dec.SetDictionary(dict)
		dec.Expect(3)
		got := []string{}
		dec.Feed(in, func(m *Message) { got = append(got, show(m)) })
		if *update {
			c.Want = got
		}
		if !slices.Equal(got, c.Want) {
			t.Errorf("%s:\n got %q\nwant %q", c.Name, got, c.Want)
		}
	}
	if *update {
		text, err := json.MarshalIndent(cases, "", " ")
		if err == nil {
			err = os.WriteFile("vectors/decode.json", append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
