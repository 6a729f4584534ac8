//go:build !windows

package nativehost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// places are where browsers look for hosts of one person, beside their profiles.
func places() ([]string, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, browser := range []string{"microsoft-edge", "google-chrome", "chromium"} {
		if _, err := os.Stat(filepath.Join(config, browser)); err == nil {
			out = append(out, filepath.Join(config, browser, "NativeMessagingHosts", Name+".json"))
		}
	}
	return out, nil
}

func register(_ string, manifest []byte) ([]string, error) {
	all, err := places()
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		if err := put(path, manifest); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func unregister(string) (removed []string, err error) {
	all, err := places()
	for _, path := range all {
		gone := os.Remove(path)
		if gone == nil {
			removed = append(removed, path)
		} else if !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return removed, err
}
