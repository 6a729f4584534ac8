package demo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
)

// find returns the first file below dir that contains text, or "".
func find(dir, text string) (string, error) {
	found := ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		doc, err := os.ReadFile(path)
		if err == nil && bytes.Contains(doc, []byte(text)) {
			found = path
			return fs.SkipAll
		}
		return err
	})
	return found, err
}
