package program

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// A program that fills standard error is made to wait; what it says last is kept.
func TestFloodOfWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		words := append(bytes.Repeat([]byte("a warning\n"), 200_000), "the reason\n"...)
		begin := time.Now()
		tail := newTail(nil, func(string) {})
		tail.read(bytes.NewReader(words))
		if took := time.Since(begin); took < 2*time.Second || took > 5*time.Second {
			t.Errorf("2 MB in %v", took)
		}
		if l := tail.lines(); l[len(l)-1] != "the reason" {
			t.Error(l)
		}
	})
}
