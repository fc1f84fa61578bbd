package class

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// codeAlphabet has no vowels, so that no words come out, and nothing that is read or
// heard as something else: 0 O, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V W, Y.
const codeAlphabet = "BCDFGHJKMNPQRTVX3479"

// Lengths of codes: a class code is typed by thirty people and is worth little after
// the lesson (64 million, and guesses are limited); a one-time code makes a teacher.
const (
	codeLen    = 6
	oneTimeLen = 12
)

// newCode returns n characters of the alphabet, each equally likely.
func newCode(n int) string { return random(codeAlphabet, n) }

func random(alphabet string, n int) string {
	var sb strings.Builder
	for b := make([]byte, 1); sb.Len() < n; {
		_, _ = rand.Read(b) // never fails
		// Bytes beyond the last full round would favour the first letters.
		if i := int(b[0]); i < 256/len(alphabet)*len(alphabet) {
			sb.WriteByte(alphabet[i%len(alphabet)])
		}
	}
	return sb.String()
}

// CleanCode is a code as people type it: in any case, with blanks and dashes, and
// with the signs that the alphabet leaves out for those they look like.
func CleanCode(s string) string {
	if len(s) > 64 {
		return ""
	}
	out := make([]byte, 0, oneTimeLen)
	for _, c := range []byte(strings.ToUpper(s)) {
		switch c {
		case ' ', '-', '\t', '\n', '\r':
			continue
		case '8':
			c = 'B'
		case '6':
			c = 'G'
		}
		if strings.IndexByte(codeAlphabet, c) < 0 || len(out) == oneTimeLen {
			return ""
		}
		out = append(out, c)
	}
	return string(out)
}

// grouped is a one-time code as it is printed.
func grouped(code string) string {
	var parts []string
	for ; len(code) > 4; code = code[4:] {
		parts = append(parts, code[:4])
	}
	return strings.Join(append(parts, code), "-")
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
