package class

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"labbox/edge"
)

func join(t *testing.T, s *Seats, name string) (Found, string) {
	t.Helper()
	seat, token, err := s.Join(t.Context(), Entry{Nickname: name, Kind: KindOpen})
	if err != nil {
		t.Fatalf("join %q: %v", name, err)
	}
	return seat, token
}

func TestJoinLookupLeave(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	seat, token := join(t, s, "  Ana  María ")
	if seat.Name != "Ana María" || seat.Role != edge.RoleStudent || len(seat.ID) != 8 {
		t.Fatalf("seat %+v", seat)
	}
	a, err := s.Lookup(t.Context(), token)
	if err != nil || a.ID != seat.ID || a.Name != seat.Name || a.Role != seat.Role {
		t.Fatalf("lookup %+v, %v", a, err)
	}
	for _, v := range kv.dump() {
		if strings.Contains(v, token) {
			t.Fatal("the token itself is in the store")
		}
	}
	if err := s.Leave(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatalf("after leaving: %v", err)
	}
	if err := s.Leave(t.Context(), token); err != nil {
		t.Fatal("leaving twice:", err)
	}
	if again, _ := join(t, s, "ana maría"); again.Name != "ana maría" {
		t.Fatalf("the name was not free again: %q", again.Name)
	}
}

func TestLookupOfAnythingElse(t *testing.T) {
	s := New(newKV(), "bench")
	for _, token := range []string{"", "x", strings.Repeat("a", 43), strings.Repeat("\x00", 43), strings.Repeat("a", 1<<20)} {
		if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
			t.Fatalf("%d bytes: %v", len(token), err)
		}
	}
}

func TestThousandJoinsWithOneName(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	var (
		mu    sync.Mutex
		names = map[string]bool{}
		ids   = map[string]bool{}
		wg    sync.WaitGroup
	)
	for range 8 {
		wg.Go(func() {
			for range 125 {
				seat, _, err := s.Join(context.Background(), Entry{Nickname: "Ana", Kind: KindOpen})
				mu.Lock()
				if err != nil || names[seat.Name] || ids[seat.ID] {
					t.Errorf("join: %+v, %v", seat, err)
				}
				names[seat.Name], ids[seat.ID] = true, true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := 2; i <= 1000; i++ {
		if !names[fmt.Sprintf("Ana %d", i)] {
			t.Fatalf("no Ana %d", i)
		}
	}
	if n := kv.calls.Load(); n > 30_000 {
		t.Fatalf("%d calls of the store for 1000 joins", n)
	}
}

func TestRename(t *testing.T) {
	s := New(newKV(), "bench")
	seat, token := join(t, s, "Ana")
	other, _ := join(t, s, "Bo")
	got, err := s.Rename(t.Context(), token, "BO")
	if err != nil || got.Name != "BO 2" || got.ID != seat.ID {
		t.Fatalf("%+v, %v (other %+v)", got, err, other)
	}
	got, err = s.Rename(t.Context(), token, "bo 2")
	if err != nil || got.Name != "bo 2" {
		t.Fatalf("case only: %+v, %v", got, err)
	}
	if third, _ := join(t, s, "ana"); third.Name != "ana" {
		t.Fatalf("old name not free: %+v", third)
	}
	if _, err := s.Rename(t.Context(), token, "\u202e"); edge.CodeOf(err) != edge.CodeBadValue {
		t.Fatal(err)
	}
	if _, err := s.Rename(t.Context(), strings.Repeat("a", 43), "x"); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal(err)
	}
}

func TestExpirySlides(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	_, token := join(t, s, "Ana")
	kv.advance(29 * 24 * time.Hour)
	if _, err := s.Lookup(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	kv.advance(29 * 24 * time.Hour)
	if _, err := s.Lookup(t.Context(), token); err != nil {
		t.Fatal("did not slide:", err)
	}
	if second, _ := join(t, s, "Ana"); second.Name != "Ana 2" {
		t.Fatalf("the claim on the name did not slide: %+v", second)
	}
	kv.advance(31 * 24 * time.Hour)
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal(err)
	}
}

func TestStoreDown(t *testing.T) {
	kv := newKV()
	s := New(kv, "bench")
	_, token := join(t, s, "Ana")
	kv.down.Store(true)
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Fatal(err)
	}
	if _, _, err := s.Join(t.Context(), Entry{Nickname: "Bo", Kind: KindOpen}); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Fatal(err)
	}
}

func TestCleanNickname(t *testing.T) {
	good := map[string]string{
		"Ana": "Ana", " a \t b ": "", "日本": "日本", "👩‍🔬": "👩‍🔬", "<script>alert(1)</script>": "<script>alert(1)</script>",
		"שלום": "שלום", strings.Repeat("é", 40): strings.Repeat("é", 40), "a\u00a0b": "a b",
	}
	for in, want := range good {
		got, err := CleanNickname(in)
		if want == "" {
			if err == nil {
				t.Errorf("%q passed as %q", in, got)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "   ", "a\x00", "a\nb", "\u202eevil", "\u2066x", "\u200b", "\ufeffx", "\u200d", "\u0301", strings.Repeat("x", 41), "\xff", "\ufffe", "\u2028"} {
		if got, err := CleanNickname(in); edge.CodeOf(err) != edge.CodeBadValue {
			t.Errorf("%q passed as %q (%v)", in, got, err)
		}
	}
}

func FuzzCleanNickname(f *testing.F) {
	for _, s := range []string{"Ana", " ", "\u202e", "👩‍🔬", strings.Repeat("x", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := CleanNickname(s)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(got); n < 1 || n > maxRunes || strings.TrimSpace(got) != got {
			t.Fatalf("%q", got)
		}
		if again, err := CleanNickname(got); err != nil || again != got {
			t.Fatalf("not stable: %q %q %v", got, again, err)
		}
		if n := utf8.RuneCountInString(numbered(got, "1234")); n > maxRunes {
			t.Fatalf("numbered: %d runes", n)
		}
	})
}
