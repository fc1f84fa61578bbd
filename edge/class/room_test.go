package class

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
)

func open(t *testing.T, s *Seats, ch Change) *Class {
	t.Helper()
	c, err := s.Open(t.Context(), &ch, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func enter(t *testing.T, s *Seats, c *Class, name string) (Found, string) {
	t.Helper()
	seat, token, err := s.Join(t.Context(), Entry{Nickname: name, Kind: KindClass, Class: c})
	if err != nil {
		t.Fatal(err)
	}
	return seat, token
}

func TestClassEndsItsSeats(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	c := open(t, s, Change{})
	seat, token := enter(t, s, c, "Ana")
	if f, err := s.Lookup(t.Context(), token); err != nil || f.Alias != "Student 1" || f.Role != edge.RoleStudent {
		t.Fatalf("%+v %v", f, err)
	}
	if _, err := s.Open(t.Context(), &Change{}, 1); edge.CodeOf(err) != edge.CodeBadRequest {
		t.Fatal("two classes at once:", err)
	}
	gone, err := s.Close(t.Context())
	if err != nil || len(gone) != 1 || gone[0].Seat != seat.ID {
		t.Fatal(gone, err)
	}
	for _, again := range []bool{false, true} { // also while another class is open
		if again {
			open(t, s, Change{})
		}
		if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
			t.Fatal("a replayed token counts:", err)
		}
	}
}

// A seat that slipped in while its class was closed belongs to no other.
func TestSeatOfAnOlderClass(t *testing.T) {
	s := New(newKV(), "bench")
	old := open(t, s, Change{})
	if _, err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, token := enter(t, s, old, "Ana")
	open(t, s, Change{})
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal(err)
	}
}

func TestRoster(t *testing.T) {
	s := New(newKV(), "bench")
	c := open(t, s, Change{Roster: &[]string{" Ana  María", "", "Bo", "bo", "Cem"}})
	if len(c.Roster) != 3 {
		t.Fatal(c.Roster)
	}
	ana, _ := enter(t, s, c, "ana maría")
	if ana.Name != "Ana María" {
		t.Fatal(ana)
	}
	if _, _, err := s.Join(t.Context(), Entry{Nickname: "Ana María", Kind: KindClass, Class: c}); edge.CodeOf(err) != edge.CodeNameUsed {
		t.Fatal("twice:", err)
	}
	if _, _, err := s.Join(t.Context(), Entry{Nickname: "Eve", Kind: KindClass, Class: c}); edge.CodeOf(err) != edge.CodeBadValue {
		t.Fatal("not on the list:", err)
	}
	_, bo := enter(t, s, c, "Bo")
	if _, err := s.Rename(t.Context(), bo, "Ana María"); edge.CodeOf(err) != edge.CodeNameUsed {
		t.Fatal(err)
	}
	names, err := s.Names(t.Context(), c)
	if err != nil || !names[0].Taken || !names[1].Taken || names[2].Taken {
		t.Fatal(names, err)
	}
	if _, err := s.Remove(t.Context(), ana.ID); err != nil { // the teacher frees it
		t.Fatal(err)
	}
	enter(t, s, c, "Ana María")
}

