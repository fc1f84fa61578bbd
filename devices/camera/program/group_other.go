//go:build !unix

package program

import (
	"os"
	"os/exec"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

func reap(cmd *exec.Cmd, last func()) {
	_ = cmd.Wait()
	last()
}

func endGroup(p *os.Process)  { _ = p.Kill() }
func killGroup(p *os.Process) { _ = p.Kill() }
