package fanout

import (
	"fmt"

	"labbox/edge"
)

// MinQueueBytes is the least that Queue.MaxBytes may be.
const MinQueueBytes = 64 << 10

// CheckQueue refuses a name that is no word (CodeBadName) and settings that make
// no sense (CodeBadRequest).
func CheckQueue(q edge.Queue) error {
	if err := CheckWord(q.Name); err != nil {
		return err
	}
	bad := func(what string) error {
		return edge.Errorf(edge.CodeBadRequest, "bus: queue %s: %s", q.Name, what)
	}
	switch {
	case q.MaxTries < 1:
		return bad("MaxTries below 1")
	case q.RetryDelay < 0:
		return bad("RetryDelay below 0")
	case q.AckWait <= 0:
		return bad("AckWait not above 0")
	case q.Dedup < 0:
		return bad("Dedup below 0")
	case q.MaxBytes < MinQueueBytes:
		return bad(fmt.Sprintf("MaxBytes below %d", MinQueueBytes))
	}
	return nil
}
