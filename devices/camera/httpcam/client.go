package httpcam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"labbox/devices/camera/intake"
	"labbox/devices/camera/source"
)

const (
	maxSteps   = 8        // requests until a picture comes: redirects and sign-ins
	maxRefusal = 16 << 10 // bytes that are read of an answer without a picture, to keep its connection
)

// client asks one camera, one request at a time.
type client struct {
	*camera
	pool pool
	sign *signer // the newest challenge; nil: none yet
}

// get asks until there is an answer with status 200. Its error is source.Lost.
func (c *client) get(ctx context.Context) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(c.o.Connect, func() {
		cancel(source.Lost(source.Stalled, "no answer within %v", c.o.Connect))
	})
	resp, err := c.steps(ctx)
	if !late.Stop() && err == nil { // its connection is closed already
		_ = resp.Body.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		err = c.lost(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &held{resp.Body, cancel}
	return resp, nil
}

// held is a body with its request's context.
type held struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (h *held) Close() error {
	err := h.ReadCloser.Close() // first: a context that has ended keeps no connection
	h.cancel(nil)
	return err
}

func (c *client) steps(ctx context.Context) (*http.Response, error) {
	target, signed := c.url, false
	for range maxSteps {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
		if err != nil {
			return nil, err
		}
		req.Header.Set("User-Agent", "labbox")
		req.Header.Set("Accept", "multipart/x-mixed-replace, image/jpeg, */*;q=0.5")
		if c.sign != nil && same(target, c.url) {
			req.Header.Set("Authorization", c.sign.answer(http.MethodGet, target.RequestURI()))
		}
		resp, err := c.do(ctx, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		if resp.StatusCode < http.StatusBadRequest || resp.StatusCode == http.StatusUnauthorized {
			_, _ = io.CopyN(io.Discard, resp.Body, maxRefusal) // there is another request for its connection
		}
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusUnauthorized:
			if signed && same(target, c.url) {
				return nil, source.Lost(source.Login, "the camera refuses the user or the password")
			}
			if err := c.challenged(resp, target); err != nil {
				return nil, err
			}
			signed = true
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			if target, err = c.leads(resp, target); err != nil {
				return nil, err
			}
		case http.StatusForbidden:
			return nil, source.Lost(source.Forbidden, "the camera answers 403: this user may not see it")
		default:
			return nil, source.Lost(source.Gone, "the camera answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
		}
	}
	return nil, source.Lost(source.Redirect, "the camera leads in circles")
}

// challenged makes ready to sign in.
func (c *client) challenged(resp *http.Response, target *url.URL) error {
	switch {
	case !same(target, c.url):
		return source.Lost(source.Login, "%s wants a password; that of the camera goes to %s only", target.Host, c)
	case c.o.User == "":
		return source.Lost(source.Login, "the camera wants a user and a password").WithHint("write `user:` and `password_file:` in the box file")
	}
	c.sign = newSigner(resp.Header.Values("WWW-Authenticate"), c.o.User, c.o.Password)
	if c.sign == nil {
		return source.Lost(source.Unsupported, "the camera wants a sign-in other than basic or digest")
	}
	return nil
}

// leads is where a redirect leads, if that is allowed.
func (c *client) leads(resp *http.Response, from *url.URL) (*url.URL, error) {
	u, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, source.Lost(source.Redirect, "the camera leads to no address of http or https")
	}
	u.User, u.Fragment = nil, ""
	switch {
	case same(u, c.url) || same(u, from):
		return u, nil
	case from.Scheme == "https" && u.Scheme == "http":
		return nil, source.Lost(source.Redirect, "the camera leads from https to http")
	case !c.named(u):
		return nil, source.Lost(source.Redirect, "the camera leads to %s://%s", u.Scheme, u.Host).WithHint("if that is right, name it in `redirect_to:`")
	}
	return u, nil
}

// lost is err as source.Lost, without the address that net/http puts into its errors.
func (c *client) lost(ctx context.Context, err error) error {
	if isLost(err) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && isLost(cause) {
		return cause
	}
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &cert) || errors.As(err, &unknown):
		return source.Lost(source.Unsupported, "the camera's certificate is none that this system trusts")
	case errors.As(err, &op) && op.Op == "dial":
		return source.Lost(source.Gone, "no connection to %s: %s", c.url.Host, brief(op.Err))
	case errors.Is(err, io.EOF):
		return source.Lost(source.Gone, "%s ended the connection without an answer", c.url.Host)
	}
	return source.Lost(source.Gone, "%s", brief(err))
}

// brief is an error that may repeat what a camera sent, in bounds.
func brief(err error) string {
	s := strings.ToValidUTF8(err.Error(), "?")
	if r := []rune(s); len(r) > 160 {
		s = string(r[:160]) + "..."
	}
	return s
}

// intake reads an answer's body by its type; cancel ends the request.
func (c *camera) intake(resp *http.Response, cancel context.CancelFunc) (*intake.Intake, error) {
	declared := resp.Header.Get("Content-Type")
	kind, boundary := mediaType(declared)
	o := intake.Options{Max: c.o.Max, Stall: c.o.Stall, Boundary: boundary}
	multi := strings.HasPrefix(kind, "multipart/")
	jpeg := kind == "image/jpeg" || kind == "image/jpg" || kind == "image/pjpeg"
	switch {
	case c.o.Snapshot && multi:
		return nil, source.Lost(source.Unsupported, "the address gives a stream, not one picture").WithHint("write `http:` instead of `snapshot:`")
	case !c.o.Snapshot && jpeg:
		return nil, source.Lost(source.Unsupported, "the address gives one picture, no stream").WithHint("write `snapshot:` instead of `http:`")
	case multi:
		o.Form = intake.Parts
	case c.o.Snapshot && (jpeg || kind == "" || kind == "application/octet-stream"):
		o.Form = intake.Raw
	case kind == "video/x-motion-jpeg" || kind == "video/x-mjpeg" || kind == "video/mjpeg" || kind == "video/x-jpeg":
		o.Form = intake.Raw
	case kind == "" || kind == "application/octet-stream":
	default:
		return nil, source.Lost(source.NotJPEG, "the address gives %.60q, no pictures", kind)
	}
	return intake.New(resp.Body, cancel, o), nil
}

// mediaType reads a Content-Type; boundaries that are against the rules are cut out of
// it as they are.
func mediaType(s string) (kind, boundary string) {
	if kind, params, err := mime.ParseMediaType(s); err == nil {
		return kind, params["boundary"]
	}
	kind, rest, _ := strings.Cut(s, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if i := strings.Index(strings.ToLower(rest), "boundary="); i >= 0 {
		boundary, _, _ = strings.Cut(rest[i+len("boundary="):], ";")
	}
	return kind, strings.Trim(boundary, "\" ")
}
