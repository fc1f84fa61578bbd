package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"labbox/edge"
)

// words reads the panel's catalogues, so that a test presses what a reader of that
// language sees.
func words(t *testing.T, lang string) func(key string) string {
	t.Helper()
	var all string
	for _, dir := range []string{"i18n/", "i18n/more/"} {
		b, err := os.ReadFile("../../web/ui/" + dir + lang + ".js")
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
	}
	return func(key string) string {
		m := regexp.MustCompile(`(?m)^\s+'?` + regexp.QuoteMeta(key) + `'?:\s+'([^']+)'`).FindStringSubmatch(all)
		if m == nil {
			t.Fatalf("no words for %s in %s", key, lang)
		}
		s, _, _ := strings.Cut(m[1], "{")
		return strings.TrimRight(s, " :")
	}
}

// speak sets the page's language as its reader does.
func (tb *tab) speak(lang string) {
	tb.t.Helper()
	tb.until("the choice of a language", `document.querySelector('header select')`)
	js[chromedp.Void](tb, fmt.Sprintf(`{ const s = document.querySelector('header select'); s.value = %q; s.dispatchEvent(new Event('change', { bubbles: true })); }`, lang))
	tb.until("the language", fmt.Sprintf(`document.documentElement.lang === %q`, lang))
}

