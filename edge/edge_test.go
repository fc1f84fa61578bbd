package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "0", "bench-3", "plate_2", strings.Repeat("x", 48)} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "_a", "A", "a b", "a.b", "a*", "é", "a\n", strings.Repeat("x", 49)} {
		err := CheckName(bad)
		if CodeOf(err) != CodeBadName || AsError(err).Hint == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if CheckName(OwnerName) == nil {
		t.Error("a device may be called like the owner")
	}
}

func TestSubjects(t *testing.T) {
	s := Subject("bench", "plate", KindLive)
	box, dev, kind, ok := ParseSubject(s)
	if s != "lab.bench.plate.live" || !ok || box != "bench" || dev != "plate" || kind != KindLive {
		t.Errorf("%s: %s %s %s %v", s, box, dev, kind, ok)
	}
	for _, bad := range []string{"", "lab", "lab.a.b", "lab.a.b.c.d", "lob.a.b.c"} {
		if _, _, _, ok := ParseSubject(bad); ok {
			t.Errorf("%q was taken", bad)
		}
	}
	if n := len(Subject(strings.Repeat("x", 48), strings.Repeat("y", 48), "experiment")); n > 255 {
		t.Errorf("the longest subject has %d bytes, a routing key may have 255", n)
	}
}

// One slot of a cluster for all keys of a box, and the version in front.
func TestKeys(t *testing.T) {
	if k := StatusKey("bench", "plate"); k != "lab:1:{bench}:status:plate" || !strings.HasPrefix(k, StatusPrefix("bench")) {
		t.Error(k)
	}
}

// What a student may an observer may not, and what nobody has listed nobody may.
func TestAuthorize(t *testing.T) {
	may := func(r Role, v Verb) bool { return Authorize(Actor{Seat: "s", Role: r}, v, "d") == nil }
	for _, tt := range []struct {
		verb  Verb
		least Role
	}{
		{VerbWatch, RoleObserver}, {VerbStop, RoleObserver}, {VerbExport, RoleObserver}, {VerbTake, RoleStudent},
		{VerbCommand, RoleStudent}, {VerbResume, RoleTeacher}, {VerbClear, RoleTeacher}, {VerbRevoke, RoleTeacher}, {VerbClass, RoleTeacher}, {VerbRunStart, RoleStudent}, {VerbDelete, RoleStudent},
	} {
		for _, r := range []Role{RoleObserver, RoleStudent, RoleTeacher, RoleOperator} {
			if want := rank(r) >= rank(tt.least); may(r, tt.verb) != want {
				t.Errorf("%s may %s: %v, want %v", r, tt.verb, !want, want)
			}
		}
	}
	if may(RoleOperator, "fly") {
		t.Error("a verb that is not listed is allowed")
	}
	if err := Authorize(Actor{Role: RoleOperator}, VerbStop, "d"); CodeOf(err) != CodeNoSeat {
		t.Errorf("nobody: %v", err)
	}
	if err := Authorize(Actor{Seat: "s", Role: "god"}, VerbWatch, "d"); CodeOf(err) != CodeNoSeat {
		t.Errorf("unknown role: %v", err)
	}
}

func TestErrors(t *testing.T) {
	err := fmt.Errorf("outer: %w", Errorf(CodePortLost, "gone: %w", io.ErrUnexpectedEOF).WithHint("plug in %s", "it").With("port", "x"))
	if CodeOf(err) != CodePortLost || !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, &Error{Code: CodePortLost}) || errors.Is(err, &Error{Code: CodeLate}) {
		t.Errorf("%v", err)
	}
	if e := AsError(err); e.Hint != "plug in it" || e.Args["port"] != "x" {
		t.Errorf("%+v", e)
	}
	// What is no coded error says nothing of itself to people.
	if e := AsError(errors.New("password=hunter2")); e.Code != CodeInternal || strings.Contains(e.Message+e.Hint, "hunter2") {
		t.Errorf("%+v", e)
	}
	if b, _ := json.Marshal(AsError(errors.New("hunter2"))); strings.Contains(string(b), "hunter2") {
		t.Errorf("%s", b)
	}
	if AsError(nil) != nil || CodeOf(nil) != "" {
		t.Error("nil is an error")
	}
}

func TestValues(t *testing.T) {
	var a Args
	if err := json.Unmarshal([]byte(`{"x":1.5,"on":true,"mode":"fast"}`), &a); err != nil {
		t.Fatal(err)
	}
	if x, ok := a["x"].Number(); !ok || x != 1.5 {
		t.Error(a["x"])
	}
	if x, ok := a["on"].Number(); !ok || x != 1 {
		t.Error(a["on"])
	}
	if s, ok := a["mode"].Word(); !ok || s != "fast" {
		t.Error(a["mode"])
	}
	for _, bad := range []string{`{"x":null}`, `{"x":[1]}`, `{"x":{}}`} {
		if err := json.Unmarshal([]byte(bad), &a); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := json.Marshal(Number(x)); err == nil {
			t.Errorf("%v has a JSON form", x)
		}
	}
}

func TestText(t *testing.T) {
	x := Text{"en": "Angle", "fr": "Angle (fr)"}
	if x.In("fr") != "Angle (fr)" || x.In("es") != "Angle" || x.In("de") != "Angle" || (Text{"es": "y"}).In("en") != "y" || (Text)(nil).In("en") != "" {
		t.Error("wrong language")
	}
}

func TestSystemClock(t *testing.T) {
	c := NewSystemClock()
	a := c.Mono()
	if b := c.Mono(); a < 0 || b < a || a > time.Minute {
		t.Errorf("%v then %v", a, b)
	}
}

// Every code stands in the reference.
func TestCodesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/ref/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Code = "([a-z_]+)"`).FindAllSubmatch(src, -1)
	if len(codes) < 30 {
		t.Fatalf("found %d codes in errors.go", len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(doc), "`"+string(c[1])+"`") {
			t.Errorf("docs/ref/errors.md does not explain %s", c[1])
		}
	}
}
