package rediskv

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"sync"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

// credentials sets user and password.
func (cfg Config) credentials(ro *redis.Options) error {
	if cfg.Username != "" {
		if ro.Username != "" && ro.Username != cfg.Username {
			return edge.Errorf(edge.CodeBadConfig, "rediskv: the url names another user than the config")
		}
		ro.Username = cfg.Username
	}
	if cfg.PasswordFile == "" {
		return nil
	}
	if ro.Password != "" {
		return edge.Errorf(edge.CodeBadConfig, "rediskv: a password in the url and in a file").WithHint("keep the file")
	}
	read := func() (string, error) {
		b, err := os.ReadFile(cfg.PasswordFile)
		if err != nil {
			return "", edge.Errorf(edge.CodeBadConfig, "rediskv: password file: %w", err)
		}
		if b = bytes.TrimRight(b, "\r\n"); len(b) == 0 {
			return "", edge.Errorf(edge.CodeBadConfig, "rediskv: password file %s is empty", cfg.PasswordFile)
		}
		return string(b), nil
	}
	last, err := read()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	ro.CredentialsProviderContext = func(context.Context) (string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		if p, err := read(); err == nil { // else it is being replaced
			last = p
		}
		return ro.Username, last, nil
	}
	return nil
}

// tlsConfig completes base, which is nil for a url without TLS.
func (cfg Config) tlsConfig(base *tls.Config) (*tls.Config, error) {
	bad := func(format string, args ...any) error {
		return edge.Errorf(edge.CodeBadConfig, "rediskv: "+format, args...)
	}
	if base == nil {
		if cfg.CAFile+cfg.CertFile+cfg.KeyFile != "" {
			return nil, edge.Errorf(edge.CodeBadConfig, "rediskv: certificates are given, but the url is not for TLS").
				WithHint("use rediss:// or rediss+cluster://")
		}
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: base.InsecureSkipVerify}
	if cfg.CAFile != "" {
		b, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, bad("CA file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(b) {
			return nil, bad("CA file %s holds no PEM certificate", cfg.CAFile)
		}
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, bad("a client certificate needs both a certificate and a key file")
	}
	if cfg.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
			return &c, err
		}
		if _, err := load(); err != nil {
			return nil, bad("client certificate: %w", err)
		}
		// Read anew for each connection: certificates are replaced while we run.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return conf, nil
}
