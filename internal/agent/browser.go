package agent

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// OpenBrowser shows an https address in the person's browser and returns without
// waiting for them.
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
