package class

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"labbox/edge"
)

// maxRunes is the longest nickname.
const maxRunes = 40

// CleanNickname returns s as it is shown: trimmed, inner white space as single
// spaces. Refused (bad_value) are the empty name, more than 40 runes, control
// characters, line separators and characters that turn or hide text.
func CleanNickname(s string) (string, error) {
	bad := func(why string) error {
		return edge.Errorf(edge.CodeBadValue, "bad nickname: %s", why).
			With("field", "nickname").WithHint("use 1 to 40 letters, digits or signs")
	}
	if !utf8.ValidString(s) {
		return "", bad("not UTF-8")
	}
	for _, r := range s {
		if !allowed(r) {
			return "", bad("a character that cannot be shown")
		}
	}
	s = strings.Join(strings.Fields(s), " ")
	switch n := utf8.RuneCountInString(s); {
	case n == 0 || !visible(s):
		return "", bad("empty")
	case n > maxRunes:
		return "", bad("longer than 40 characters")
	}
	return s, nil
}

// allowed refuses what can fake or break the line it stands in. The zero width
// joiner and non-joiner stay: scripts and emoji need them.
func allowed(r rune) bool {
	switch {
	case r == '\u200c' || r == '\u200d':
		return true
	case unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return false
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return false
	case r == utf8.RuneError, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return false
	}
	return true
}

// visible says whether s has anything to see besides marks and joiners.
func visible(s string) bool {
	for _, r := range s {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r) && r != '\u3164' && r != '\u115f' && r != '\u1160' && r != '\u2800' {
			return true
		}
	}
	return false
}

// fold makes names that look the same to a class the same.
func fold(name string) string { return strings.ToLower(name) }

// numbered appends n to name, which is shortened to stay within the limit.
func numbered(name, n string) string {
	r := []rune(name)
	if room := maxRunes - 1 - len(n); len(r) > room {
		r = r[:room]
	}
	return strings.TrimRight(string(r), " ") + " " + n
}
