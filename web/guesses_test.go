package web_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"labbox/edge"
	"labbox/edge/class"
)

// Guessing the code of a class: bounded for one address, and for many together.
func TestGuessingTheClassCode(t *testing.T) {
	l := newLab(t)
	_, code := l.teach(`{}`)
	guess := func(remote, code string) answer {
		return l.direct(remote, "POST", "/api/v1/class/names", `{"code":"`+code+`"}`)
	}
	seen := map[edge.Code]int{}
	for range 200 {
		a := guess("192.168.1.9:5", "BBBBBB")
		seen[a.code()]++
		if a.status == 429 && a.header.Get("Retry-After") == "" {
			t.Fatal("429 without Retry-After")
		}
	}
	if seen[edge.CodeNoClass] < 20 || seen[edge.CodeNoClass] > 35 {
		t.Fatalf("one address: %v", seen)
	}
	if a := guess("192.168.1.9:5", code); a.status != 429 {
		t.Fatal("a right guess is answered while guesses are not:", a)
	}
	if a := guess("192.168.1.10:5", code); a.status != 200 {
		t.Fatal("one who guesses keeps the others out:", a)
	}
	looked := 0
	for i := range 2000 {
		if guess(fmt.Sprintf("10.%d.%d.9:5", i>>8, i&255), "BBBBBB").code() == edge.CodeNoClass {
			looked++
		}
	}
	if looked > 250 {
		t.Fatalf("%d guesses of many addresses were looked at", looked)
	}
	if a := l.direct("10.77.1.1:1", "POST", "/api/v1/seats", `{"nickname":"x","code":"`+code+`"}`); a.status != 429 {
		t.Fatal("the other way in is open:", a)
	}
}

// Sign-ins are bounded, say how long to wait, and tell nobody which names there are.
func TestSignInGuesses(t *testing.T) {
	l := newLab(t)
	l.account("Known", edge.RoleTeacher)
	said := map[string][]string{}
	for i, name := range []string{"Known", "Nobody"} {
		for range 10 {
			a := l.direct(fmt.Sprintf("192.168.1.%d:5", i+1), "POST", "/api/v1/teacher", fmt.Sprintf(`{"name":%q,"password":"wrong password"}`, name))
			if a.status != 401 && a.status != 429 {
				t.Fatal(a)
			}
			if a.status == 429 && a.header.Get("Retry-After") == "" {
				t.Fatal(a.header)
			}
			said[name] = append(said[name], fmt.Sprint(a.status, a.body))
		}
	}
	if !slices.Equal(said["Known"], said["Nobody"]) {
		t.Fatalf("%v", said)
	}
	if !strings.HasPrefix(said["Known"][9], "429") {
		t.Fatal("no delay:", said["Known"])
	}
	if a := l.direct("192.168.1.1:5", "POST", "/api/v1/teacher", fmt.Sprintf(`{"name":"Known","password":%q}`, password)); a.status != 429 {
		t.Fatal("a right password within the wait:", a)
	}
	if a := l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"name":"Known","password":%q}`, password)); a.status != 201 {
		t.Fatal("who guesses keeps the teacher out:", a)
	}
}

func TestThousandJoinsWithOneNickname(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 125 {
				a := l.enter(code, "Ana")
				mu.Lock()
				got[a.status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got[201] != class.MaxSeats || got[429] != 1000-class.MaxSeats {
		t.Fatalf("%v", got)
	}
	names := map[string]bool{}
	for _, s := range l.class(ms).Seats {
		names[s.Name] = true
	}
	if len(names) != class.MaxSeats {
		t.Fatalf("%d names", len(names))
	}
}

func TestHostileNicknames(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	for name, status := range map[string]int{
		`<script>alert(1)</script>`: 201, "👩‍🔬": 201, "שלום": 201, "\"; --": 201, "日本": 201, "\u202eevil": 422, "a\u0000b": 422, "\u200b": 422,
		strings.Repeat("x", 41): 422, "\u2066x\u2069": 422, strings.Repeat("x", 10<<20): 413,
	} {
		a := l.enter(code, name)
		if a.status != status {
			t.Errorf("%.20q: %d %.100s", name, a.status, a.body)
		}
		if strings.Contains(a.body, "<script>") {
			t.Errorf("%.20q comes back as it is", name)
		}
	}
	if b := ms.send("GET", "/api/v1/class", "").body; strings.Contains(b, "<script>") {
		t.Error(b)
	}
}
