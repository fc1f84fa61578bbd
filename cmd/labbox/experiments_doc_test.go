package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Every command of docs/ref/experiments.md is run, one after another, on the box
// of its box file, and answers what the document says.
func TestExperimentsDocument(t *testing.T) {
	for _, peer := range []string{"curl", "bash"} {
		if _, err := exec.LookPath(peer); err != nil {
			peerMissing(t, peer, peer)
		}
	}
	raw, err := os.ReadFile(filepath.Join(docsRoot, "docs/ref/experiments.md"))
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	b := startBox(t, t.TempDir(), between(doc, "```yaml\n", "```"))
	b.until("calculator", "live", isLive)

	type line struct{ command, want string }
	var lines []line
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(doc, -1) {
		for _, l := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			if c, ok := strings.CutPrefix(l, "$ "); ok {
				lines = append(lines, line{command: c})
			} else {
				lines[len(lines)-1].want += l + "\n"
			}
		}
	}
	if len(lines) < 15 {
		t.Fatalf("only %d commands found", len(lines))
	}
	const mark = "@@@ end of a command"
	var script strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&script, "%s\necho; echo '%s'\n", strings.ReplaceAll(l.command, "http://127.0.0.1:8080", b.url), mark)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
	timer := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	parts := strings.Split(string(out), mark)
	for i, l := range lines {
		have := strings.TrimSpace(parts[i])
		if why := agrees(strings.TrimSpace(l.want), have); why != "" {
			t.Errorf("%s\nanswers %s\nnot     %s\n%s", l.command, have, l.want, why)
		}
	}
}

// agrees says what differs between an answer of a document, which may be
// shortened, and a real one; "" for nothing.
func agrees(want, have string) string {
	if want == have {
		return ""
	}
	var w, h any
	if json.Unmarshal([]byte(want), &w) != nil || json.Unmarshal([]byte(have), &h) != nil {
		return "the texts differ"
	}
	return subset("", w, h)
}

func subset(path string, want, have any) string {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return path + ": no object"
		}
		for k, v := range w {
			if _, ok := h[k]; !ok {
				return path + "." + k + " is missing"
			}
			if why := subset(path+"."+k, v, h[k]); why != "" {
				return why
			}
		}
		return ""
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return fmt.Sprintf("%s: not %d items", path, len(w))
		}
		for i := range w {
			if why := subset(fmt.Sprintf("%s[%d]", path, i), w[i], h[i]); why != "" {
				return why
			}
		}
		return ""
	case string:
		h, ok := have.(string)
		if begin, short := strings.CutSuffix(w, "..."); ok && short && strings.HasPrefix(h, begin) && h != "" {
			return ""
		}
	}
	if !reflect.DeepEqual(want, have) {
		return fmt.Sprintf("%s: %v, not %v", path, have, want)
	}
	return ""
}
