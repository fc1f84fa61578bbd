//go:build unix && !linux

package program

import (
	"os/exec"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the program's end. The group that is killed then keeps its number as
// long as one of it lives; without one, numbers would have to go round in no time.
func reap(cmd *exec.Cmd, last func()) {
	_ = cmd.Wait()
	last()
}
