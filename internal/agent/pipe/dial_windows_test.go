package pipe_test

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// dial opens the pipe as any program does, and waits while all its ends are taken.
func dial(address string) (io.ReadWriteCloser, error) {
	for end := time.Now().Add(20 * time.Second); ; {
		f, err := os.OpenFile(address, os.O_RDWR, 0)
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) || time.Now().After(end) {
			return f, err
		}
	}
}
