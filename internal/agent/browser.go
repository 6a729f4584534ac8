package agent

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// FileURL is the file address (RFC 8089) of an absolute path, also of one on a
// share of Windows.
func FileURL(path string) string {
	path = filepath.ToSlash(path)
	u := url.URL{Scheme: "file", Path: path}
	if share, ok := strings.CutPrefix(path, "//"); ok {
		host, rest, _ := strings.Cut(share, "/")
		u.Host, u.Path = host, "/"+rest
	} else if !strings.HasPrefix(path, "/") { // a drive letter
		u.Path = "/" + path
	}
	return u.String()
}

// OpenBrowser shows an address, of https or of FileURL, in the person's browser
// and returns without waiting for them.
func OpenBrowser(ctx context.Context, url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "windows": // no shell in between: an address may hold what a shell would read
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	case "darwin":
		name = "open"
	}
	if err := exec.CommandContext(ctx, name, args...).Run(); err != nil {
		return fmt.Errorf("the browser could not be opened (%s: %w); open the address yourself", name, err)
	}
	return nil
}
