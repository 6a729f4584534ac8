// Package journal keeps the newest lines of what happened, for diagnostics.
package journal

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

const (
	file   = "journal.log"
	most   = 512 << 10 // bytes; then the newest lines go on
	newest = 200       // lines
)

// Journal is a file with the newest lines of what happened. What cannot be
// written is lost: a journal stops nothing.
type Journal struct {
	mu   sync.Mutex
	path string
}

// In returns the journal of a directory.
func In(dir string) *Journal { return &Journal{path: filepath.Join(dir, file)} }

// Append adds a line, which must hold no line break.
func (j *Journal) Append(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full() {
		j.shorten()
	}
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

func (j *Journal) full() bool {
	info, err := os.Stat(j.path)
	return err == nil && info.Size() > most
}

// shorten keeps the newest lines, unless another process just did.
func (j *Journal) shorten() {
	release, err := disk.Lock(filepath.Dir(j.path), "journal.lock")
	if err != nil {
		return
	}
	defer release()
	if j.full() {
		_ = disk.Replace(j.path, []byte(strings.Join(j.read(), "\n")+"\n"))
	}
}

// Lines returns the newest lines, newest last.
func (j *Journal) Lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.read()
}

func (j *Journal) read() []string {
	doc, err := os.ReadFile(j.path)
	if err != nil {
		return nil
	}
	all := strings.Split(strings.TrimRight(string(doc), "\n"), "\n")
	return all[max(0, len(all)-newest):]
}
