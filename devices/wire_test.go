package devices

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"labbox/edge"
	"labbox/edge/config"
)

// simpleNumber is all that many a firmware can read; the rest of "9e-07" it
// leaves, and has got 9.
var simpleNumber = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)

// Whatever is asked, whatever scale and rounding the type file has: what the
// device reads is inside the range, or nothing is sent.
func TestRangeHoldsOnTheWire(t *testing.T) {
	codecs := map[string]Protocol{"json": {Lines: &LinesProtocol{Format: "json"}}, "relaxed": {Lines: &LinesProtocol{Format: "relaxed"}},
		"floats": {Floats: &FloatsProtocol{Fields: []string{"a"}}}}
	for name, proto := range codecs {
		t.Run(name, func(t *testing.T) {
			codec, err := newCodec(&Type{Protocol: proto})
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) { wireProperty(t, codec, name) })
		})
	}
}

func wireProperty(t *rapid.T, codec codec, name string) {
	limit := rapid.OneOf(rapid.SampledFrom([]float64{0, 1, -1, 99.95, 100, 40.05, 1e-7, 255, 0.3, 1e14}), rapid.Float64Range(-1000, 1000))
	a, b := limit.Draw(t, "a"), limit.Draw(t, "b")
	p := &Param{ID: "p", Range: &Range{math.Min(a, b), math.Max(a, b)}}
	p.Type = rapid.SampledFrom([]string{edge.ParamFloat, edge.ParamInt}).Draw(t, "type")
	p.Wire.Scale = rapid.SampledFrom([]float64{0, 1, 2.55, -1, 0.1, 1000, -0.3}).Draw(t, "scale")
	p.Wire.Offset = rapid.SampledFrom([]float64{0, 0, 32, -7.5}).Draw(t, "offset")
	if rapid.Bool().Draw(t, "rounds") {
		d := rapid.IntRange(0, 4).Draw(t, "decimals")
		p.Wire.Decimals = &d
	}
	if name != "floats" && rapid.Bool().Draw(t, "text") {
		p.Wire.As = "text"
	}
	x := rapid.OneOf(rapid.Float64(), rapid.Float64Range(p.Range[0], p.Range[1]),
		rapid.SampledFrom([]float64{p.Range[0], p.Range[1], math.Copysign(0, -1), 5e-324, -5e-324, 9e-7, 1e300, math.NaN(), math.Inf(1),
			math.Nextafter(p.Range[1], math.Inf(1)), math.Nextafter(p.Range[0], math.Inf(-1)), math.Nextafter(p.Range[1], 0)})).Draw(t, "x")
	if p.Type == edge.ParamInt && rapid.Bool().Draw(t, "whole") {
		x = math.Trunc(x)
	}
	arg, err := p.resolve(edge.Number(x))
	if err != nil {
		if x == math.Trunc(x) && x > p.Range[0]+1 && x < p.Range[1]-1 && math.Abs(x) < 1e6 && p.Wire.Scale != 0.1 && math.Abs(p.Wire.Scale) != 0.3 {
			t.Fatalf("%g refused: %v", x, err)
		}
		return
	}
	if x < p.Range[0] || x > p.Range[1] || x != x {
		t.Fatalf("%g let through for %v", x, *p.Range)
	}
	out, err := codec.encode(nil, &Send{JSON: yaml.MapSlice{{Key: "v", Value: "$p"}}}, nil, []argument{arg})
	if err != nil {
		t.Fatal(err)
	}
	digits := simpleNumber.FindString(string(out.data))
	w, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.Count(string(out.data), digits) != 1 || strings.Contains(string(out.data), "e-") || strings.HasPrefix(digits, "-0") && w == 0 {
		t.Fatalf("%q", out.data)
	}
	scale := p.Wire.Scale
	if scale == 0 {
		scale = 1
	}
	slack := 1e-8 * math.Max(1, math.Max(math.Abs(p.Range[0]), math.Abs(p.Range[1])))
	if back := (w - p.Wire.Offset) / scale; back < p.Range[0]-slack || back > p.Range[1]+slack {
		t.Fatalf("%g in %v is written %q: the device reads %g", x, *p.Range, out.data, back)
	}
}

func limits(min, max, slew *float64) map[string]config.Limit {
	return map[string]config.Limit{"duty.duty": {Min: min, Max: max, Slew: slew}}
}

func ptr(x float64) *float64 { return &x }

