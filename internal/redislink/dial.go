package redislink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/signalbox/signalbox/internal/redisurl"
)

// dialer dials a server or a Sentinel, and makes the connection TLS if the URL says so.
func (o Options) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	if !o.URL.TLS {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		settings, err := secured(o.URL, host)
		if err != nil {
			return nil, err
		}
		plain, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		ctx, done := context.WithTimeout(ctx, dialTimeout)
		defer done()
		c := tls.Client(plain, settings)
		if err := c.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS with a Redis server: %w", err), plain.Close())
		}
		return c, nil
	}
}

// secured reads the files of certificates; nil for a URL without TLS.
func secured(u redisurl.URL, host string) (*tls.Config, error) {
	if !u.TLS {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if u.ServerName != "" {
		c.ServerName = u.ServerName
	}
	if u.CAFile != "" {
		text, err := os.ReadFile(u.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redis.url, ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("redis.url, ca_file: holds no certificate in PEM form")
		}
	}
	if u.CertFile != "" {
		own, err := tls.LoadX509KeyPair(u.CertFile, u.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redis.url, cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
