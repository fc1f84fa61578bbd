package class

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"labbox/edge"
)

// cost is what one try of a password takes: argon2id as OWASP's cheat sheet on
// password storage asks at least (19 MiB, two passes).
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

func usual() cost { return cost{memory: 19 * 1024, time: 2, threads: 1} }

const (
	saltLen = 16
	keyLen  = 32
	// Bounds of what a hash in the store may ask of this machine.
	mostMemory  = 256 * 1024
	mostTime    = 16
	mostThreads = 4
)

// Bounds of a password.
const (
	MinPassword = 8   // characters
	maxPassword = 256 // bytes
)

// CheckPassword refuses what is too short or too long (bad_value, field password).
func CheckPassword(p string) error {
	if !utf8.ValidString(p) || utf8.RuneCountInString(p) < MinPassword || len(p) > maxPassword {
		return edge.Errorf(edge.CodeBadValue, "a password has %d to %d characters", MinPassword, maxPassword).
			With("field", "password").With("min", MinPassword).With("max", maxPassword).WithHint("four words are easy to remember")
	}
	return nil
}

// hasher does one hash at a time: each takes 19 MiB, and who tries passwords in
// parallel waits.
type hasher struct{ turn chan struct{} }

func newHasher() *hasher { return &hasher{turn: make(chan struct{}, 1)} }

func (h *hasher) key(ctx context.Context, password string, salt []byte, c cost) ([]byte, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, edge.Errorf(edge.CodeTooMany, "too many sign-ins at once").With("wait_s", 2).WithHint("try again")
	}
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, keyLen), nil
}

// hash returns password in the PHC string format.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	c := usual()
	key, err := h.key(ctx, password, salt, c)
	if err != nil {
		return "", err
	}
	return phc{c, salt, key}.String(), nil
}

// verify says whether password is that of the hash. With an empty hash it works as
// long and says no: names that nobody has are not told from those that somebody has.
func (h *hasher) verify(ctx context.Context, password, stored string) (bool, error) {
	p := phc{usual(), make([]byte, saltLen), make([]byte, keyLen)}
	known := stored != ""
	if known {
		var err error
		if p, err = parsePHC(stored); err != nil {
			return false, err
		}
	}
	key, err := h.key(ctx, password, p.salt, p.cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, p.key) == 1 && known, nil
}

// phc is a hash: $argon2id$v=19$m=19456,t=2,p=1$salt$key, both in base64 without
// padding (https://github.com/P-H-C/phc-string-format).
type phc struct {
	cost
	salt, key []byte
}

func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.key))
}

func parsePHC(s string) (phc, error) {
	bad := func(why string) (phc, error) { return phc{}, fmt.Errorf("class: password hash: %s", why) }
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return bad("not argon2id of this version")
	}
	var p phc
	var m, t, n uint64
	kv := strings.Split(f[3], ",")
	if len(kv) != 3 {
		return bad("parameters")
	}
	for i, to := range []*uint64{&m, &t, &n} {
		v, ok := strings.CutPrefix(kv[i], string("mtp"[i])+"=")
		x, err := strconv.ParseUint(v, 10, 32)
		if !ok || err != nil {
			return bad("parameters")
		}
		*to = x
	}
	if m < 8*n || m > mostMemory || t < 1 || t > mostTime || n < 1 || n > mostThreads {
		return bad("parameters out of range")
	}
	p.cost = cost{uint32(m), uint32(t), uint8(n)}
	var err error
	if p.salt, err = base64.RawStdEncoding.Strict().DecodeString(f[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return bad("salt")
	}
	if p.key, err = base64.RawStdEncoding.Strict().DecodeString(f[5]); err != nil || len(p.key) != keyLen {
		return bad("key")
	}
	return p, nil
}
