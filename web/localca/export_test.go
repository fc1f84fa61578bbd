package localca

// Look is what Run does every 10 s.
func (p *Pair) Look() { p.look() }
