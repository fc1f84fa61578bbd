package program

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"labbox/devices/camera/source"
)

// TestThreads: programs outlive the threads that come and go in this process.
func TestThreads(t *testing.T) {
	src, err := New(Options{Args: []string{"sleep", "1000"}, Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var open []source.Stream
	for range 20 {
		gate, ready := make(chan struct{}), sync.WaitGroup{}
		var end sync.WaitGroup
		for range 10 {
			ready.Add(1)
			end.Go(func() {
				runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
				ready.Done()
				<-gate
			})
		}
		st, err := src.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, st)
		ready.Wait()
		close(gate)
		end.Wait()
	}
	for i, st := range open {
		select {
		case <-st.(*stream).exited:
			t.Errorf("program %d has ended: %v", i, st.(*stream).cmd.ProcessState)
		default:
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// child is this test's binary as a box with a camera, to be killed.
func child() {
	src, err := New(Options{Args: []string{"sh", "-c", "echo $$ >&2; exec sleep 1000"}, Max: 1000, Logger: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err == nil {
		_, err = src.Open(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// TestKilled: a box that is killed leaves no program behind.
func TestKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	box := exec.Command(exe)
	box.Env = append(os.Environ(), "LABBOX_TEST_PROGRAM=1")
	out, err := box.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, _ := out.Read(b)
	_, after, _ := strings.Cut(string(b[:n]), "line=")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	if err != nil {
		_ = box.Process.Kill()
		_ = box.Wait()
		t.Fatalf("%q", b[:n])
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Error("it does not run:", err)
	}
	_ = box.Process.Kill()
	_ = box.Wait()
	for end := time.Now().Add(10 * time.Second); running(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the program lives")
		}
	}
}

// running says whether a process is there and no zombie.
func running(pid int) bool {
	state, _ := stat("/proc/" + strconv.Itoa(pid) + "/stat")
	return state != "" && state != "Z"
}

// living says whether one of a process group is there and no zombie: killed ones are
// init's, which may take its time.
func living(t testing.TB, group int) bool {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if state, of := stat(n); of == group && state != "Z" {
			return true
		}
	}
	return false
}

// stat reads the state and the group of a process (proc(5)).
func stat(name string) (state string, group int) {
	b, err := os.ReadFile(name)
	s := string(b)
	if i := strings.LastIndex(s, ") "); err != nil || i < 0 {
		return "", 0
	} else if f := strings.Fields(s[i+2:]); len(f) > 2 {
		group, _ = strconv.Atoi(f[2])
		return f[0], group
	}
	return "", 0
}

func descriptors(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// children are those of this process, zombies too.
func children(t testing.TB) string {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(names) == 0 {
		t.Fatal("no list of children", err)
	}
	var all strings.Builder
	for _, n := range names {
		b, _ := os.ReadFile(n) // a thread may have ended
		all.Write(b)
	}
	return all.String()
}
