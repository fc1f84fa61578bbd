package firmatatest

import (
	"reflect"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/firmware-protocols/firmata"
)

// The options read as a type file writes them: a pin may be a number.
func TestOptionsAreYAML(t *testing.T) {
	text := `
sampling: 20ms
boot: 1s
pins:
  - {field: led, pin: 13, mode: output}
  - {field: light, pin: A0, mode: analog, max: 5}
  - {field: arm, pin: 10, mode: servo, pulse: [544, 2400]}
`
	var o firmata.Options
	if err := yaml.UnmarshalWithOptions([]byte(text), &o, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	want := firmata.Options{Sampling: 20 * time.Millisecond, Boot: time.Second, Pins: []firmata.PinOption{
		{Field: "led", Pin: "13", Mode: "output"}, {Field: "light", Pin: "A0", Mode: "analog", Max: 5},
		{Field: "arm", Pin: "10", Mode: "servo", Pulse: []int{544, 2400}}}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("%+v", o)
	}
	if _, err := firmata.NewSession(o); err != nil {
		t.Error(err)
	}
}
