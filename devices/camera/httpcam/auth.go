package httpcam

import (
	"crypto/md5" //nolint:gosec // what cameras speak
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// challenge is one of a WWW-Authenticate header (RFC 9110, 11.6.1).
type challenge struct {
	scheme string            // in lower case
	params map[string]string // by names in lower case
}

// challenges reads all there are, several in one line too. What is malformed is passed
// over.
func challenges(lines []string) []challenge {
	var all []challenge
	for _, s := range lines {
		begun := false
		for {
			s = strings.TrimLeft(s, " \t,")
			if s == "" {
				break
			}
			word := s[:wordLen(s)]
			rest := strings.TrimLeft(s[len(word):], " \t")
			switch {
			case word == "":
				s = s[1:]
			case strings.HasPrefix(rest, "="):
				var v string
				v, s = value(strings.TrimLeft(rest[1:], " \t"))
				if begun {
					all[len(all)-1].params[strings.ToLower(word)] = v
				}
			default:
				all, begun = append(all, challenge{strings.ToLower(word), map[string]string{}}), true
				s = rest
			}
		}
	}
	return all
}

func wordLen(s string) int {
	if i := strings.IndexAny(s, " \t,=\""); i >= 0 {
		return i
	}
	return len(s)
}

// value reads a quoted string, or whatever stands before the next comma.
func value(s string) (v, rest string) {
	if !strings.HasPrefix(s, `"`) {
		v, rest, _ = strings.Cut(s, ",")
		return strings.TrimSpace(v), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// signer answers a challenge, again and again.
type signer struct {
	user, password string
	ch             challenge
	hash           func() hash.Hash // of digest; nil: basic
	cnonce         string
	count          int
}

// newSigner takes the strongest of the challenges; nil: none is known.
func newSigner(lines []string, user, password string) *signer {
	s, best := &signer{user: user, password: password}, 0
	for _, ch := range challenges(lines) {
		rank, h := 0, (func() hash.Hash)(nil)
		if ch.scheme == "basic" {
			rank = 1
		} else if ch.scheme == "digest" && knownQOP(ch.params["qop"]) {
			algorithm, _ := strings.CutSuffix(strings.ToUpper(ch.params["algorithm"]), "-SESS")
			switch algorithm {
			case "", "MD5":
				rank, h = 2, md5.New
			case "SHA-256":
				rank, h = 3, sha256.New
			case "SHA-512-256":
				rank, h = 4, sha512.New512_256
			}
		}
		if rank > best {
			s.ch, s.hash, best = ch, h, rank
		}
	}
	if best == 0 {
		return nil
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	s.cnonce = hex.EncodeToString(b[:])
	return s
}

// knownQOP says whether auth is offered, or nothing, as before RFC 2617.
func knownQOP(offered string) bool {
	for q := range strings.SplitSeq(offered, ",") {
		if q = strings.ToLower(strings.TrimSpace(q)); q == "auth" || q == "" {
			return true
		}
	}
	return false
}

// answer is the value of the Authorization header for one request.
func (s *signer) answer(method, uri string) string {
	if s.hash == nil {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.user+":"+s.password))
	}
	p := s.ch.params
	sum := func(parts ...string) string {
		h := s.hash()
		_, _ = h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	s.count++
	nc, user := fmt.Sprintf("%08x", s.count), s.user
	a1 := sum(s.user, p["realm"], s.password)
	if strings.HasSuffix(strings.ToUpper(p["algorithm"]), "-SESS") {
		a1 = sum(a1, p["nonce"], s.cnonce)
	}
	a2 := sum(method, uri)
	var b strings.Builder
	if strings.EqualFold(p["userhash"], "true") {
		user = sum(s.user, p["realm"])
	}
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s", quote(user), quote(p["realm"]), quote(p["nonce"]), quote(uri))
	if a := p["algorithm"]; a != "" {
		b.WriteString(", algorithm=" + a)
	}
	if o, ok := p["opaque"]; ok {
		b.WriteString(", opaque=" + quote(o))
	}
	if strings.EqualFold(p["userhash"], "true") {
		b.WriteString(", userhash=true")
	}
	if strings.TrimSpace(p["qop"]) == "" {
		return b.String() + ", response=" + quote(sum(a1, p["nonce"], a2))
	}
	fmt.Fprintf(&b, ", qop=auth, nc=%s, cnonce=%s", nc, quote(s.cnonce))
	return b.String() + ", response=" + quote(sum(a1, p["nonce"], nc, s.cnonce, "auth", a2))
}

// quote writes a quoted-string (RFC 9110, 5.6.4).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
