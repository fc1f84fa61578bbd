package experiment

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"labbox/edge"
)

func testContract() *edge.Contract {
	return &edge.Contract{Type: "fake", Hash: "h", Drivable: true, Commands: []edge.CommandSpec{
		{ID: "stop"},
		{ID: "move", RatePerS: 5, Params: []edge.Param{
			{ID: "to", Type: edge.ParamFloat, Min: -10, Max: 10, SlewPS: 4, Unit: "V"},
			{ID: "n", Type: edge.ParamInt, Min: 1, Max: 5, Default: edge.Number(1)},
			{ID: "how", Type: edge.ParamChoice, Default: edge.Word("soft"), Choices: []edge.Choice{{ID: "soft"}, {ID: "hard"}}}}},
		{ID: "need", Params: []edge.Param{{ID: "x", Type: edge.ParamInt, Min: 1, Max: 2}}},
	}}
}

// judge parses and checks steps.
func judge(steps string) (int64, error) {
	r, err := ParseRequest([]byte(`{"device":"d","steps":`+steps+`}`), Limits{})
	if err != nil {
		return 0, err
	}
	return Check(testContract(), r.Steps, Limits{})
}

func TestSteps(t *testing.T) {
	length, err := judge(`[{"record":{"name":"r","pre_trigger_ms":500}},{"set":{"command":"move","args":{"to":-10,"n":5,"how":"hard"}}},{"wait":{"ms":0}},
		{"wait":{"ms":1500}},{"ramp":{"command":"move","param":"to","from":-4,"to":4,"over_ms":2000,"args":{"n":2}}},{"record":"stop"},{"set":{"command":"stop"}}]`)
	if err != nil || length != 3500 {
		t.Fatal(length, err)
	}
}

func TestBadSteps(t *testing.T) {
	many := strings.Repeat(`{"wait":{"ms":1}},`, 200)
	for _, c := range []struct {
		steps string
		code  edge.Code
		in    string // message or hint
	}{
		{`[]`, edge.CodeMissingValue, "steps"},
		{`{}`, edge.CodeBadValue, "steps"},
		{`[1]`, edge.CodeBadRequest, "step 1: a step is not a JSON object"},
		{`[{}]`, edge.CodeBadRequest, "exactly one of"},
		{`[{"wait":{"ms":1},"set":{"command":"stop"}}]`, edge.CodeBadRequest, "exactly one of"},
		{`[{"wait":{"ms":1},"wait":{"ms":2}}]`, edge.CodeBadRequest, "wait twice"},
		{`[{"wiat":{"ms":1}}]`, edge.CodeBadRequest, "did you mean wait?"},
		{`[{"loop":{"times":3}}]`, edge.CodeBadRequest, "it may have ramp, record, set, wait"},
		{`[{"wait":{"s":1}}]`, edge.CodeBadRequest, "did you mean ms?"},
		{`[{"wait":{}}]`, edge.CodeMissingValue, "wait needs ms"},
		{`[{"wait":{"ms":-1}}]`, edge.CodeOutOfRange, "ms -1"},
		{`[{"wait":{"ms":1.5}}]`, edge.CodeBadValue, "ms of wait"},
		{`[{"wait":{"ms":1e999}}]`, edge.CodeBadValue, "ms of wait"},
		{`[{"wait":{"ms":99999999999999999999}}]`, edge.CodeBadValue, "ms of wait"},
		{`[{"wait":{"ms":null}}]`, edge.CodeBadValue, "ms of wait"},
		{`[{"wait":{"ms":"1"}}]`, edge.CodeBadValue, "ms of wait"},
		{`[{"wait":{"ms":3600001}}]`, edge.CodeTooLarge, "3600000 ms"},
		{`[{"wait":{"ms":1}},{"wait":{"ms":9223372036854775807}}]`, edge.CodeOutOfRange, "step 2"},
		{`[{"set":{"command":"mvoe"}}]`, edge.CodeUnknownCommand, "did you mean move?"},
		{`[{"set":{"command":"move","args":{"too":1}}}]`, edge.CodeBadValue, "did you mean to?"},
		{`[{"set":{"command":"move","args":{"to":10.5}}}]`, edge.CodeOutOfRange, "between -10 and 10"},
		{`[{"set":{"command":"move","args":{"to":"fast"}}}]`, edge.CodeBadValue, "must be a number"},
		{`[{"set":{"command":"move","args":{"to":[1]}}}]`, edge.CodeBadValue, "args of set"},
		{`[{"set":{"command":"move","args":{"n":1.5}}}]`, edge.CodeBadValue, "whole number"},
		{`[{"set":{"command":"move","args":{"how":"rough"}}}]`, edge.CodeBadValue, "how cannot be"},
		{`[{"set":{"command":"need"}}]`, edge.CodeMissingValue, "need needs x"},
		{`[{"set":{"command":"stop","key":"x"}}]`, edge.CodeBadRequest, "set has no key"},
		{`[{"ramp":{"command":"move","param":"how","from":0,"to":1,"over_ms":10}}]`, edge.CodeBadValue, "cannot be ramped"},
		{`[{"ramp":{"command":"move","param":"up","from":0,"to":1,"over_ms":10}}]`, edge.CodeBadValue, "no parameter up"},
		{`[{"ramp":{"command":"move","param":"to","from":0,"to":11,"over_ms":10000}}]`, edge.CodeOutOfRange, "to 11"},
		{`[{"ramp":{"command":"move","param":"to","from":0,"to":8,"over_ms":1000}}]`, edge.CodeSlew, "2000 ms or more"},
		{`[{"ramp":{"command":"move","param":"to","from":0,"to":1,"over_ms":0}}]`, edge.CodeOutOfRange, "over_ms 0"},
		{`[{"ramp":{"command":"move","param":"to","from":0,"over_ms":10}}]`, edge.CodeMissingValue, "ramp needs to"},
		{`[{"ramp":{"command":"move","param":"to","from":0,"to":1,"over_ms":1000,"args":{"to":1}}}]`, edge.CodeBadRequest, "other parameters"},
		{`[{"record":"stop"}]`, edge.CodeBadRequest, "nothing is recorded"},
		{`[{"record":"go"}]`, edge.CodeBadRequest, `or "stop"`},
		{`[{"record":{}},{"record":"stop"},{"record":{}}]`, edge.CodeBadRequest, "one recording"},
		{`[{"record":{"pre_trigger_ms":-1}}]`, edge.CodeOutOfRange, "pre_trigger_ms"},
		{`[{"record":{"name":"` + strings.Repeat("x", 201) + `"}}]`, edge.CodeTooLarge, "name"},
		{`[` + many + `{"wait":{"ms":1}}]`, edge.CodeTooLarge, "201 steps"},
		{`[{"wait":{"ms":1}},NaN]`, edge.CodeBadRequest, "not a JSON object"},
	} {
		_, err := judge(c.steps)
		var e *edge.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message+" "+e.Hint, c.in) {
			t.Errorf("%.80s: %v (%s, %s), want %s with %q", c.steps, err, edge.CodeOf(err), edge.AsError(err).Hint, c.code, c.in)
		}
	}
	_, err := judge(`[{"wait":{"ms":1}},{"set":{"command":"move","args":{"to":-11}}}]`)
	want := map[string]any{"step": 1, "param": "to", "min": -10.0, "max": 10.0, "value": -11.0, "unit": "V"}
	if a := edge.AsError(err).Args; !reflect.DeepEqual(a, want) {
		t.Errorf("%v", a)
	}
}

