package devices

import (
	"encoding/base64"
	"time"

	"labbox/edge"
)

// maxAudited bounds what the audit keeps of one message's bytes and answer.
const maxAudited = 512

func (s *Supervisor) audit(e *edge.Event) {
	if s.cfg.Audit != nil {
		s.cfg.Audit(e)
	}
}

// auditRefused is the audit's record of a command that did not go out: who, with
// which fencing number, and the verdict. The caller holds the lock.
func (s *Supervisor) auditRefused(a edge.Actor, fence uint64, c *edge.Command, why *edge.Error) {
	if s.cfg.Audit == nil {
		return
	}
	s.audit(s.event("refused", &a, map[string]any{"command": clip([]byte(c.Name)), "args": short(c.Args), "fence": fence,
		"verdict": string(why.Code)}))
}

// auditCommand is its record of one that went out: the bytes (base64) and what the
// device answered. The caller holds the lock.
func (s *Supervisor) auditCommand(a edge.Actor, fence uint64, c *edge.Command, outcome edge.Code, at time.Duration, sent []byte, answer string) {
	if s.cfg.Audit == nil {
		return
	}
	s.audit(s.event("command", &a, map[string]any{"command": c.Name, "args": c.Args, "key": clip([]byte(c.Key)), "fence": fence, "verdict": "admitted",
		"sent": base64.StdEncoding.EncodeToString(sent[:min(len(sent), maxAudited)]), "sent_us": at.Microseconds(), "outcome": string(outcome),
		"answer": answer[:min(len(answer), maxAudited)]}))
}
