package conditional

import (
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// behind lists the words that hold, and identifiers behind them.
func behind[ID ~string](ids []ID, words ...string) []string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return append(append([]string{}, words...), graph.Texts(ids)...)
}

// word is w if it holds.
func word(holds bool, w string) string {
	if holds {
		return w
	}
	return ""
}

func includedUsers(u access.Users) []string {
	return behind(u.Include, word(u.All, wordAll), word(u.None, wordNone), word(u.AnyGuest, wordGuests))
}

func excludedUsers(u access.Users) []string { return behind(u.Exclude, word(u.NoGuest, wordGuests)) }

func includedApps(a access.Apps) []string {
	return behind(a.Include, append([]string{word(a.All, wordAll), word(a.None, wordNone)}, graph.Texts(a.IncludeGroups)...)...)
}

func excludedApps(a access.Apps) []string {
	return behind(a.Exclude, graph.Texts(a.ExcludeGroups)...)
}

func includedLocations(l access.Locations) []string {
	return behind(l.Include, word(l.All, wordAll), word(l.AllTrusted, wordAllTrusted))
}

func excludedLocations(l access.Locations) []string {
	return behind(l.Exclude, word(l.ExcludeTrusted, wordAllTrusted))
}

// inOrder puts kinds of guests into the order of Graph's values.
func inOrder(kinds []directory.GuestKind) []directory.GuestKind {
	return slices.DeleteFunc(directory.GuestKinds(), func(k directory.GuestKind) bool { return !slices.Contains(kinds, k) })
}
