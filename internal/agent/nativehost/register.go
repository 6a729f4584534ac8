package nativehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Register tells the browsers of this person to start program for the extension,
// and returns what was written. dir is the agent's own directory. It needs no
// administrator rights.
func Register(program, dir string) (written []string, err error) {
	doc, err := json.MarshalIndent(map[string]any{
		"name": Name, "description": "Protects organization data on this PC", "path": program, "type": "stdio",
		"allowed_origins": []string{"chrome-extension://" + ExtensionID + "/"},
	}, "", " ")
	if err != nil {
		return nil, err
	}
	places, err := register(dir, doc)
	if err == nil && len(places) == 0 {
		err = errors.New("no browser was found for this person; install Edge or Chrome and start it once")
	}
	return places, err
}

// Unregister undoes Register, and returns what was removed.
func Unregister(dir string) (removed []string, err error) { return unregister(dir) }

// put writes a file for its owner alone.
func put(path string, doc []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		return fmt.Errorf("nativehost: %w", err)
	}
	return nil
}
