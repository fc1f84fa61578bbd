package httpcam

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"labbox/devices/camera/source"
)

const (
	user     = "lab"
	password = "s3cret $(x)'\"\\@: \u00e9"
)

// guarded is a camera that wants a digest, with a nonce good for a few requests.
func guarded(t *testing.T, algorithm, qop string, uses int, h http.HandlerFunc) http.HandlerFunc {
	nonce, left := 0, uses
	return func(w http.ResponseWriter, r *http.Request) {
		line := `Digest realm="cam \"1\"", algorithm=` + algorithm + `, nonce="n` + strings.Repeat("x", nonce) + `"`
		if qop != "" {
			line += `, qop="` + qop + `"`
		}
		got := challenges(r.Header.Values("Authorization"))
		if len(got) == 1 && left > 0 {
			p := got[0].params
			s := newSigner([]string{line}, user, password)
			s.cnonce, s.count = p["cnonce"], uses-left
			if want := challenges([]string{s.answer(r.Method, r.URL.RequestURI())})[0].params; want["response"] == p["response"] && want["nc"] == p["nc"] && p["username"] == user {
				left--
				h(w, r)
				return
			}
		}
		if len(got) == 1 && got[0].scheme != "digest" {
			t.Errorf("signed in with %s", got[0].scheme)
		}
		if left == 0 {
			nonce, left = nonce+1, uses
			line = strings.Replace(line, `nonce="n`, `stale=true, nonce="nx`, 1)
		}
		w.Header().Add("WWW-Authenticate", `Basic realm="weak"`)
		w.Header().Add("WWW-Authenticate", line)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestDigest(t *testing.T) {
	p := string(drawn(t, 64, 48))
	for _, c := range []struct{ algorithm, qop string }{{"MD5", "auth"}, {"MD5", ""}, {"SHA-256", "auth-int, auth"}, {"SHA-512-256", "auth"}, {"MD5-sess", "auth"}} {
		t.Run(c.algorithm+c.qop, func(t *testing.T) {
			s := serve(t, guarded(t, c.algorithm, c.qop, 3, answer("image/jpeg", p)))
			o := options(s.URL)
			o.Snapshot, o.User, o.Password = true, user, password
			st, err := opened(t, o)
			if err != nil {
				t.Fatal(err)
			}
			for range 10 { // more than a nonce is good for
				if _, err := st.Next(); err != nil {
					t.Fatal(err)
				}
			}
			o.Password = "s3cret"
			_, err = first(t, o)
			lostBy(t, err, source.Login, "refuses")
			o.User = ""
			_, err = first(t, o)
			lostBy(t, err, source.Login, "password_file")
		})
	}
}

func TestBasic(t *testing.T) {
	var tries atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); ok && u == user && p == password {
			streaming(drawn(t, 64, 48))(w, r)
			return
		}
		tries.Add(1)
		w.Header().Set("WWW-Authenticate", `Basic realm="cam"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	o := options(s.URL)
	o.User, o.Password = user, password
	if _, err := first(t, o); err != nil {
		t.Fatal(err)
	}
	tries.Store(0)
	o.Password += "x"
	_, err := first(t, o)
	lostBy(t, err, source.Login, "")
	if tries.Load() != 2 {
		t.Errorf("%d requests for a wrong password: cameras lock users out", tries.Load())
	}
}

func TestOtherSignIn(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	})
	o := options(s.URL)
	o.User, o.Password = user, password
	_, err := first(t, o)
	lostBy(t, err, source.Unsupported, "sign-in")
}

// TestRedirects: where a camera may lead, and that its password stays.
func TestRedirects(t *testing.T) {
	p := drawn(t, 64, 48)
	var seen atomic.Int64
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		for _, h := range []string{"Authorization", "Cookie", "Referer"} {
			if v := r.Header.Get(h); v != "" {
				t.Errorf("another host is told %s: %s", h, v)
			}
		}
		if r.URL.Path == "/asks" {
			w.Header().Set("WWW-Authenticate", `Basic realm="give me"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		streaming(p)(w, r)
	})
	otherHost := strings.TrimPrefix(other.URL, "http://")
	for _, c := range []struct {
		name, to string
		named    []string
		why      source.Why
		says     string
	}{
		{"itself", "/real", nil, "", ""},
		{"itself by its address", "SELF/real", nil, "", ""},
		{"in circles", "/cam", nil, source.Redirect, "circles"},
		{"nowhere", "", nil, source.Redirect, ""},
		{"another host", other.URL + "/x?token=1", nil, source.Redirect, "redirect_to"},
		{"another host, named", other.URL + "/x", []string{otherHost}, "", ""},
		{"another host, named without port", other.URL + "/x", []string{"127.0.0.1"}, "", ""},
		{"another host than the named", other.URL + "/x", []string{"10.0.0.1", "127.0.0.1:1"}, source.Redirect, ""},
		{"named, with a password", strings.Replace(other.URL, "//", "//a:b@", 1), []string{otherHost}, "", ""},
		{"named, and asks for a password", other.URL + "/asks", []string{otherHost}, source.Login, "goes to"},
		{"another scheme", "ftp://127.0.0.1/", []string{"127.0.0.1"}, source.Redirect, ""},
		{"a file", "file:///etc/passwd", nil, source.Redirect, ""},
		{"no address", "http://[::1", nil, source.Redirect, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen.Store(0)
			var self *httptest.Server
			self = serve(t, func(w http.ResponseWriter, r *http.Request) {
				if u, pw, ok := r.BasicAuth(); !ok || u != user || pw != password {
					w.Header().Set("WWW-Authenticate", `Basic realm="cam"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				if r.URL.Path == "/real" {
					streaming(p)(w, r)
					return
				}
				w.Header()["Location"] = []string{strings.Replace(c.to, "SELF", self.URL, 1)}
				w.WriteHeader(http.StatusFound)
			})
			o := options(self.URL)
			o.User, o.Password, o.Redirect = user, password, c.named
			_, err := first(t, o)
			if c.why == "" && err != nil {
				t.Fatal(err)
			} else if c.why != "" {
				lostBy(t, err, c.why, c.says)
			}
			if c.named == nil && seen.Load() > 0 {
				t.Error("another host was asked")
			}
		})
	}
}

func TestDowngrade(t *testing.T) {
	c := &client{camera: &camera{url: &url.URL{Scheme: "https", Host: "cam"}, o: Options{Redirect: []string{"cam", "other"}}}}
	for to, ok := range map[string]bool{"http://cam/": false, "http://other/": false, "https://other/": true, "https://CAM:443/x": true, "//cam/": true} {
		resp := &http.Response{Header: http.Header{"Location": {to}}}
		if _, err := c.leads(resp, c.url); (err == nil) != ok {
			t.Error(to, err)
		}
	}
}
