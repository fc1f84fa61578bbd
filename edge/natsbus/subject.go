package natsbus

import (
	"strings"

	"labbox/edge"
)

// maxSubject is the longest subject, pattern or queue name in bytes, the same
// for every Bus.
const maxSubject = 255

const wordHint = `use words of a-z A-Z 0-9 _ - joined by ".", at most 255 bytes`

// checkSubject refuses what is no subject.
func checkSubject(s string) error { return check(s, false) }

// checkPattern refuses what is no pattern.
func checkPattern(s string) error { return check(s, true) }

// checkWord refuses what is no queue name.
func checkWord(s string) error {
	if strings.Contains(s, ".") {
		return badName(s)
	}
	return check(s, false)
}

func check(s string, pattern bool) error {
	if s == "" || len(s) > maxSubject {
		return badName(s)
	}
	for start := 0; ; {
		end := strings.IndexByte(s[start:], '.')
		last := end < 0
		if last {
			end = len(s) - start
		}
		word := s[start : start+end]
		wild := pattern && (word == "*" || last && word == ">")
		if !wild && !plainWord(word) {
			return badName(s)
		}
		if last {
			return nil
		}
		start += end + 1
	}
}

func plainWord(w string) bool {
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return w != ""
}

func badName(s string) error {
	return edge.Errorf(edge.CodeBadName, "natsbus: bad name %.300q", s).WithHint(wordHint)
}

// matches reports whether a checked pattern covers a checked subject.
func matches(pattern, subject string) bool {
	for {
		p, pRest, pMore := strings.Cut(pattern, ".")
		if p == ">" {
			return true // at least one word is left in subject
		}
		s, sRest, sMore := strings.Cut(subject, ".")
		if p != "*" && p != s {
			return false
		}
		if !pMore || !sMore {
			return pMore == sMore
		}
		pattern, subject = pRest, sRest
	}
}
