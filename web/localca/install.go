package localca

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// installer serves the page from which people install the CA. It needs no script.
type installer struct {
	der    []byte
	policy string
	pages  map[string][]byte // by language
	base   string
}

const style = `:root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:1rem}` +
	`code{display:block;font-size:1.125rem;overflow-wrap:anywhere;padding:.75rem;border:1px solid}` +
	`a.button{display:inline-block;padding:.75rem 1.25rem;border:2px solid;border-radius:.5rem;font-weight:600;margin:.25rem .5rem .25rem 0}` +
	`summary{padding:.75rem 0;font-weight:600;cursor:pointer}`

func newInstaller(ca *CA, base string) *installer {
	sum := sha256.Sum256([]byte(style))
	in := &installer{der: ca.DER(), base: base, pages: map[string][]byte{}}
	in.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for lang, w := range words() {
		in.pages[lang] = []byte(w.page(lang, ca))
	}
	return in
}

// Paths below the base path.
const (
	pagePath = "/tls/"
	certPath = "/tls/labbox-ca.crt"
)

func (in *installer) serve(w http.ResponseWriter, r *http.Request, path string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", in.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", http.MethodGet)
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	var body []byte
	switch path {
	case "/tls":
		h.Set("Location", in.base+pagePath)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case pagePath:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Vary", "Accept-Language")
		body = in.pages[language(r)]
	case certPath:
		h.Set("Content-Type", "application/x-x509-ca-cert")
		h.Set("Content-Disposition", `attachment; filename="labbox-ca.crt"`)
		body = in.der
	default:
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser is gone: nobody to tell
	}
}

// language is the first of en, fr and es that the browser wants: of ?lang=, else of
// Accept-Language (RFC 9110, 12.5.4).
func language(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); known(l) {
		return l
	}
	best, bestQ := "en", 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64)
		}
		main, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if known(main) && q > bestQ {
			best, bestQ = main, q
		}
	}
	return best
}

func known(lang string) bool { return lang == "en" || lang == "fr" || lang == "es" }

// page puts the words around the fingerprint and the file.
func (w *text) page(lang string, ca *CA) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	e := html.EscapeString
	p("<!doctype html>\n<html lang=%q>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>%s</title>\n<style>%s</style>\n",
		lang, e(w.title), style)
	p("<main>\n<h1>%s</h1>\n<p>%s</p>\n", e(w.title), e(w.why))
	p("<h2>1. %s</h2>\n<p>%s</p>\n<p><a class=\"button\" href=\"labbox-ca.crt\">%s</a></p>\n", e(w.get), e(w.getHow), e(w.download))
	p("<h2>2. %s</h2>\n<p>%s</p>\n<code>%s</code>\n", e(w.compare), e(w.compareHow), ca.Fingerprint())
	p("<h2>3. %s</h2>\n<p>%s</p>\n", e(w.install), e(w.installHow))
	for _, s := range w.steps {
		p("<details><summary>%s</summary><p>%s</p></details>\n", e(s[0]), e(s[1]))
	}
	p("<h2>4. %s</h2>\n<p>%s</p>\n<p><a class=\"button\" href=\"../\">%s</a></p>\n", e(w.open), e(w.openHow), e(w.openLink))
	p("<p>%s</p>\n", e(fmt.Sprintf(w.limits, ca.Certificate().Subject.CommonName, ca.Certificate().NotAfter.Format("2006-01-02"))))
	p("<p><a href=\"?lang=en\" hreflang=\"en\" lang=\"en\">English</a> <a href=\"?lang=fr\" hreflang=\"fr\" lang=\"fr\">Français</a> <a href=\"?lang=es\" hreflang=\"es\" lang=\"es\">Español</a></p>\n</main>\n</html>\n")
	return b.String()
}
