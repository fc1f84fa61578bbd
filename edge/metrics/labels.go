package metrics

import (
	"context"
	"errors"
	"strings"
	"sync"

	"labbox/edge"
)

// other stands for what is in no bounded set.
const other = "other"

// names is a set of label values that stops growing.
type names struct {
	mu  sync.RWMutex
	max int
	set map[string]bool
}

func newNames(max int) *names { return &names{max: max, set: map[string]bool{}} }

// add admits s where there is room, and returns the label for it.
func (n *names) add(s string) string {
	if l := n.of(s); l != other {
		return l
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.set[s] && (len(n.set) >= n.max || edge.CheckName(s) != nil) {
		return other
	}
	n.set[s] = true
	return s
}

// of returns the label for s: itself if it was admitted.
func (n *names) of(s string) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.set[s] {
		return s
	}
	return other
}

// Labels of outcomes that are no error code.
const (
	codeOK       = "ok"
	codeTimeout  = "timeout"
	codeCanceled = "canceled"
)

// code is the label of an outcome. An answer of another process may carry any
// code, so that only those that edge knows pass.
func (m *Metrics) code(err error) string {
	if err == nil {
		return codeOK
	}
	var e *edge.Error
	switch {
	case errors.As(err, &e):
		if m.codes[e.Code] {
			return string(e.Code)
		}
		return other
	case errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	case errors.Is(err, context.Canceled):
		return codeCanceled
	}
	return string(edge.CodeInternal)
}

func (m *Metrics) verb(v edge.Verb) string {
	if m.verbs[v] {
		return string(v)
	}
	return other
}

// kinds are the last words of subjects, and what is none of them.
var kinds = [...]string{edge.KindLive, edge.KindState, edge.KindEvent, edge.KindDo, edge.KindStop, edge.KindTick,
	edge.KindExperiment, edge.KindSeat, edge.KindClass, other}

// kindOf is the index into kinds.
func kindOf(subject string) int {
	word := subject[strings.LastIndexByte(subject, '.')+1:]
	for i, k := range kinds {
		if k == word {
			return i
		}
	}
	return len(kinds) - 1
}

func set[T comparable](list ...T) map[T]bool {
	m := make(map[T]bool, len(list))
	for _, v := range list {
		m[v] = true
	}
	return m
}

func verbSet() map[edge.Verb]bool {
	return set(edge.VerbWatch, edge.VerbTake, edge.VerbRelease, edge.VerbBeat, edge.VerbCommand, edge.VerbStop, edge.VerbResume,
		edge.VerbClear, edge.VerbRunStart, edge.VerbRunStop, edge.VerbAnnotate, edge.VerbExport, edge.VerbDelete,
		edge.VerbExperiment, edge.VerbCancel, edge.VerbLeave, edge.VerbGrant, edge.VerbPair, edge.VerbRevoke, edge.VerbHold,
		edge.VerbUnhold, edge.VerbNarrow, edge.VerbRules, edge.VerbPresent, edge.VerbRehearse, edge.VerbCover, edge.VerbClass, edge.VerbBox)
}

func codeSet() map[edge.Code]bool {
	return set(edge.CodeInternal, edge.CodeBadRequest, edge.CodeBadName, edge.CodeTooLarge, edge.CodeTooMany, edge.CodeUnknownOp,
		edge.CodeUnknownDevice, edge.CodeUnknownChannel, edge.CodeUnknownCommand, edge.CodeUnknownRun, edge.CodeUnknownExperiment,
		edge.CodeUnknownCamera, edge.CodeCovered, edge.CodeNoPicture, edge.CodeNotFound, edge.CodeNoSeat, edge.CodeNoClass, edge.CodeClassLocked, edge.CodeBadLogin, edge.CodeNameUsed,
		edge.CodeUnknownSeat, edge.CodeHeld, edge.CodeTooLong, edge.CodeForbidden, edge.CodeBadOrigin, edge.CodeNotHolder, edge.CodeLeaseTaken,
		edge.CodeStaleFence, edge.CodeLate, edge.CodeStaleTick, edge.CodeDuplicate, edge.CodeOutOfRange, edge.CodeSlew, edge.CodeRate,
		edge.CodeBadValue, edge.CodeMissingValue, edge.CodeInterlock, edge.CodeStopped, edge.CodeSafing, edge.CodeQuarantined,
		edge.CodeNotReady, edge.CodeDeviceRefused, edge.CodeNoAnswer, edge.CodeUnknownOutcome, edge.CodeWriteStuck,
		edge.CodePortMissing, edge.CodePortBusy, edge.CodePortForbidden, edge.CodePortLost, edge.CodeGarbage, edge.CodeLineTooLong,
		edge.CodeContract, edge.CodeBusDown, edge.CodeStoreDown, edge.CodeStoreFull, edge.CodeNameTaken, edge.CodeDataLocked,
		edge.CodeBadConfig)
}

func eventSet() map[string]bool {
	return set("state", "lease", "command", "refused", "safe", "estop", "gap", "text", "run", "note", "hold",
		"interlock", "known", "limits", "longest_run", "quarantine", "rules")
}
