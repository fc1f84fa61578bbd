package serialtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside names the test that runs inside a namespace.
const inside = "LABBOX_NAMESPACE"

// Namespace runs the calling test once more, as a process with a mount namespace
// of its own, and returns false; in there it returns true. The test is skipped
// where that is forbidden.
//
//	if !serialtest.Namespace(t) {
//		return
//	}
func Namespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOSYS):
		t.Skip("mount namespaces are forbidden:", err)
	case err != nil:
		t.Fatalf("in the namespace: %v\n%s", err, text)
	case strings.Contains(text, "--- SKIP"):
		t.Skip(text)
	}
	t.Log(text)
	return false
}
