package devices

import (
	"fmt"
	"strings"
	"testing"
)

// A device that prints a text of its own gets a file to begin with.
func TestGuessATextOfItsOwn(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"turntable", "A=%.1f;S=0.50\r\n", `parts: ["A=", {field: a}, ";S=", {field: s}]`},
		{"units", "Temp: %5.2f C, hum 40 %%\n", `parts: ["Temp:", {field: temp}, " C, hum", {field: hum}, " %"]`},
		{"same words", "x=%.1f x=2 v3\r\n", `parts: ["x=", {field: x}, " x=", {field: x2}, " v3"]`},
		{"bare", "%.1f 2.5 -3\r", `parts: [{field: value}, " ", {field: value2}, " ", {field: value3}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "alf a line" + c.line[strings.IndexAny(c.line, "\r\n"):] + "READY v1" + c.line[strings.IndexAny(c.line, "\r\n"):]
			for i := range 20 {
				text += fmt.Sprintf(c.line, float64(i)*7.3)
			}
			g := guessText([]byte(text), 9600)
			if g == nil || !strings.Contains(g.Skeleton, c.want) || !strings.Contains(g.Skeleton, "# also seen (1): READY v1") {
				t.Fatalf("%+v", g)
			}
			if _, ps := ParseType("my-device.yaml", []byte(g.Skeleton)); ps.Err() != nil {
				t.Errorf("%v\n%s", ps.Err(), g.Skeleton)
			}
		})
	}
	for _, text := range []string{"", "hello\nhello\nhello\nhello\n", "1\n", strings.Repeat("\x00\xff\n", 9)} {
		if g := guessText([]byte(text), 0); g != nil {
			t.Errorf("%q: %s", text, g.Skeleton)
		}
	}
}

// Whatever is printed, what is guessed is a type file that passes the check.
func FuzzGuessText(f *testing.F) {
	f.Add([]byte("A=1;S=2\r\nA=2;S=3\r\nA=3;S=4\r\nA=4"))
	f.Add([]byte("\"1\n\"2\n\"3\n\"4\n\"5\n"))
	f.Add([]byte("{1}: 1\\\n{2}: 2\\\n{3}: 3\\\n4\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := guessText(b, 9600)
		if g == nil || !mostlyText(b) {
			return
		}
		if _, ps := ParseType("my-device.yaml", []byte(g.Skeleton)); ps.Err() != nil {
			t.Fatalf("%v\n%s", ps.Err(), g.Skeleton)
		}
	})
}
