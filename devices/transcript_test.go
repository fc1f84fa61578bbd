package devices

import (
	"strings"
	"testing"
)

// Every type of the catalogue tells a session with the real device, and makes of
// it what the transcript says.
func TestCatalogTranscripts(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range reg.Names() {
		t.Run(name, func(t *testing.T) {
			if len(catalogType(t, name).Transcripts) == 0 {
				t.Error("no transcripts: write down a session with the device")
			}
			data, err := catalogFS.ReadFile("catalog/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range CheckTranscripts(name+".yaml", data) {
				t.Error(p)
			}
		})
	}
}

// tell runs one transcript behind a type file's text and returns its problems.
func tell(t *testing.T, typ, transcript string) string {
	t.Helper()
	var out []string
	for _, p := range CheckTranscripts("t.yaml", []byte(typ+"transcripts:\n  - steps:\n"+transcript)) {
		out = append(out, p.String())
	}
	return strings.Join(out, "\n")
}

// A session of each protocol with requests, as it should go.
func TestTranscriptsOfRequests(t *testing.T) {
	for _, tt := range []struct{ name, typ, steps string }{
		{"messages", bath, `
      - {connect: [{sends: "ID\r", receive: "BATH 5\r\n"}]}
      - {poll: temperature, sends: "T\r", receive: "T=21.5 C\r\n", shows: {temperature: 21.5}}
      - {poll: power, sends: "P\r", receive: "P=40,+\r\n", shows: {power: 40, heater: on}}
      - {receive: "!ALARM 3\r\n", shows: {alarm: 3}}
      - {command: set, args: {x: 20}, sends: "SP 20.0\r", receive: "BUSY\r\n", then: [{sends: "SP 20.0\r", receive: "OK\r\n"}]}
      - {command: set, args: {x: 20}, sends: "SP 20.0\r", receive: "ERR 7\r\n", answer: refused, reply: ERR 7}
      - {poll: temperature, sends: "T\r", receive: "T=?\r\n", answer: no_answer, loses: 2}
      - {poll: temperature, sends: "T\r", then: [{sends: "RESET\r"}], answer: no_answer, loses: 1}
      - {poll: temperature, sends: "T\r", receive: "!ALARM 4\r\nT=21.6 C\r\n", shows: {temperature: 21.6, alarm: 4}}
`},
		{"scpi", psu, `
      - {connect: [{sends: "*IDN?\n", receive: "labbox,simulated psu,0,1\n"}]}
      - {poll: readings, sends: "MEAS:VOLT?;CURR?\n", receive: "+1.2500E+01;0.25\n", shows: {volts: 12.5, amps: 0.25}}
      - {command: volts, args: {x: 3}, sends: "VOLT 3.000\n", then: [{sends: "SYST:ERR?\n", receive: "0,\"No error\"\n"}]}
      - command: over
        args: {x: 99}
        sends: "OVER 99.000\n"
        then:
          - {sends: "SYST:ERR?\n", receive: "-222,\"Data out of range\"\n"}
          - {sends: "SYST:ERR?\n", receive: "+0,\"No error\"\n"}
        answer: refused
        reply: -222,"Data out of range"
      - {command: output, args: {state: on}, sends: "OUTP 1\n", then: [{sends: "*OPC?\n", receive: "1\n"}, {sends: "SYST:ERR?\n", receive: "0,\"No error\"\n"}]}
`},
		{"modbus", controller, `
      - {connect: [{sends_hex: "07 03 01 00 00 01 85 90", receive_hex: "07 03 02 00 00 30 44"}]}
      - {poll: input 0, sends_hex: "07 04 00 00 00 04 F1 AF", receive_hex: "07 04 08 00 D7 00 00 42 4A 00 00 A8 26", shows: {temperature: 21.5, power: 50.5}}
      - {poll: input 0, sends_hex: "07 04 00 00 00 04 F1 AF", receive_hex: "07 84 02 22 C0", answer: refused, loses: 1}
      - {command: setpoint, args: {t: 60.5}, sends_hex: "07 06 00 10 02 5D 48 F0", receive_hex: "07 06 00 10 02 5D 48 F0", answer: no_answer}
      - {command: run, args: {state: on}, sends_hex: "07 05 00 03 FF 00 7C 5C", receive_hex: "07 85 03 E2 90", answer: refused, reply: "exception 3: illegal data value"}
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tell(t, tt.typ, tt.steps); got != "" {
				t.Error(got)
			}
		})
	}
}

// Each thing that goes otherwise is told at its step, with what came instead.
func TestTranscriptsTellWhatWentOtherwise(t *testing.T) {
	for _, tt := range []struct{ name, typ, step, want string }{
		{"value", bath, `{receive: "!ALARM 3\r\n", shows: {alarm: 4}}`, "alarm shows 3, not 4"},
		{"choice", bath, `{poll: power, sends: "P\r", receive: "P=1,-\r\n", shows: {heater: on}}`, "heater shows off, not on"},
		{"nothing came", bath, `{receive: "!ALARM x\r\n", shows: {alarm: 4}, loses: 1}`, "alarm shows nothing\n\thint: what was not understood: !ALARM x (matches no declared message)"},
		{"something came", bath, `{receive: "!ALARM 3\r\n", shows: {alarm: null}}`, "alarm shows 3, where none is expected"},
		{"how many", bath, `{receive: "!ALARM 3\r\n!ALARM 4\r\n", shows: {alarm: [3]}}`, "alarm shows 2 values, not 1\n\thint: it shows 3, 4"},
		{"another message", bath, `{command: set, args: {x: 5}, sends: "SP 6.0\r", receive: "OK\r\n"}`,
			`sends "SP 5.0\r", not "SP 6.0\r"` + "\n\thint: they part at byte 3: \"5\" (35), not \"6\" (36)"},
		{"shorter", bath, `{command: set, args: {x: 5}, sends: "SP 5.0", receive: "OK\r\n"}`, "they part at byte 6: \"\\r\" (0D), not its end"},
		{"one too many", bath, `{poll: temperature, sends: "T\r", answer: no_answer, loses: 1}`, `sends "RESET\r", which the transcript does not have`},
		{"one too few", bath, `{receive: "!ALARM 3\r\n", then: [{sends: "X\r"}]}`, `nothing is sent, where the transcript has "X\r"`},
		{"answer", bath, `{command: set, args: {x: 5}, sends: "SP 5.0\r", receive: "ERR 7\r\n"}`, "the answer is refused, not ok\n\thint: the device answered ERR 7"},
		{"no answer", bath, `{command: set, args: {x: 5}, sends: "SP 5.0\r", receive: "!ALARM 3\r\n"}`, `hint: received "!ALARM 3\r\n", which is no answer to it`},
		{"reply", bath, `{command: set, args: {x: 5}, sends: "SP 5.0\r", receive: "OK\r\n", reply: YES}`, `the reply is "OK", not "YES"`},
		{"loses", bath, `{receive: "???\r\n"}`, "it loses 1, not 0\n\thint: what was not understood: ??? (matches no declared message)"},
		{"loses nothing", bath, `{receive: "!ALARM 3\r\n", loses: 1}`, "it loses 0, not 1"},
		{"identify", bath, `{connect: [{sends: "ID\r", receive: "OTHER\r\n"}]}`, `identify step 1: the device answered "OTHER": at byte 0 it has "OTHER", not "BATH "`},
		{"poll", bath, `{poll: temp}`, "no poll `temp`\n\thint: one of `temperature`, `power`"},
		{"words", bath, `{receive: "!ALARM 3\r\n", says: hello}`, `the device does not say "hello"`},
		{"refused", bath, `{receive: "!ALARM 3\r\n", answer: refused}`, "the device is not refused"},
		{"binary", controller, `{poll: input 0, sends_hex: "07 04 00 00 00 04 F1 AE", receive_hex: "07 84 02 22 C0", answer: refused, loses: 1}`, "sends 07 04 00 00 00 04 F1 AF, not 07 04 00 00 00 04 F1 AE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tell(t, tt.typ, "      - {receive: \"\"}\n      - "+tt.step+"\n")
			if tt.name == "identify" { // only the first step connects
				got = tell(t, tt.typ, "      - "+tt.step+"\n")
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if !strings.Contains(got, ":10: transcript: step ") {
				t.Errorf("no place: %s", got)
			}
		})
	}
}

// What cannot be a transcript is told like any other mistake of a file.
func TestTranscriptsAreChecked(t *testing.T) {
	for step, want := range map[string]string{
		`{command: sett}`:                                    "unknown_command: no command `sett`",
		`{command: set, args: {x: 100}}`:                     "out_of_range: x 100 is outside 0 to 99.94",
		`{command: set, poll: power}`:                        "bad_value: a step is one of connect, command, poll",
		`{poll: power, args: {x: 1}}`:                        "bad_value: arguments of no command",
		`{receive_hex: "0G"}`:                                "bad_value:",
		`{receive: "x", receive_hex: "00"}`:                  "bad_value: receive and receive_hex say the same twice",
		`{receive: "\xAA"}`:                                  "bad_value:",
		`{receive: "x", shows: {alrm: 1}}`:                   "unknown_channel: no channel `alrm`",
		`{receive: "x", answer: no_answer}`:                  "bad_value: an answer to nothing",
		`{command: set, args: {x: 1}, answer: perhaps}`:      "bad_value: unknown answer `perhaps`",
		`{receive: "x", loses: -1}`:                          "bad_range: loses -1",
		`{connect: [], receive: "x"}`:                        "bad_value: a device connects once",
		`{receive: "x", then: [{sends: a, sends_hex: "0"}]}`: "bad_value: sends and sends_hex",
		`{recive: "x"}`:                                      "unknown_key: unknown key `recive`",
	} {
		if got := tell(t, bath, "      - "+step+"\n"); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %s", step, got, want)
		}
	}
}
