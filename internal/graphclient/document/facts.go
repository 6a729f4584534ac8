package document

// Facts is what a running service knows beyond its documents.
type Facts struct {
	Peopled       map[string]bool // groups that assignments name: whether a user is in it, directly or not
	Passed        map[string]bool // filters for apps: whether any installation passes
	Installations []Installation  // each combination once
}

// Installation is an app in use.
type Installation struct{ App, AppVersion, OSVersion string }
