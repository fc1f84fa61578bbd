package simchip

import "golang.org/x/sys/unix"

// prefer lets the chip run before programs, as hardware does, where that is
// allowed (root): a busy machine would else slow its UART down.
func prefer(pid int) { _ = unix.Setpriority(unix.PRIO_PROCESS, pid, -10) }