// A lesson from the first account to the closed door: a teacher and four students
// on phones, in three languages, each in a browser context of their own.
func TestLesson(t *testing.T) {
	web := openBrowser(t)
	data := t.TempDir()
	b, ms, code := openedClass(t, web, data, phone)
	ms.shoot("lesson-1-code")

	type student struct {
		*tab
		name string
		say  func(string) string
	}
	var room []student
	for _, s := range []struct{ name, lang string }{{"Ana", "es"}, {"Léa", "fr"}, {"Tom", "en"}, {"🦊 نور", "fr"}} {
		tb := web.tab(b, phone)
		tb.allow("status of 401", "status of 403", "status of 404", "status of 409", "status of 422")
		tb.open("/join/" + code)
		tb.until("the question for a name", `document.querySelector('dialog input[name=nickname]')`)
		tb.until("the nickname to have the focus, since the code is there", `document.activeElement.name === 'nickname'`)
		tb.write("dialog input[name=nickname]", s.name)
		tb.press("dialog button.primary", "")
		tb.untilText("header .who", s.name)
		tb.speak(s.lang)
		tb.open(pendulumPage)
		room = append(room, student{tb, s.name, words(t, s.lang)})
	}
	ana, lea, tom, nur := room[0], room[1], room[2], room[3]
	ms.untilText(".count", "4")

	// Ana drives, the others stand in line, in the order in which they asked.
	ana.press(".turn button", ana.say("take"))
	ana.untilText(".turn", ana.say("turn.mine"))
	for i, s := range room[1:] {
		s.press(".turn button", s.say("queue.join"))
		b.until("pendulum", s.name+" waits", func(st edge.Status) bool { return len(st.Queue) == i+1 && st.Queue[i].Seat.Name == s.name })
	}
	fence := b.status("pendulum").Lease.Fence
	ana.press("form[aria-label] button.primary", ana.say("send"))
	ana.untilText(".commands .result", ana.say("outcome.confirmed"))
	ana.shoot("lesson-2-drives-es")
	nur.shoot("lesson-2-waits-fr")

	// She hands over past the line, then the line goes on.
	ana.press(".extras button", ana.say("share"))
	ana.press(".share button", ana.say("share.grant")+": "+tom.name)
	tom.untilText(".turn", tom.say("turn.mine"))
	tom.press(".call button", tom.say("call.ok"))
	b.until("pendulum", "Tom drives under a new number", func(st edge.Status) bool {
		return st.Lease != nil && st.Lease.Holder.Name == tom.name && st.Lease.Fence > fence
	})
	tom.press(".turn button", tom.say("release"))
	lea.untilText(".turn", lea.say("turn.mine"))
	lea.press(".call button", lea.say("call.ok"))

	// Anybody stops; only the teacher lets it go on, and the turn is still Léa's.
	nur.press(".estop", "")
	b.until("pendulum", "stopped and safe", func(st edge.Status) bool { return st.Stopped != nil && st.Safe == edge.SafeConfirmed })
	lea.until("nothing can be sent", commandsX)
	lea.shoot("lesson-3-stopped-fr")
	for _, d := range []string{"pendulum", "aeropendulum"} {
		if b.status(d).Stopped == nil {
			continue
		}
		ms.open("/teacher/d/" + d)
		ms.press(".panel button", "Resume")
		b.until(d, "resumed", func(st edge.Status) bool { return st.Stopped == nil })
	}
	lea.until("she may drive again", `!(`+commandsX+`)`)

	ms.open("/teacher/devices")
	ms.until("which page it is", `document.querySelector('nav.tabs [aria-current=page]')?.textContent === 'Devices'`)
	ms.until("names that run from right to left apart from the others", `document.querySelectorAll('.dcard .hint bdi').length === 2`)
	ms.press(".allbar button", "Freeze all")
	b.until("pendulum", "frozen", func(st edge.Status) bool { return st.Hold != nil })
	lea.until("nothing can be sent", commandsX)
	ms.shoot("lesson-4-frozen")
	ms.press(".allbar button", "Unfreeze all")
	b.until("pendulum", "not frozen", func(st edge.Status) bool { return st.Hold == nil })
	lea.until("she may drive again", `!(`+commandsX+`)`)
	lea.press("form[aria-label] button.primary", lea.say("send"))
	lea.untilText(".commands .result", lea.say("outcome.confirmed"))

	// A reload costs her nothing; gone for good, the next one drives.
	before := b.status("pendulum").Lease.Fence
	lea.do(chromedp.Reload())
	lea.untilText(".turn", lea.say("turn.mine"))
	if now := b.status("pendulum").Lease; now == nil || now.Fence != before {
		t.Errorf("after a reload the lease is %+v, want number %d", now, before)
	}
	lea.press(".turn button", lea.say("release"))
	tom.untilText(".turn", tom.say("turn.mine")) // what Ana gave him was the rest of hers: he kept his place
	tom.press(".call button", tom.say("call.ok"))
	tom.press(".turn button", tom.say("release"))
	nur.untilText(".turn", nur.say("turn.mine"))

	ms.open("/teacher/class")
	ms.press("main button", "Close the class…")
	ms.press("dialog button", "Close the class now")
	ms.untilText("main h1", "Open a class")
	b.until("pendulum", "nobody drives any more", func(st edge.Status) bool {
		return st.Lease == nil && len(st.Queue) == 0 && st.Safe == edge.SafeConfirmed
	})
	nur.until("the seat is gone", `!document.querySelector('header .who').textContent.includes('نور')`)
	nur.untilText(".turn", nur.say("ended.how"))
	nur.shoot("lesson-5-closed-fr")
	if out := labboxSays(t, 0, "audit", "verify", "--data", data); !strings.Contains(out, "record") {
		t.Errorf("audit verify: %s", out)
	}
	var seen struct{ take, stop, resume, command bool }
	for _, line := range strings.Split(labboxSays(t, 0, "audit", "show", "--json", "--data", data), "\n") {
		var r struct {
			Event edge.Event `json:"event"`
		}
		if json.Unmarshal([]byte(line), &r) != nil || r.Event.Actor == nil {
			continue
		}
		e := r.Event
		seen.take = seen.take || e.Code == "lease" && e.Actor.Name == "Ana"
		seen.stop = seen.stop || e.Code == "estop" && e.Args["what"] == "stop" && e.Actor.Name == nur.name
		seen.resume = seen.resume || e.Code == "estop" && e.Args["what"] == "resume" && e.Actor.Role.AtLeast(edge.RoleTeacher)
		seen.command = seen.command || e.Code == "command" && e.Args["verdict"] == "admitted" && e.Args["fence"] != nil
	}
	if !seen.take || !seen.stop || !seen.resume || !seen.command {
		t.Errorf("the audit lacks something: %+v", seen)
	}
}
