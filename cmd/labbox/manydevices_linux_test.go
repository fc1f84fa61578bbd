package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/pty"
	"labbox/edge"
)

const (
	benchEnv  = "LABBOX_TEST_BENCH" // "slow fast": how many devices of each kind
	slowLines = 32                  // at 100 lines/s
	fastLines = 4                   // at 10 kB/s
	benchTick = 10 * time.Millisecond
)

// benchType is what each of them is.
const benchType = `schema: 1
type: talker
label: {en: Talker}
protocol: {lines: {format: json, max_line: 512}}
rate: 100
count: {from: n}
time: {from: t, unit: ms}
channels:
  - {id: a, label: {en: A}, unit: V}
  - {id: b, label: {en: B}, unit: V}
  - {id: c, label: {en: C}, optional: true}
`

// benchMain plays a bench full of serial devices, in a process of its own.
func benchMain() bool {
	var slow, fast int
	if n, _ := fmt.Sscanf(os.Getenv(benchEnv), "%d %d", &slow, &fast); n != 2 {
		return false
	}
	var ports []*pty.Port
	for range slow + fast {
		p, err := pty.Open(pty.Options{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		ports = append(ports, p)
		fmt.Println(p.Name())
	}
	filler := strings.Repeat("0", 100)
	begin := time.Now()
	var line []byte
	for n := 1; ; n++ {
		time.Sleep(time.Until(begin.Add(time.Duration(n) * benchTick)))
		t := time.Since(begin).Milliseconds()
		for i, p := range ports {
			line = fmt.Appendf(line[:0], `{"n":%d,"t":%d,"a":%.3f,"b":%d`, n, t, float64(n%1000)/7, -i)
			if i >= slow { // 100 bytes
				line = fmt.Appendf(line, `,"c":1.%s`, filler[:max(0, 94-len(line)-5)])
			}
			line = append(line, "}\r\n"...)
			if err := p.Send(line, transport.Stream); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
		}
	}
}

// farBench starts a process that plays serial devices of a type, and returns the
// box file that has them: d0, d1 and so on.
func farBench(t *testing.T, dir, typeFile string, slow, fast int) string {
	t.Helper()
	far := exec.CommandContext(t.Context(), os.Args[0])
	far.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", benchEnv, slow, fast))
	far.Stderr = os.Stderr
	out, err := far.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Process.Kill(); _ = far.Wait() })
	file := filepath.Join(dir, "talker.yaml")
	if err := os.WriteFile(file, []byte(typeFile), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "schema: 1\nbox: bench\ndevices:\n"
	names := bufio.NewScanner(out)
	for i := range slow + fast {
		if !names.Scan() {
			t.Fatal("the bench did not start")
		}
		text += fmt.Sprintf("  - {id: d%d, type: %s, port: {path: %s}}\n", i, file, names.Text())
	}
	return text
}

// A bench full of devices costs little: 32 at 100 lines/s and 4 at 10 kB/s, no
// sample lost, a quarter of one core. The lines are made in another process.
func TestManyDevices(t *testing.T) {
	dir := t.TempDir()
	text := farBench(t, dir, benchType, slowLines, fastLines)
	b := startBox(t, filepath.Join(dir, "data"), text)
	defer b.kill()
	all := func() (list []edge.Status) {
		for i := range slowLines + fastLines {
			list = append(list, b.until(fmt.Sprintf("d%d", i), "live", isLive))
		}
		return list
	}
	before, cpu, began := all(), cpuOf(t, []*box{b}), time.Now()
	time.Sleep(8 * time.Second)
	used, took := cpuOf(t, []*box{b})-cpu, time.Since(began)
	var samples uint64
	for i, st := range all() {
		n := st.Counts.Samples - before[i].Counts.Samples
		samples += n
		if lost := st.Counts.Lost - before[i].Counts.Lost; lost > 0 || st.Counts.Garbage > before[i].Counts.Garbage {
			t.Errorf("d%d lost %d of %d, garbage %d", i, lost, n, st.Counts.Garbage)
		}
		if hz := float64(n) / took.Seconds(); hz < 90 {
			t.Errorf("d%d: %.0f samples a second", i, hz)
		}
	}
	share := 100 * float64(used) / float64(took.Nanoseconds())
	fmt.Printf("%d devices, %.0f samples/s: %.1f %% of one core\n", slowLines+fastLines, float64(samples)/took.Seconds(), share)
	if share > 25 && !raceEnabled {
		t.Errorf("%.1f %% of one core, want 25", share)
	}
}
