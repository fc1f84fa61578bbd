package fanout

import (
	"strings"

	"labbox/edge"
)

// maxSubject is the longest subject, pattern or id in bytes.
const maxSubject = 255

const wordHint = `use words of a-z A-Z 0-9 _ - joined by ".", at most 255 bytes`

// CheckSubject refuses what is no subject (CodeBadName).
func CheckSubject(s string) error { return check(s, false) }

// CheckPattern refuses what is no pattern (CodeBadName).
func CheckPattern(s string) error { return check(s, true) }

// CheckWord refuses what is no single word (CodeBadName).
func CheckWord(s string) error {
	if strings.Contains(s, ".") {
		return badName(s)
	}
	return check(s, false)
}

// CheckID refuses what cannot be a job's id: it is 1 to 255 bytes without
// blanks and control characters.
func CheckID(id string) error {
	if id == "" || len(id) > maxSubject || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return edge.Errorf(edge.CodeBadName, "bus: bad job id %.300q", id).
			WithHint("use 1 to 255 bytes without blanks and control characters")
	}
	return nil
}

func check(s string, pattern bool) error {
	if s == "" || len(s) > maxSubject {
		return badName(s)
	}
	for rest, more := s, true; more; {
		var word string
		word, rest, more = strings.Cut(rest, ".")
		wild := pattern && (word == "*" || !more && word == ">")
		if !wild && !plainWord(word) {
			return badName(s)
		}
	}
	return nil
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
	return edge.Errorf(edge.CodeBadName, "bus: bad name %.300q", s).WithHint(wordHint)
}

// Matches reports whether a checked pattern covers a checked subject.
func Matches(pattern, subject string) bool {
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
