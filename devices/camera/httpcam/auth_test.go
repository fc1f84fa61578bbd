package httpcam

import (
	"strings"
	"testing"
)

// TestVectors: the examples of RFC 7616 (3.9.1, 3.9.2), RFC 2617 (3.5) and RFC 7617.
func TestVectors(t *testing.T) {
	const mufasa = `realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	const mufasaCnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, c := range []struct{ name, line, user, password, cnonce, uri, want string }{
		{"MD5", "Digest " + mufasa + ", algorithm=MD5", "Mufasa", "Circle of Life", mufasaCnonce, "/dir/index.html", `response="8ca523f5e9506fed4657c9700eebdbec"`},
		{"SHA-256", "Digest " + mufasa + ", algorithm=SHA-256", "Mufasa", "Circle of Life", mufasaCnonce, "/dir/index.html",
			`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`},
		{"RFC 2617", `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"Mufasa", "Circle Of Life", "0a4f113b", "/dir/index.html", `response="6629fae49393a05397450978507c4ef1"`},
		{"userhash", `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDssOS", charset=UTF-8, userhash=true`,
			"J\u00e4s\u00f8n Doe", "Secret, or not?", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", "/doe.json", `username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"`},
		{"basic", `Basic realm="foo", charset="UTF-8"`, "test", "123\u00a3", "", "/", "Basic dGVzdDoxMjPCow=="},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSigner([]string{c.line}, c.user, c.password)
			s.cnonce = c.cnonce
			if got := s.answer("GET", c.uri); !strings.Contains(got, c.want) {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func TestStrongest(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{`Basic realm="a", Digest realm="b", nonce="n", qop="auth"`}, "digest b"},
		{[]string{`Digest realm="b",nonce="n",`, `Basic realm="a"`}, "digest b"},
		{[]string{`Digest realm="md5", nonce="n", algorithm=MD5`, `Digest realm="sha", nonce="n", algorithm=SHA-256`}, "digest sha"},
		{[]string{`Digest realm="x", nonce="n", algorithm=SHA-1`, `Basic realm="a, \"b\" Digest"`}, `basic a, "b" Digest`},
		{[]string{`Digest realm="int only", nonce="n", qop="auth-int"`, `Basic realm="a"`}, "basic a"},
		{[]string{`digest realm=bare, nonce=a/b=, stale=false`}, "digest bare"},
		{[]string{`Negotiate YWJj==`, `Bearer`}, ""},
		{[]string{`=`, `"`, `,,, ,`, ``, `a="`}, ""},
		{nil, ""},
	} {
		got := ""
		if s := newSigner(c.lines, "u", "p"); s != nil {
			got = s.ch.scheme + " " + s.ch.params["realm"]
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.lines, got, c.want)
		}
	}
}

// TestCounts: a nonce is used again with the next count.
func TestCounts(t *testing.T) {
	s := newSigner([]string{`Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess`}, `a"\b`, "p")
	first, second := s.answer("GET", "/"), s.answer("GET", "/")
	if !strings.Contains(first, "nc=00000001") || !strings.Contains(second, "nc=00000002") {
		t.Error(first, second)
	}
	if !strings.Contains(first, `username="a\"\\b"`) {
		t.Error(first)
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Basic realm="a, \"b\"", Digest realm=b,nonce="n", qop="auth"`)
	f.Add(`Negotiate YWJj==, Digest a="`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, c := range challenges([]string{line}) {
			if c.scheme == "" || c.scheme != strings.ToLower(c.scheme) {
				t.Fatalf("%q", c.scheme)
			}
		}
		if s := newSigner([]string{line}, "user", "secret-word"); s != nil && strings.Contains(s.answer("GET", "/"), "secret-word") && !strings.Contains(line, "secret-word") {
			t.Fatal("the password itself in an answer")
		}
	})
}
