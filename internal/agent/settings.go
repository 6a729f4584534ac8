package agent

import (
	"path/filepath"
	"strings"
)

// AppsDir is the directory, under the agent's, with one directory for each app.
const AppsDir = "apps"

// AppDir is where the agent whose directory is dir keeps what is of one app: its
// device key, registration, policy and sealed store.
func AppDir(dir, app string) string { return filepath.Join(dir, AppsDir, "app-"+strings.ToLower(app)) }
