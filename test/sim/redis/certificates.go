package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// ServerName is the DNS name in the servers' certificate, besides localhost and the loopback address.
const ServerName = "redis.example.com"

// Certificates are the files of an authority of its own, of a server's certificate and of a client's.
type Certificates struct {
	CA                    string // the authority's certificate
	Cert, Key             string // the server's
	ClientCert, ClientKey string
}

// NewCertificates makes them in a folder. They are good for an hour.
func NewCertificates(dir string) (*Certificates, error) {
	c := &Certificates{CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, "server.crt"), Key: filepath.Join(dir, "server.key"),
		ClientCert: filepath.Join(dir, "client.crt"), ClientKey: filepath.Join(dir, "client.key")}
	authority, err := issue(nil, "authority", nil)
	if err != nil {
		return nil, err
	}
	// One server is another's client: replicas, Sentinels and the nodes of a Cluster talk to each other.
	server, err := issue(authority, "redis-server", []string{"localhost", ServerName})
	if err != nil {
		return nil, err
	}
	client, err := issue(authority, "signalbox", nil)
	if err != nil {
		return nil, err
	}
	return c, errors.Join(authority.write(c.CA, ""), server.write(c.Cert, c.Key), client.write(c.ClientCert, c.ClientKey))
}

type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(by *pair, name string, hosts []string) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, DNSNames: hosts}
	if len(hosts) > 0 {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	if by == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		by = &pair{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	c, err = x509.ParseCertificate(der)
	return &pair{c, key}, err
}

func (p *pair) write(cert, key string) error {
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}), 0o600); err != nil || key == "" {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// Client is what a client that trusts the authority and shows its certificate uses.
func (c *Certificates) Client() (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("read the client's certificate: %w", err)
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

// query is the part of a URL that names the files.
func (c *Certificates) query() string {
	return url.Values{"ca_file": {c.CA}, "cert_file": {c.ClientCert}, "key_file": {c.ClientKey}}.Encode()
}