func TestLimitsOnlyNarrow(t *testing.T) {
	slewed := catalogType(t, "plate")
	slewed.command("duty").Params[0].Slew = 50
	for name, l := range map[string]map[string]config.Limit{
		"nan min": limits(ptr(math.NaN()), nil, nil), "nan max": limits(nil, ptr(math.NaN()), nil), "inf": limits(nil, ptr(math.Inf(1)), nil),
		"nan slew": limits(nil, nil, ptr(math.NaN())), "no slew": limits(nil, nil, ptr(0)), "slew back": limits(nil, nil, ptr(-1)),
		"wider slew": limits(nil, nil, ptr(51)), "wider": limits(nil, ptr(101), nil), "wider below": limits(ptr(-1), nil, nil),
		"empty": limits(ptr(60), ptr(50), nil),
	} {
		if _, err := slewed.narrowed(&config.Device{ID: "p", Limits: l}); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	n, err := slewed.narrowed(&config.Device{ID: "p", Limits: limits(nil, ptr(40), ptr(10))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.command("duty").resolve(edge.Args{"duty": edge.Number(41)}); edge.CodeOf(err) != edge.CodeOutOfRange {
		t.Error(err)
	}
	for name, c := range map[string]config.Calibration{"nan": {Scale: ptr(math.NaN())}, "inf": {Offset: ptr(math.Inf(-1))}, "zero": {Scale: ptr(0)}} {
		dev := &config.Device{ID: "p", Calibration: map[string]config.Calibration{"temp": c}}
		if _, err := slewed.narrowed(dev); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("calibration %s: %v", name, err)
		}
	}
}

// A bench that narrows a command's limits moves its default, but not the value
// that the safe sequence means by it.
func TestNarrowingDoesNotMoveWhatIsSafe(t *testing.T) {
	typ := catalogType(t, "plate")
	typ.Safe.Steps = []Step{{Command: "duty"}} // its default, 0
	if _, err := typ.narrowed(&config.Device{ID: "p", Limits: limits(ptr(10), nil, nil)}); err == nil {
		t.Error("10 % is sent for safe")
	}
	n, err := typ.narrowed(&config.Device{ID: "p", Limits: limits(nil, ptr(40), nil)})
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := number(n.Safe.Steps[0].Args["duty"]); x != 0 || n.Safe.Steps[0].Args == nil {
		t.Errorf("%v", n.Safe.Steps[0].Args)
	}
	if typ.Safe.Steps[0].Args != nil {
		t.Error("the type of the registry was changed")
	}
	typ.Connect.Steps = []Step{{Command: "duty", Args: map[string]any{"duty": 50}}}
	if _, err := typ.narrowed(&config.Device{ID: "p", Limits: limits(nil, ptr(40), nil)}); err == nil {
		t.Error("50 % is sent on connecting, the limit is 40 %")
	}
}

const wireType = `schema: 1
type: x
label: {en: X}
protocol: {lines: {format: json, max_send: 40}}
channels: [{id: a, label: {en: A}}]
commands: [{id: go, label: {en: Go}, params: [{id: p, PARAM}], send: {json: {go: $p}}, shows: [{channel: a, equals: 1}]}]
safe: {text: {en: still}, steps: [STEP], shows: [{channel: a, equals: 0}]}
`

// What would fail, or mean no limit, at the moment it is needed, does not load.
func TestTypeFileRefusesWhatCannotBeKept(t *testing.T) {
	const okParam, okStep = "range: [0, 10]", "{send: {json: {go: 0}}}"
	load := func(param, step string) config.Problems {
		_, ps := ParseType("x.yaml", []byte(strings.NewReplacer("PARAM", param, "STEP", step).Replace(wireType)))
		return ps
	}
	if ps := load(okParam, okStep); len(ps) > 0 {
		t.Fatal(ps)
	}
	for _, p := range []string{"range: [0, 10], slew: .nan", "range: [0, 10], slew: .inf", "range: [0, 10], wire: {scale: .nan}",
		"range: [0, 10], wire: {decimals: -1}", "range: [0, 10], wire: {decimals: 20}", "range: [0, 1e16]", "range: [0.2, 0.4], wire: {decimals: 0}",
		"choices: [{id: a, wire: [1]}]", "choices: [{id: a, wire: .nan}]", "range: [.nan, 1]", "type: int, range: [0.2, 0.4]"} {
		if ps := load(p, okStep); len(ps) == 0 {
			t.Errorf("loaded: %s", p)
		}
	}
	for _, s := range []string{"{wait: -1s}", "{wait: 1h}", "{send: {json: {go: [0]}}}", "{send: {json: {go: null}}}", "{send: {json: {go: .nan}}}",
		"{command: go, args: {p: [0]}}", "{command: go, args: {p: .nan}}", "{command: go, args: {p: 11}}", "{send: {json: {go: $p}}}",
		"{send: {json: {go: 0}}, reply: {ok: {a: 1}, within: -1s}}", "{send: {json: {go: 'a message longer than the buffer of the device'}}}"} {
		if ps := load(okParam, s); len(ps) == 0 {
			t.Errorf("loaded: %s", s)
		}
	}
}
