package nativehost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// vendors are the keys of a person under which browsers look for hosts.
func vendors() []string {
	return []string{`Software\Microsoft\Edge\NativeMessagingHosts\`, `Software\Google\Chrome\NativeMessagingHosts\`, `Software\Chromium\NativeMessagingHosts\`}
}

// register writes the manifest into the agent's directory and its path into the
// registry, for every browser: a key that no browser reads harms nobody.
func register(dir string, manifest []byte) (written []string, err error) {
	path := filepath.Join(dir, Name+".json")
	if err := put(path, manifest); err != nil {
		return nil, err
	}
	written = append(written, path)
	for _, vendor := range vendors() {
		k, _, err := registry.CreateKey(registry.CURRENT_USER, vendor+Name, registry.SET_VALUE)
		if err == nil {
			err = errors.Join(k.SetStringValue("", path), k.Close())
		}
		if err != nil {
			return written, err
		}
		written = append(written, `HKCU\`+vendor+Name)
	}
	return written, nil
}

func unregister(dir string) (removed []string, err error) {
	for _, vendor := range vendors() {
		switch gone := registry.DeleteKey(registry.CURRENT_USER, vendor+Name); {
		case gone == nil:
			removed = append(removed, `HKCU\`+vendor+Name)
		case !errors.Is(gone, registry.ErrNotExist):
			err = errors.Join(err, gone)
		}
	}
	path := filepath.Join(dir, Name+".json")
	switch gone := os.Remove(path); {
	case gone == nil:
		removed = append(removed, path)
	case !errors.Is(gone, fs.ErrNotExist):
		err = errors.Join(err, gone)
	}
	return removed, err
}
