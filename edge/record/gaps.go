package record

import "labbox/edge/frame"

// Reasons of a gap.
const (
	reasonLost     = "lost"     // the device's driver or the line lost them
	reasonOverflow = "overflow" // the recorder's buffer was full
	reasonDisk     = "disk"     // the disk was full or failed
	reasonDamaged  = "damaged"  // the segment's bytes are damaged
	reasonRestart  = "restart"  // the process ended in between
	reasonEpoch    = "epoch"    // the stream restarted, or its contract or calibration changed
	reasonSequence = "sequence" // the numbers went back
)

// Gap is a place where samples are missing. Lost is frame.LostUnknown where
// nobody knows how many; it is 0 at a change of epoch that lost nothing.
type Gap struct {
	Lost   uint32 `json:"lost"`
	Reason string `json:"reason"`
}

// gaps finds the gaps between the frames it is shown, in order.
type gaps struct {
	have     bool
	boot     uint64
	stream   uint64
	epoch    uint32
	next     uint64
	declared *Gap // by the recorder, before the next frame
	damaged  bool // bytes were skipped since the last frame
}

// frame returns the gap right before h, if there is one.
func (g *gaps) frame(boot uint64, h frame.Header) (Gap, bool) {
	gap := Gap{Lost: h.Lost, Reason: reasonLost}
	moved := false
	switch {
	case !g.have:
	case g.boot != boot:
		gap.Reason, moved = reasonRestart, true
		if h.Lost == 0 {
			gap.Lost = frame.LostUnknown
		}
	case g.stream != h.Stream || g.epoch != h.Epoch:
		gap.Reason, moved = reasonEpoch, true
		if g.damaged {
			gap = Gap{frame.LostUnknown, reasonDamaged}
		}
	case h.Seq < g.next:
		gap = Gap{frame.LostUnknown, reasonSequence}
	default:
		if jump := frame.AddLost(0, uint32(min(h.Seq-g.next, frame.LostUnknown))); jump > h.Lost {
			gap.Lost = jump
			if g.damaged {
				gap.Reason = reasonDamaged
			}
		}
	}
	if g.declared != nil && gap.Lost > 0 && gap.Reason != reasonRestart {
		gap.Reason = g.declared.Reason
	}
	*g = gaps{have: true, boot: boot, stream: h.Stream, epoch: h.Epoch, next: h.Next}
	return gap, gap.Lost > 0 || moved
}

// end returns the gap after the last frame of a window that nothing follows.
func (g *gaps) end() (Gap, bool) {
	switch {
	case g.declared != nil && g.declared.Lost > 0:
		return *g.declared, true
	case g.damaged:
		return Gap{frame.LostUnknown, reasonDamaged}, true
	}
	return Gap{}, false
}
