package checksum

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSpecTable keeps the table of SPEC.md in step with the code.
func TestSpecTable(t *testing.T) {
	b, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		row := fmt.Sprintf("| %s | %d | %s | %0*X | %s |\n", s.name, s.size, rule(s), 2*s.size, s.check, strings.Join(strings.Fields(s.alias), ", "))
		if !strings.Contains(string(b), row) {
			t.Errorf("SPEC.md has no row\n%s", row)
		}
	}
}

func rule(s spec) string {
	switch {
	case s.kind == crc:
		return fmt.Sprintf("CRC %0*X, init %0*X, %s, out %0*X", 2*s.size, s.poly, 2*s.size, s.init,
			map[bool]string{true: "reflected", false: "plain"}[s.reflect], 2*s.size, s.xorOut)
	case s.kind == adler:
		return "Adler-32 (RFC 1950)"
	case s.kind == fletcher:
		return "Fletcher, two sums modulo 255, the second one first"
	case s.kind == xor && s.xorOut == 0:
		return "all bytes xored"
	case s.kind == xor:
		return "all bytes xored, inverted"
	case s.xorOut != 0:
		return "sum of bytes, one's complement"
	case s.init == neg:
		return "sum of bytes, two's complement"
	}
	return "sum of bytes"
}