func TestBadRequests(t *testing.T) {
	for body, code := range map[string]edge.Code{
		``: edge.CodeBadRequest, `[]`: edge.CodeBadRequest, `{"device":"d"}`: edge.CodeMissingValue, `{"steps":[{"wait":{"ms":1}}]}`: edge.CodeMissingValue,
		`{"device":"D","steps":[{"wait":{"ms":1}}]}`:                                             edge.CodeBadName,
		`{"devise":"d","steps":[{"wait":{"ms":1}}]}`:                                             edge.CodeBadRequest,
		`{"device":"d","steps":[{"wait":{"ms":1}}]} x`:                                           edge.CodeBadRequest,
		`{"device":"d","key":"a b","steps":[{"wait":{"ms":1}}]}`:                                 edge.CodeBadValue,
		`{"device":"d","key":"` + strings.Repeat("k", 65) + `","steps":[{"wait":{"ms":1}}]}`:     edge.CodeTooLarge,
		`{"device":"d","name":"` + strings.Repeat("n", 201) + `","steps":[{"wait":{"ms":1}}]}`:   edge.CodeTooLarge,
		`{"device":"d","name":"` + strings.Repeat("n", 40000) + `","steps":[{"wait":{"ms":1}}]}`: edge.CodeTooLarge,
	} {
		if _, err := ParseRequest([]byte(body), Limits{}); edge.CodeOf(err) != code {
			t.Errorf("%.60s: %v", body, err)
		}
	}
	c := testContract()
	c.Drivable = false
	if _, err := Check(c, []Step{{Wait: &Wait{MS: 1}}}, Limits{}); edge.CodeOf(err) != edge.CodeForbidden {
		t.Error(err)
	}
	if _, err := Check(testContract(), []Step{{Ramp: &Ramp{Command: "move", Param: "to", OverMS: 3_000_000}}}, Limits{Points: 1000}); edge.CodeOf(err) != edge.CodeTooLarge {
		t.Error(err)
	}
}

// What is read is written the same, and never breaks the parser, the check or
// the worker's own reading.
func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{`[{"record":{"name":"r"}},{"set":{"command":"move","args":{"to":1,"how":"hard"}}},{"record":"stop"}]`,
		`[{"ramp":{"command":"move","param":"to","from":-4,"to":4,"over_ms":2000}}]`, `[{"wait":{"ms":1500}}]`, `[{"wiat":1}]`} {
		f.Add([]byte(`{"device":"d","name":"n","key":"k","steps":` + s + `}`))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b, Limits{})
		if err != nil {
			if e := (*edge.Error)(nil); !errors.As(err, &e) || e.Code == edge.CodeInternal {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		length, err := Check(testContract(), r.Steps, Limits{})
		if err == nil && (length < 0 || length > 3_600_000) {
			t.Fatalf("length %d", length)
		}
		raw := encode(message{V: version, Submit: &entry{V: version, Exp: Experiment{Steps: r.Steps}}})
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if again := encode(m); string(again) != string(raw) {
			t.Fatalf("%s\n%s", raw, again)
		}
	})
}

func TestPlaces(t *testing.T) {
	l := line{Open: []place{{ID: "a", Running: true}, {ID: "b"}, {ID: "c"}}}
	for id, want := range map[string]int{"b": 1, "c": 2, "new": 3} {
		if got := l.placeOf(id); got != want {
			t.Errorf("%s: %d, want %d", id, got, want)
		}
	}
	ids := map[string]bool{}
	for _, key := range []string{"k", "k", "", ""} { // without a key it is random
		ids[idOf("box", "s", key)] = true
	}
	if ids[idOf("box", "s2", "k")] || len(ids) != 3 {
		t.Error(ids)
	}
	if !checkID(idOf("box", "s", "")) || checkID("../../x") || checkID("") {
		t.Error("checkID")
	}
}
