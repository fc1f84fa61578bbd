package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"labbox/edge"
	"labbox/edge/audit"
)

const auditDir = "audit"

// auditKey is where the store keeps the head of the audit log: whoever cuts the
// files must change that too.
func auditKey(box string) string { return edge.Key(box, "audit") }

// openAudit begins to record what happens. It needs the store of the process.
func (p *parts) openAudit(ctx context.Context) error {
	kept, err := keptHead(ctx, p.local, auditKey(p.box))
	if err != nil {
		p.log.Warn("kept head of the audit log not readable", "error", err)
	}
	p.audit, err = audit.Open(ctx, audit.Config{Dir: p.dir.Sub(auditDir), Box: p.box, Version: version, Clock: p.clock, Logger: p.log,
		Kept: kept, Copy: copyHead(p.local, p.box)})
	if err != nil {
		return err
	}
	p.ends = append(p.ends, p.audit.Close)
	return nil
}

func copyHead(kv edge.KV, box string) func(context.Context, audit.Head) error {
	return func(ctx context.Context, h audit.Head) error {
		b, err := json.Marshal(h)
		if err != nil {
			return err
		}
		return kv.Set(ctx, auditKey(box), b, 0)
	}
}

// keptHead is the head at a key, none where there is none.
func keptHead(ctx context.Context, kv edge.KV, key string) ([]audit.Head, error) {
	b, ok, err := kv.Get(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	var h audit.Head
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return []audit.Head{h}, nil
}

// note is what the panel's part of the process records by, nil where there is no
// log: a process that owns no devices keeps nothing.
func (p *parts) note() func(edge.Event) {
	if p.audit == nil {
		return nil
	}
	return func(e edge.Event) { p.audit.Note(&e) }
}

var discard = slog.New(slog.DiscardHandler)
