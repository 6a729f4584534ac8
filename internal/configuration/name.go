package configuration

import "strings"

// elsewhere maps names that look like keys of Edge, and are none, to the key that
// was meant: names in the published example sets that are not those of the policies
// they link to, and names that Edge gave up.
var elsewhere = [...]struct{ name, key string }{
	{"DefaultDownloadDirectory", "DownloadDirectory"},
	{"ImportBrowsingHistory", "ImportHistory"},
	{"NativeMessagingHostBlocklist", "NativeMessagingBlocklist"},
	{"NativeMessagingHostAllowlist", "NativeMessagingAllowlist"},
	{"WebUsbBlockDevicesForUrls", "WebUsbBlockedForUrls"},
	{"URLWhitelist", "URLAllowlist"},
	{"ExtensionInstallWhitelist", "ExtensionInstallAllowlist"},
	{"NativeMessagingWhitelist", "NativeMessagingAllowlist"},
	{"ManagedBookmarks", "ManagedFavorites"},
	{"BookmarkBarEnabled", "FavoritesBarEnabled"},
	{"EditBookmarksEnabled", "EditFavoritesEnabled"},
	{"IncognitoModeAvailability", "InPrivateModeAvailability"},
}

// onThePC are policies of Edge that decide whether Edge asks for app protection and
// configuration at all. It reads them from the registry before it can be told
// anything, so that an app configuration policy cannot carry them.
var onThePC = [...]string{"MAMEnabled", "MAMWithDeviceDLPEnabled"}

// legacyPrefix starts the keys of Edge on iOS and Android.
const legacyPrefix = "com.microsoft.intune.mam.managedbrowser."

// legacy maps what follows the prefix to the key of Edge on Windows, where there is
// one of another name (Intune documentation, "Manage Microsoft Edge on iOS and
// Android with Intune").
var legacy = [...]struct{ name, key string }{
	{"homepage", "HomepageLocation"},
	{"NewTabPage.CustomURL", "NewTabPageLocation"},
	{"bookmarks", "ManagedFavorites"},
	{"managedTopSites", "ManagedFavorites"},
	{"AllowListURLs", "URLAllowlist"},
	{"BlockListURLs", "URLBlocklist"},
	{"account.syncDisabled", "SyncDisabled"},
	{"disableImportPasswords", "ImportSavedPasswords"},
	{"proxyPacUrl", "ProxySettings"},
	{"proxyPacUrl.FailOpenEnabled", "ProxySettings"},
	{"disabledFeatures", "InPrivateModeAvailability, PasswordManagerEnabled or AutofillAddressEnabled"},
}

// misnamed says why a name that is not in the catalogue cannot be one of a free
// pair, and what to use; "" when it is a name of the app's own.
func misnamed(name string) string {
	for _, p := range onThePC {
		if strings.EqualFold(name, p) {
			return "which Edge reads from the registry of the PC only; valid is a policy of the PC, not of the app"
		}
	}
	for _, e := range elsewhere {
		if strings.EqualFold(name, e.name) {
			return "which Edge does not know; valid is " + e.key
		}
	}
	if k := nearest(name); k != "" {
		return "which Edge does not know; valid is " + k
	}
	return ""
}

// Ignored says why Edge on Windows ignores a free pair that Validate lets pass,
// and what to use; "" when it is a name of the app's own. Such are the keys of
// Edge on iOS and Android, which one policy for all platforms carries along.
func Ignored(name string) string {
	if len(name) > len(legacyPrefix) && strings.EqualFold(name[:len(legacyPrefix)], legacyPrefix) {
		return mobile(name[len(legacyPrefix):])
	}
	return ""
}

func mobile(name string) string {
	const why = "which only Edge on iOS and Android knows; "
	for _, l := range legacy {
		if strings.EqualFold(name, l.name) {
			return why + "valid on Windows is " + l.key
		}
	}
	if k := find(name); k != nil {
		return why + "valid on Windows is " + k.Name
	}
	return why + "Windows has no key for it, valid are the names of Edge policies"
}

// nearest returns the name of the key that name was probably meant to be, or "".
func nearest(name string) string {
	bare := plain(name)
	best, closest := "", 3 // real names of Edge policies are three letters apart, or more
	for _, table := range [...][]Key{browsing[:], guarding[:]} {
		for i := range table {
			key := strings.ToLower(table[i].Name)
			if len(key)-len(bare) >= closest || len(bare)-len(key) >= closest {
				continue
			}
			if d := distance(bare, key); d < closest {
				best, closest = table[i].Name, d
			}
		}
	}
	return best
}

// plain returns a name in small letters without what people put before and between
// its words.
func plain(name string) string {
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, definitionPrefix)
	name = strings.TrimPrefix(name, "com.microsoft.edge.")
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(name)
}

// distance is how many bytes must be put in, taken out or replaced to make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
