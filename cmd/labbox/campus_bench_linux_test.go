package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkCampusFanOut compares what 300 websocket clients of 1 kHz x 4 channels
// cost in labbox processes: one process on embedded parts, and an owner with two
// web processes on RabbitMQ and Redis. The clients are a process of their own.
//
//	go test -run '^$' -bench CampusFanOut -benchtime 1x ./cmd/labbox
func BenchmarkCampusFanOut(b *testing.B) {
	const panels, length = 300, 10 * time.Second
	file, err := filepath.Abs("testdata/box/fast.yaml")
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf("schema: 1\nbox: bench\ndevices:\n  - {id: fast, type: %q, port: {sim: true}}\n", file)
	measure := func(b *testing.B, boxes []*box, urls ...string) float64 {
		b.Helper()
		w := startWatchers(b, panels, length, "fast", urls...)
		before := cpuOf(b, boxes)
		got, lost := w.finish(b)
		ns := float64(cpuOf(b, boxes)-before) / float64(got)
		if lost > 0 || got < uint64(0.9*panels*1000*length.Seconds()) {
			b.Errorf("%d samples delivered, %d lost", got, lost)
		}
		b.ReportMetric(ns, "cpu-ns/sample")
		b.ReportMetric(float64(got)/panels/length.Seconds(), "samples/s")
		b.ReportMetric(0, "ns/op")
		return ns
	}
	var edge, campus float64
	b.Run("edge", func(b *testing.B) {
		for b.Loop() {
			one := startBox(b, b.TempDir(), text)
			one.until("fast", "live", isLive)
			edge = measure(b, []*box{one}, one.url)
		}
	})
	b.Run("campus", func(b *testing.B) {
		for b.Loop() {
			c := newCampus(b, text)
			c.start()
			c.lab.until("fast", "live", isLive)
			campus = measure(b, []*box{c.owner, c.webs[0], c.webs[1]}, c.webs[0].url, c.webs[1].url)
		}
	})
	if edge > 0 && campus > 0 {
		fmt.Printf("CPU per sample and client: edge %.0f ns, campus %.0f ns, %.2fx\n", edge, campus, campus/edge)
	}
}

// cpuOf sums the CPU time of processes, in nanoseconds.
func cpuOf(b testing.TB, boxes []*box) (ns int64) {
	b.Helper()
	for _, p := range boxes {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			b.Fatal(err)
		}
		f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		for _, i := range []int{11, 12} { // utime, stime in ticks of 10 ms
			n, err := strconv.ParseInt(f[i], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			ns += n * 10e6
		}
	}
	return ns
}
