package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"labbox/edge"
)

// Names are what a certificate is for.
type Names struct {
	DNS       []string // host names, lower case
	Addresses []netip.Prefix
}

// CA is the box's own certificate authority.
type CA struct {
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// Files in the directory.
const (
	caCert, caKey         = "ca.crt", "ca.key"
	serverCert, serverKey = "server.crt", "server.key"
)

const caLife = 10 // years

// Open reads the CA in dir, or makes one whose reach is names and what is private
// everywhere. Wall may be wrong on a computer without a clock: nothing begins
// before this program was built.
func Open(dir string, names Names, wall func() time.Time) (*CA, error) {
	ca, err := load(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return ca, err
	}
	return create(dir, names, notBefore(wall()))
}

func load(dir string) (*CA, error) {
	cert, err := readCert(filepath.Join(dir, caCert))
	if err != nil {
		if _, kerr := os.Stat(filepath.Join(dir, caKey)); errors.Is(err, fs.ErrNotExist) && kerr == nil {
			return nil, broken(dir, errors.New("a key without its certificate"))
		}
		return nil, broken(dir, err)
	}
	key, err := readKey(filepath.Join(dir, caKey))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, broken(dir, errors.New("a certificate without its key"))
	case err != nil:
		return nil, broken(dir, err)
	case !cert.IsCA || !key.PublicKey.Equal(cert.PublicKey):
		return nil, broken(dir, errors.New("key and certificate do not belong together"))
	}
	return &CA{dir: dir, key: key, cert: cert}, nil
}

// broken keeps fs.ErrNotExist, which is no fault.
func broken(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return edge.Errorf(edge.CodeBadConfig, "the box's own CA: %w", err).
		WithHint("restore %s from a backup, or remove it: labbox makes a new CA, which everybody installs again", dir)
}

func create(dir string, names Names, from time.Time) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("localca: make a key: %w", err)
	}
	dns, nets := reach(names)
	serial := newSerial()
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{Organization: []string{"labbox"},
			CommonName: fmt.Sprintf("labbox lab CA %x", serial.Bytes()[:3])},
		NotBefore: from, NotAfter: from.AddDate(caLife, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         dns,
		PermittedIPRanges:           nets,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("localca: sign: %w", err)
	}
	// The key first: a certificate without one is a fault, no CA at all is not.
	if err := writeKey(filepath.Join(dir, caKey), key); err != nil {
		return nil, err
	}
	if err := writeCert(filepath.Join(dir, caCert), der); err != nil {
		_ = os.Remove(filepath.Join(dir, caKey))
		return nil, err
	}
	return load(dir)
}

// everywhere are the networks of rooms: RFC 1918, 6598, 3927, 4193, 4291.
var everywhere = [...]string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
	"::1/128", "fc00::/7", "fe80::/10"}

// reach is what the CA may ever sign for.
func reach(names Names) (dns []string, nets []*net.IPNet) {
	dns = []string{"local", "localhost"}
	for _, n := range names.DNS {
		if !within(n, dns) {
			dns = append(dns, n)
		}
	}
	add := func(p netip.Prefix) {
		nets = append(nets, &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
	for _, s := range everywhere {
		add(netip.MustParsePrefix(s))
	}
	for _, p := range names.Addresses {
		widest := 16
		if p.Addr().Is6() {
			widest = 48
		}
		if !contains(nets, p.Addr()) && p.Bits() >= widest {
			add(p)
		}
	}
	return dns, nets
}

func within(name string, domains []string) bool {
	for _, d := range domains {
		if name == d || strings.HasSuffix(name, "."+d) {
			return true
		}
	}
	return false
}

func contains(nets []*net.IPNet, a netip.Addr) bool {
	for _, n := range nets {
		if n.Contains(a.AsSlice()) {
			return true
		}
	}
	return false
}

// covers tells whether the CA may sign for a name; one that it may not spoils the
// whole certificate.
func (c *CA) covers(name string) bool { return within(name, c.cert.PermittedDNSDomains) }

func (c *CA) coversAddress(a netip.Addr) bool { return contains(c.cert.PermittedIPRanges, a) }

// DER is the CA's certificate, as people install it.
func (c *CA) DER() []byte { return c.cert.Raw }

// Certificate is the same, parsed.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// Fingerprint is "SHA256:" and the hash as browsers show it, AB:CD:...
func (c *CA) Fingerprint() string {
	sum := sha256.Sum256(c.cert.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return "SHA256:" + strings.Join(parts, ":")
}

func newSerial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b)     // never fails
	b[0] = b[0]&0x7f | 0x40 // positive, and its first bytes are not zero
	return new(big.Int).SetBytes(b)
}

// notBefore allows for browsers whose clock is behind the box's, and for a box
// without a clock.
func notBefore(now time.Time) time.Time {
	if built := builtAt(); now.Before(built) {
		now = built
	}
	return now.Add(-30 * 24 * time.Hour).UTC().Truncate(time.Second)
}

// builtAt is when this program's source was committed; a fixed day where unknown.
func builtAt() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return t
			}
		}
	}
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
}