func TestPlacesAreBounded(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	c := open(t, s, Change{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	full := 0
	for range 8 {
		wg.Go(func() {
			for range MaxSeats/8 + 5 {
				_, _, err := s.Join(context.Background(), Entry{Nickname: "Ana", Kind: KindClass, Class: c})
				mu.Lock()
				switch edge.CodeOf(err) {
				case "":
				case edge.CodeTooMany:
					full++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	m, err := s.Members(t.Context(), c)
	if err != nil || len(m) != MaxSeats || full != 40 {
		t.Fatalf("%d members, %d refused, %v", len(m), full, err)
	}
	aliases := map[string]bool{}
	for _, x := range m {
		aliases[x.Alias] = true
	}
	if len(aliases) != MaxSeats {
		t.Fatalf("%d aliases", len(aliases))
	}
	if keys, _ := kv.Keys(t.Context(), s.key("nick", "")); len(keys) != MaxSeats {
		t.Fatalf("%d names claimed: refused joins left some", len(keys))
	}
	if _, err := s.Remove(t.Context(), m[6].Seat); err != nil {
		t.Fatal(err)
	}
	if seat, _ := enter(t, s, c, "Last"); seat.ID == "" {
		t.Fatal("the place was not free again")
	}
}

// Many who change the class at once lose nothing.
func TestChangesAreNotLost(t *testing.T) {
	s := New(newKV(), "bench")
	open(t, s, Change{})
	yes, title := true, "Pendulums"
	no := false
	var wg sync.WaitGroup
	for _, ch := range []Change{{Locked: &yes}, {HideNames: &yes}, {Title: &title}, {NewCode: true}, {Message: &title}} {
		wg.Go(func() {
			if _, err := s.Change(context.Background(), &ch); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, _ := s.Class(t.Context())
	if !c.Locked || !c.HideNames || c.Title != title || c.Message != title || !c.May.Drive {
		t.Fatalf("%+v", c)
	}
	ch := Change{}
	ch.May = &struct {
		Drive      *bool `json:"drive"`
		Record     *bool `json:"record"`
		Experiment *bool `json:"experiment"`
		Rehearse   *bool `json:"rehearse"`
	}{Drive: &no}
	if c, err := s.Change(t.Context(), &ch); err != nil || c.May.Drive || !c.May.Record {
		t.Fatal(c, err)
	}
}

func TestTextsOfATeacher(t *testing.T) {
	long, evil, lines := strings.Repeat("é", MaxMessage+1), "a\u202eb", "one\r\n two \n"
	names := make([]string, MaxRoster+1)
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	for _, ch := range []Change{{Message: &long}, {Title: &evil}, {Alias: &evil}, {Roster: &[]string{evil}}, {Roster: &names},
		{Rules: &edge.TurnRules{TurnMS: -1}}, {Rules: &edge.TurnRules{IdleMS: 1 << 40}}} {
		if _, err := New(newKV(), "b").Open(t.Context(), &ch, 0); edge.CodeOf(err) != edge.CodeBadValue {
			t.Errorf("%+v: %v", ch, err)
		}
	}
	c := open(t, New(newKV(), "b"), Change{Message: &lines, Title: &lines})
	if c.Message != "one\ntwo" || c.Title != "one two" {
		t.Fatalf("%q %q", c.Message, c.Title)
	}
}

func TestCodes(t *testing.T) {
	c := open(t, New(newKV(), "b"), Change{})
	if len(c.Code) != codeLen || strings.Trim(c.Code, codeAlphabet) != "" {
		t.Fatal(c.Code)
	}
	typed := " " + strings.ToLower(c.Code[:3]) + "-" + strings.ReplaceAll(c.Code[3:], "B", "8") + "\n"
	if !c.Fits(typed) || c.Fits("") || c.Fits(c.Code+"B") || c.Fits(c.Code[:5]) || (*Class)(nil).Fits("") {
		t.Fatalf("%q", typed)
	}
	seen := map[string]int{}
	for range 5000 {
		for _, r := range newCode(codeLen) {
			seen[string(r)]++
		}
	}
	for _, r := range codeAlphabet { // 1500 of each
		if n := seen[string(r)]; n < 1300 || n > 1700 {
			t.Errorf("%c: %d", r, n)
		}
	}
}

func FuzzCleanCode(f *testing.F) {
	for _, s := range []string{"bcd 347", "B-8", "0O1l", "", strings.Repeat("B", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := CleanCode(s)
		if len(c) > oneTimeLen || strings.Trim(c, codeAlphabet) != "" || CleanCode(c) != c {
			t.Fatalf("%q: %q", s, c)
		}
	})
}

// What ends by itself ends by the store's time, whatever the calendar says.
func TestSessionsEnd(t *testing.T) {
	kv := newKV()
	s, a := New(kv, "bench"), accounts(kv, "")
	acc := teacher(t, a, "Ms F")
	_, token, err := s.Session(t.Context(), acc)
	if err != nil {
		t.Fatal(err)
	}
	for d := time.Duration(0); d < SessionMost-11*time.Hour; d += 11 * time.Hour {
		kv.advance(11 * time.Hour)
		if _, err := s.Lookup(t.Context(), token); err != nil {
			t.Fatalf("after %v: %v", d, err)
		}
	}
	kv.advance(11 * time.Hour)
	kv.advance(11 * time.Hour)
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal("longer than 7 days:", err)
	}
	_, token, _ = s.Session(t.Context(), acc)
	kv.advance(13 * time.Hour)
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal("13 hours without use:", err)
	}
}
