package natsbus

import (
	"errors"
	"strings"
)

var errTopic = errors.New("a topic is made of words of letters, digits, _, -, : and @, with / between them, and no wildcards")

// mqttSubject is the subject that the server makes of a topic of ours (its rule:
// / becomes a dot, and at the beginning a word of its own).
func mqttSubject(topic string) (string, error) {
	if len(topic) > 200 {
		return "", errors.New("a topic has at most 200 bytes")
	}
	rest, slash := strings.CutPrefix(topic, "/")
	words := strings.Split(rest, "/")
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-:@", r)
		}) {
			return "", errTopic
		}
	}
	subject := strings.Join(words, ".")
	if slash {
		subject = "/." + subject
	}
	return subject, nil
}
