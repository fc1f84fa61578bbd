package sim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
)

func TestCalculator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Calculator(Options{}), mem.Options{Baud: 115200})
		first := texts(k.after(time.Second))
		if len(first) < 9 || first[0] != "{\"id\":\"labbox-calculator\"}\r\n" || !strings.HasPrefix(first[1], `{"n":1,"t":100,"display":0,"sums":0}`) {
			t.Fatalf("%q", first)
		}
		for line, want := range map[string]string{
			`{"cmd":"compute","op":"add","a":6,"b":7}`:                     `{"ok":"compute","result":13}`,
			`{"cmd":"compute","op":"subtract","a":6,"b":7}`:                `{"ok":"compute","result":-1}`,
			`{"cmd":"compute","op":"multiply","a":0.5,"b":7}`:              `{"ok":"compute","result":3.5}`,
			`{"cmd":"compute","op":"divide","a":1,"b":8}`:                  `{"ok":"compute","result":0.125}`,
			`{"cmd":"compute","op":"divide","a":1,"b":0}`:                  `{"error":"division by zero"}`,
			`{"cmd":"compute","op":"divide","a":1e6,"b":1e-9}`:             `{"error":"overflow"}`,
			`{"cmd":"compute","op":"root","a":1,"b":0}`:                    `{"error":"unknown operation"}`,
			`{"cmd":"compute","op":"add","a":1}`:                           `{"error":"two numbers are needed"}`,
			`{"cmd":"clear"}`:                                              `{"ok":"clear"}`,
			`{"cmd":"explode"}`:                                            `{"error":"unknown command"}`,
			`{"cmd":"compute","op":"add","a":6` + strings.Repeat(" ", 200): `{"error":"could not parse command"}`,
		} {
			if err := k.box.Send([]byte(line+"\n"), transport.Stream); err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(texts(k.after(250*time.Millisecond)), ""); !strings.Contains(all, want+"\r\n") {
				t.Errorf("%s: %q", line, all)
			}
		}
	})
}
