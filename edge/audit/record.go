package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"labbox/edge"
)

// Hash is a record's SHA-256. Its text form is hex.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 2*len(h) {
		return fmt.Errorf("audit: a hash has 64 digits, not %d", len(b))
	}
	for _, c := range b { // one form only: a capital letter is an edit too
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("audit: %q is no digit of a hash", c)
		}
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Head is the end of a chain: the number of its last record, and its hash.
type Head struct {
	N    uint64 `json:"n"`
	Hash Hash   `json:"hash"`
}

func (h Head) String() string { return strconv.FormatUint(h.N, 10) + ":" + h.Hash.String() }

// ParseHead reads what Head.String has written, N:HASH.
func ParseHead(s string) (Head, error) {
	n, hash, _ := bytes.Cut([]byte(s), []byte(":"))
	num, err := strconv.ParseUint(string(n), 10, 64)
	h := Head{N: num}
	if err == nil {
		err = h.Hash.UnmarshalText(hash)
	}
	if err != nil {
		return Head{}, edge.Errorf(edge.CodeBadRequest, "%.80q is no head of an audit log: %w", s, err).
			WithHint("NUMBER:HASH, as `labbox audit verify` prints it")
	}
	return h, nil
}

// Record is one line of the log.
type Record struct {
	Head
	Prev  Hash
	Event edge.Event
	// Where it stands.
	File string
	Line int
	// Raw is the line itself without its newline, valid during the call only.
	Raw []byte
}

// The parts of a line, in the only form that is accepted.
const (
	partHash  = `{"hash":"`
	partN     = `"n":`
	partPrev  = `,"prev":"`
	partEvent = `","event":`

	hashedAt = len(partHash) + 2*sha256.Size + len(`",`)
	maxLine  = 16 << 10
)

var (
	errLayout  = errors.New("is no record of an audit log")
	errChanged = errors.New("was changed: its hash does not fit")
)

// appendRecord appends the line of the record after head and returns its own head.
func appendRecord(dst []byte, head Head, event []byte) ([]byte, Head) {
	at := len(dst)
	dst = append(dst, partHash...)
	dst = append(dst, make([]byte, 2*sha256.Size)...)
	dst = append(dst, `",`...)
	dst = append(dst, partN...)
	dst = strconv.AppendUint(dst, head.N+1, 10)
	dst = append(dst, partPrev...)
	dst = hex.AppendEncode(dst, head.Hash[:])
	dst = append(dst, partEvent...)
	dst = append(dst, event...)
	dst = append(dst, '}')
	next := Head{head.N + 1, sha256.Sum256(dst[at+hashedAt:])}
	hex.Encode(dst[at+len(partHash):], next.Hash[:])
	return append(dst, '\n'), next
}

// parseRecord reads a line without its newline. The event is the part of line
// that holds it.
func parseRecord(line []byte) (head Head, prev Hash, event []byte, err error) {
	if len(line) > maxLine || len(line) < hashedAt || string(line[hashedAt-2:hashedAt]) != `",` {
		return head, prev, nil, errLayout
	}
	rest, ok := bytes.CutPrefix(line, []byte(partHash))
	if !ok || head.Hash.UnmarshalText(rest[:2*sha256.Size]) != nil {
		return head, prev, nil, errLayout
	}
	hashed := line[hashedAt:]
	if rest, ok = bytes.CutPrefix(hashed, []byte(partN)); !ok {
		return head, prev, nil, errLayout
	}
	digits, rest, ok := bytes.Cut(rest, []byte(partPrev))
	if !ok || len(rest) < 2*sha256.Size {
		return head, prev, nil, errLayout
	}
	if head.N, err = strconv.ParseUint(string(digits), 10, 64); err != nil || head.N == 0 {
		return head, prev, nil, errLayout
	}
	if prev.UnmarshalText(rest[:2*sha256.Size]) != nil {
		return head, prev, nil, errLayout
	}
	event, ok = bytes.CutPrefix(rest[2*sha256.Size:], []byte(partEvent))
	event, brace := bytes.CutSuffix(event, []byte("}"))
	if !ok || !brace || !json.Valid(event) {
		return head, prev, nil, errLayout
	}
	if sha256.Sum256(hashed) != head.Hash {
		return head, prev, event, errChanged
	}
	return head, prev, event, nil
}
