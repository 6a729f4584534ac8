package access

import "strings"

// PlatformOf reads the platform out of a User-Agent header: "" when it names
// none that policies know, ChromeOS included. A user agent is a claim, never
// proof; a policy for unknown platforms includes all and excludes the named ones.
//
// The order is what makes it right: Windows Phone claims Android, Android
// claims Linux, iOS claims to be like macOS.
func PlatformOf(userAgent string) Platform {
	for _, sign := range [...]struct {
		word     string // lower case
		platform Platform
	}{
		{"windows phone", WindowsPhone},
		{"android", Android},
		{"iphone", IOS},
		{"ipad", IOS},
		{"ipod", IOS},
		{"windows", Windows},
		{"macintosh", MacOS},
		{"mac os x", MacOS},
		{"macos", MacOS},
		{"linux", Linux},
	} {
		if containsFold(userAgent, sign.word) {
			return sign.platform
		}
	}
	return ""
}

// containsFold reports whether s contains word, without regard to case and
// without allocating.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
