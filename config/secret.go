package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/signalbox/signalbox/internal/smallfile"
)

// maxSecret bounds a secret's file, so that a path to something else is not read into memory.
const maxSecret = 64 << 10

func isReference(s string) bool {
	for _, scheme := range []string{"env:", "file:", "keyvault://"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// resolve follows a reference. A relative path is meant from the folder of the YAML file that names it, else from the
// working directory. It is nil, with the problem reported, when there is nothing to be had.
func (l *loading) resolve(p Problem, ref string, env map[string]string, file string) any {
	scheme, name, _ := strings.Cut(ref, ":")
	switch scheme {
	case "env":
		if v := env[name]; v != "" {
			return v
		}
		p.What, p.Do = "refers to the variable "+name+", which is not set", "set "+name
	case "file":
		if file != "" && !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		v, why := readSecret(name)
		if why == "" {
			return v
		}
		p.What, p.Do = "refers to the file "+name+", which "+why, "put the secret there, readable by this process"
	default:
		p.What = "refers to a vault, and Signalbox reads none by itself"
		p.Do = "let the platform mount it (Secrets Store CSI driver, Container Apps secret) and write file:PATH or env:NAME"
	}
	l.report(p)
	return nil
}

// readSecret reads a file and drops the line end that editors and kubectl leave; why says what is wrong with it.
func readSecret(path string) (value, why string) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "cannot be read: " + smallfile.Reason(err).Error()
	}
	if info.IsDir() || info.Size() > maxSecret {
		return "", "is no file of at most 64 KiB"
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", "cannot be read: " + smallfile.Reason(err).Error()
	}
	value = strings.TrimRight(string(b), "\r\n")
	if value == "" {
		return "", "is empty"
	}
	return value, ""
}
