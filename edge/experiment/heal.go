package experiment

import "context"

// markKnown notes that somebody asked anew for what has ended.
func (m *mirror) markKnown(own *entry) {
	m.mu.Lock()
	m.known[own.Exp.ID] = own
	m.mu.Unlock()
	m.nudge()
}

// heal tells the shared store of an end that it does not know any more: it has
// lost the record, and the same submission came once more.
func (m *mirror) heal(ctx context.Context, own *entry) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	w, key := m.w, recordKey(m.w.cfg.Box, own.Exp.ID)
	had, raw, err := readEntry(ctx, w.cfg.Shared, key)
	if err != nil && raw == nil {
		return err
	}
	e := *own
	switch {
	case had != nil && had.Exp.State.Final():
		return nil
	case own.Exp.Contract == "" && had == nil: // only the mark is left, and nobody asks
		return nil
	case own.Exp.Contract == "":
		e = *had
		e.Exp.State, e.Exp.EndedMS = own.Exp.State, w.cfg.Clock.Wall().UnixMilli()
	}
	e.Phase, e.Seq, e.Life = "", 0, ""
	body := encode(&e)
	if err := w.cfg.Shared.Set(ctx, key, body, Keep); err != nil {
		return err
	}
	w.mu.Lock()
	w.seq++
	l := w.lanes[own.Exp.Device]
	l.ended = append(l.ended, place{ID: own.Exp.ID, Size: len(body), no: w.seq})
	w.mu.Unlock()
	m.markLine(l.device)
	return nil
}
