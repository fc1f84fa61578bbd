// Package rtsp takes pictures from an RTSP camera: it runs ffmpeg, which asks for the
// stream, decodes its video once and writes JPEGs (package program watches over it).
//
//	src, err := rtsp.New(rtsp.Options{URL: "rtsp://10.0.0.9/stream1", User: "lab", Password: pw, RateHz: 15, Width: 640, Height: 480, Max: 4 << 20})
//	stream, err := src.Open(ctx)
//	jpeg, err := stream.Next()
//
// ffmpeg gets the address with the password on its standard input, as a script of its
// concat demuxer (https://ffmpeg.org/ffmpeg-formats.html#concat-1): neither the list of
// processes nor an environment shows it, and nothing is written to a disk. What ffmpeg
// says is kept and logged without it. Pictures come over the RTSP connection itself
// (TCP), frames over the rate are dropped before they are encoded, those larger than
// Width x Height are made smaller in their proportion, sound is not asked for. To be
// quick it looks at the stream for half a second at most, and keeps no frame back.
//
// Known limits: ffmpeg 5.1 or later is needed (Debian 12). Its sign-in knows basic and
// digest with MD5, a user without a colon, and 127 bytes of both together. It follows a
// redirect of the camera, and answers there to a demand for the password: a camera that
// is not trusted wants a password of its own. Certificates of rtsps are not judged.
// ONVIF discovery, HEVC over what ffmpeg decodes, and streams over UDP or multicast are
// not covered; `program:` runs ffmpeg with other arguments.
package rtsp

import (
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"labbox/devices/camera/intake"
	"labbox/devices/camera/program"
	"labbox/devices/camera/source"
)

// Options of a camera. URL and Max are required.
type Options struct {
	URL            string // rtsp or rtsps, without a password
	User, Password string
	RateHz         float64       // pictures per second at most; 0: as they come
	Width, Height  int           // at most; 0: as they come
	Max            int           // bytes of one picture
	First          time.Duration // until the first picture; 0: program.DefaultFirst
	Stall          time.Duration // without a byte after that; 0: intake.DefaultStall
	FFmpeg         string        // the program; "": ffmpeg of PATH
	Logger         *slog.Logger
}

// maxLogin is what ffmpeg holds of user and password.
const maxLogin = 127

// quality is that of the JPEGs, 2 (best) to 31.
const quality = 5

// New makes the source; nothing is started yet.
func New(o Options) (source.Source, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return nil, source.Lost(source.Unsupported, "the address is none that begins with rtsp:// or rtsps://")
	}
	if u.User != nil {
		return nil, source.Lost(source.Unsupported, "the address has a password in it").WithHint("write `user:` and `password_file:` beside it")
	}
	u.Fragment = ""
	login := ""
	if o.User != "" {
		login = escape(o.User) + ":" + escape(o.Password)
		switch {
		case strings.Contains(o.User, ":"):
			return nil, source.Lost(source.Unsupported, "the user has a colon in its name, which ffmpeg does not pass on")
		case len(login) > maxLogin:
			return nil, source.Lost(source.Unsupported, "user and password are longer than ffmpeg passes on: %d bytes, with %%XX for some", maxLogin)
		case strings.ContainsAny(o.User+o.Password, "\x00\r\n"):
			return nil, source.Lost(source.Unsupported, "the user or the password has a line end in it")
		}
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	if o.Stall <= 0 {
		o.Stall = intake.DefaultStall
	}
	return program.New(program.Options{
		Args: arguments(o), Name: u.Scheme + "://" + u.Host, Input: script(u, login, min(o.Stall, intake.DefaultStall)), Form: intake.Raw, Max: o.Max,
		First: o.First, Stall: o.Stall, Logger: o.Logger,
		Secrets: []string{login, o.Password, escape(o.Password), url.QueryEscape(o.Password), url.PathEscape(o.Password), u.RequestURI()},
		Install: "install it: sudo apt install ffmpeg", Explain: explain,
	})
}

