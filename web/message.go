package web

import (
	"encoding/json"
	"errors"
	"strconv"

	"labbox/edge"
)

// maxID is the longest id of a request, as JSON.
const maxID = 66

// message is a control message from a client (docs/ref/websocket.md).
type message struct {
	Op string          `json:"op"`
	ID json.RawMessage `json:"id"`

	V        int      `json:"v"`
	Token    string   `json:"token"`
	Lang     string   `json:"lang"`
	Tab      string   `json:"tab"`
	Features []string `json:"features"`

	Device   string   `json:"device"`
	Channels []string `json:"channels"`
	MaxHz    float64  `json:"max_hz"`
	Mode     string   `json:"mode"`
	BackMS   int64    `json:"back_ms"`
	Since    *place   `json:"since"`

	Fence    uint64    `json:"fence"`
	Name     string    `json:"name"`
	Args     edge.Args `json:"args"`
	Key      string    `json:"key"`
	Tick     edge.Tick `json:"tick"`
	WithinMS int       `json:"within_ms"`

	Run          string `json:"run"`
	Notes        string `json:"notes"`
	PreTriggerMS int64  `json:"pre_trigger_ms"`
	Text         string `json:"text"`

	Pictures *edge.PictureAsk `json:"pictures"`

	Wait   bool                  `json:"wait"`
	Over   bool                  `json:"over"`
	To     string                `json:"to"`
	Limits map[string]edge.Limit `json:"limits"`
	Rules  *edge.TurnRules       `json:"rules"`

	Streams map[string][2]uint64 `json:"streams"`
}

// place is a sample of a stream.
type place struct {
	Epoch uint32 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// errNotJSON ends a connection: whoever sends it does not speak lab.v1.
var errNotJSON = errors.New("web: message is no JSON object")

// parseMessage reads one control message. errNotJSON is fatal; any other error
// is the coded reply, for which Op and ID are filled in as far as they are sound.
func parseMessage(b []byte) (message, error) {
	var head struct {
		Op any             `json:"op"`
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return message{}, errNotJSON
	}
	if len(b) == 0 || first(b) != '{' {
		return message{}, errNotJSON
	}
	var m message
	if ok := validID(head.ID); !ok {
		return m, edge.Errorf(edge.CodeBadRequest, "id is neither a number nor a string of at most 64 bytes").With("field", "id")
	}
	err := json.Unmarshal(b, &m)
	m.ID = head.ID
	if err == nil {
		return m, nil
	}
	m.Op, _ = head.Op.(string)
	var coded *edge.Error
	if errors.As(err, &coded) {
		return m, coded
	}
	e := edge.Errorf(edge.CodeBadRequest, "a field has the wrong type")
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		e = e.With("field", wrong.Field)
	}
	return m, e
}

func first(b []byte) byte {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func validID(id json.RawMessage) bool {
	if len(id) == 0 {
		return true
	}
	return len(id) <= maxID && (id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9')
}

// reply is the answer to a request.
type reply struct {
	Re      json.RawMessage `json:"re"`
	Op      string          `json:"op"` // ok, error
	Code    edge.Code       `json:"code,omitempty"`
	Message string          `json:"message,omitempty"`
	Hint    string          `json:"hint,omitempty"`
	Args    any             `json:"args,omitempty"`
}

func okReply(id json.RawMessage, args any) reply { return reply{Re: id, Op: "ok", Args: args} }

func errorReply(id json.RawMessage, err error) reply {
	e := edge.AsError(err)
	r := reply{Re: id, Op: "error", Code: e.Code, Message: e.Message, Hint: e.Hint}
	if len(e.Args) > 0 {
		r.Args = e.Args
	}
	return r
}

// text frames a push or reply.
func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(`{"op":"notice","code":"internal"}`)
	}
	return framed(opText, b)
}

// gap is the push that names samples a connection will not get. To is missing
// where the end is not known.
type gap struct {
	Op     string  `json:"op"`
	Device string  `json:"device"`
	Stream uint64  `json:"stream"`
	Epoch  uint32  `json:"epoch"`
	From   uint64  `json:"from"`
	To     *uint64 `json:"to,omitempty"`
	Why    string  `json:"why"`
}

func streamName(id uint64) string { return strconv.FormatUint(id, 10) }
