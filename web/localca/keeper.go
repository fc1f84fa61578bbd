package localca

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

const (
	leafLife   = 365 * 24 * time.Hour // and the 30 days before: below 398
	renewLeft  = 30 * 24 * time.Hour
	lookEvery  = 10 * time.Second // for other addresses
	clockFuzzy = time.Minute
)

// Keeper holds the server's certificate and makes a new one when names or time
// ask for it.
type Keeper struct {
	ca    *CA
	names func() Names
	wall  func() time.Time
	log   *slog.Logger
	now   atomic.Pointer[tls.Certificate]
}

// NewKeeper reads the certificate that is there, or makes one. A certificate that
// is still good is kept over restarts, so that an exception made in a browser holds.
func NewKeeper(ca *CA, names func() Names, wall func() time.Time, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{ca: ca, names: names, wall: wall, log: log}
	if c, err := k.stored(); err == nil {
		k.now.Store(c)
	}
	return k, k.look()
}

// Config is for tls.Server: HTTP/1.1 only, the certificate of the moment.
func (k *Keeper) Config() *tls.Config { return serverConfig(k.GetCertificate) }

func serverConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: get}
}

// GetCertificate implements tls.Config's.
func (k *Keeper) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return k.now.Load(), nil
}

// Run looks at names and clock until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := k.look(); err != nil {
				k.log.Error("certificate not renewed", "error", err)
			}
		}
	}
}

// look makes a certificate if that of now does not do.
func (k *Keeper) look() error {
	names := k.names()
	names.DNS = slices.DeleteFunc(slices.Clone(names.DNS), func(n string) bool { return !k.ca.covers(n) })
	left := names.Addresses[:0:0]
	for _, p := range names.Addresses {
		if k.ca.coversAddress(p.Addr()) {
			left = append(left, p)
		}
	}
	names.Addresses = left
	if c := k.now.Load(); c != nil && k.good(c.Leaf, names) {
		return nil
	}
	c, err := k.issue(names)
	if err != nil {
		return err
	}
	k.now.Store(c)
	k.log.Info("certificate made", "names", c.Leaf.DNSNames, "addresses", c.Leaf.IPAddresses, "until", c.Leaf.NotAfter.Format(time.DateOnly))
	return nil
}

// good tells whether a certificate is for these names, and for a while yet. One
// that is for more is good: an address that is away for a moment comes back.
func (k *Keeper) good(c *x509.Certificate, names Names) bool {
	now := k.clock()
	if now.Add(clockFuzzy).Before(c.NotBefore) || now.Add(renewLeft).After(c.NotAfter) && c.NotAfter.Before(k.ca.cert.NotAfter) {
		return false
	}
	for _, n := range names.DNS {
		if !slices.Contains(c.DNSNames, n) {
			return false
		}
	}
	for _, p := range names.Addresses {
		if !slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool { return ip.Equal(p.Addr().AsSlice()) }) {
			return false
		}
	}
	return true
}

// clock is the wall clock, where it can be right.
func (k *Keeper) clock() time.Time {
	now := k.wall()
	for _, t := range []time.Time{builtAt(), k.ca.cert.NotBefore} {
		if now.Before(t) {
			now = t
		}
	}
	return now
}

func (k *Keeper) issue(names Names) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("localca: make a key: %w", err)
	}
	from := notBefore(k.clock())
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{Organization: []string{"labbox"}},
		NotBefore:    from, NotAfter: from.Add(leafLife + 30*24*time.Hour),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              names.DNS,
	}
	if len(names.DNS) > 0 {
		t.Subject.CommonName = names.DNS[0]
	}
	for _, p := range names.Addresses {
		t.IPAddresses = append(t.IPAddresses, p.Addr().AsSlice())
	}
	if t.NotAfter.After(k.ca.cert.NotAfter) {
		t.NotAfter = k.ca.cert.NotAfter
	}
	if t.NotBefore.Before(k.ca.cert.NotBefore) {
		t.NotBefore = k.ca.cert.NotBefore
	}
	der, err := x509.CreateCertificate(rand.Reader, t, k.ca.cert, key.Public(), k.ca.key)
	if err != nil {
		return nil, fmt.Errorf("localca: sign: %w", err)
	}
	// Not being able to keep it is no reason not to serve.
	if err := writeKey(filepath.Join(k.ca.dir, serverKey), key); err != nil {
		k.log.Warn("certificate not kept", "error", err)
	} else if err := writeCert(filepath.Join(k.ca.dir, serverCert), der); err != nil {
		k.log.Warn("certificate not kept", "error", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, k.ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// stored is the certificate of the last run, if this CA has signed it.
func (k *Keeper) stored() (*tls.Certificate, error) {
	leaf, err := readCert(filepath.Join(k.ca.dir, serverCert))
	if err != nil {
		return nil, err
	}
	key, err := readKey(filepath.Join(k.ca.dir, serverKey))
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, fmt.Errorf("localca: not the key of this certificate")
	}
	if err := leaf.CheckSignatureFrom(k.ca.cert); err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, k.ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}