// script tells ffmpeg's concat demuxer the address and how to read it.
func script(u *url.URL, login string, stall time.Duration) []byte {
	address := u.Scheme + "://"
	if login != "" {
		address += login + "@"
	}
	// within quotes everything stands for itself, but a quote
	address += strings.ReplaceAll(u.Host+u.RequestURI(), "'", "%27")
	return fmt.Appendf(nil, "ffconcat version 1.0\nfile '%s'\n"+
		"option rtsp_transport tcp\noption allowed_media_types video\noption timeout %d\n"+
		"option fflags nobuffer\noption probesize 65536\noption analyzeduration 500000\n",
		address, stall.Microseconds())
}

// escape writes what ends a user or a password in an address as %XX; no more, as there
// is little room.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7F || strings.IndexByte(`%/?#@:'"\[]`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// arguments are those of ffmpeg; nothing in them is secret.
func arguments(o Options) []string {
	var filters []string
	if o.RateHz > 0 {
		// the fps filter would keep each frame until the next has come; somewhat more is
		// let through than wanted, as cameras are not quite even
		filters = append(filters, fmt.Sprintf(`select=isnan(prev_selected_t)+gte(t-prev_selected_t\,%.4f)`, 0.75/o.RateHz))
	}
	size := ""
	if o.Width > 0 && o.Height > 0 {
		size = fmt.Sprintf(`w=min(iw\,%d):h=min(ih\,%d):force_original_aspect_ratio=decrease:force_divisible_by=2:`, o.Width, o.Height)
	}
	filters = append(filters, "scale="+size+"out_range=full", "format=yuvj420p")
	return []string{
		o.FFmpeg, "-hide_banner", "-nostdin", "-loglevel", "error",
		"-protocol_whitelist", "pipe,rtsp,tcp,tls", "-threads", "1", "-flags", "low_delay", "-fflags", "nobuffer",
		"-f", "concat", "-safe", "0", "-i", "pipe:0",
		"-map", "0:v:0", "-an", "-vf", strings.Join(filters, ","), "-fps_mode", "passthrough",
		"-c:v", "mjpeg", "-threads", "1", "-q:v", strconv.Itoa(quality), "-flush_packets", "1", "-f", "mjpeg", "pipe:1",
	}
}

// explain finds the reason in what ffmpeg says, the newest first.
func explain(lines []string) (source.Why, string) {
	for i := len(lines) - 1; i >= 0; i-- {
		for _, m := range []struct {
			says string
			why  source.Why
			hint string
		}{
			{"401 Unauthorized", source.Login, "look at `user:` and `password_file:`"},
			{"403 Forbidden", source.Forbidden, ""},
			{"404 Not Found", source.Gone, "the path of the address is another one"},
			{"453 Not Enough Bandwidth", source.Busy, ""},
			{"503 Service Unavailable", source.Busy, ""},
			{"Connection refused", source.Gone, ""},
			{"No route to host", source.Gone, ""},
			{"Network is unreachable", source.Gone, ""},
			{"Failed to resolve hostname", source.Gone, ""},
			{"Connection timed out", source.Gone, ""},
			{"Operation timed out", source.Gone, ""},
			{"matches no streams", source.Unsupported, "the address gives no video"},
			{"unknown keyword 'option'", source.Unsupported, "ffmpeg 5.1 or later is needed"},
			{"Unrecognized option 'fps_mode'", source.Unsupported, "ffmpeg 5.1 or later is needed"},
			{"Protocol not found", source.Unsupported, "this ffmpeg is built without RTSP"},
			{"Decoder not found", source.Unsupported, "this ffmpeg cannot decode the camera's video"},
		} {
			if strings.Contains(lines[i], m.says) {
				return m.why, m.hint
			}
		}
	}
	return "", ""
}
