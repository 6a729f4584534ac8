package configuration

// What Edge shows, where it goes and what it offers. Names, types and values were
// read from Microsoft's "Microsoft Edge - Policies" reference
// (learn.microsoft.com/deployedge/microsoft-edge-policies, edition of October
// 2024), section "Data Type" and "Policy options mapping" of each policy. The
// descriptions are ours. The table never changes.
var browsing = [...]Key{
	// Start, home and new tab.
	{Name: "HomepageLocation", Kind: String, form: aURL, Example: `"https://portal.example"`, Description: "The page behind the Home button."},
	{Name: "HomepageIsNewTabPage", Kind: Bool, Description: "Whether the Home button opens the new tab page; false makes it open HomepageLocation."},
	{Name: "ShowHomeButton", Kind: Bool, Description: "Whether the Home button is shown."},
	{Name: "NewTabPageLocation", Kind: String, form: aURL, Example: `"https://portal.example"`, Description: "The page of a new tab."},
	{Name: "RestoreOnStartup", Kind: Int, Values: []Option{
		{"1", "the last session"}, {"4", "the pages of RestoreOnStartupURLs"}, {"5", "a new tab"}, {"6", "the pages of RestoreOnStartupURLs and the last session"},
	}, Description: "What Edge opens when it starts."},
	{Name: "RestoreOnStartupURLs", Kind: StringList, form: aURL, Example: `["https://portal.example"]`, Description: "The pages that Edge opens when RestoreOnStartup is 4 or 6."},

	// Favorites.
	{
		Name: "ManagedFavorites", Kind: Dictionary, form: favorites,
		Example:     `[{"toplevel_name":"Work"},{"name":"Mail","url":"mail.example"},{"children":[{"name":"Wiki","url":"wiki.example"}],"name":"Inside"}]`,
		Description: "Favorites in a folder that people cannot change: each with name and url, or with name and children.",
	},
	{Name: "FavoritesBarEnabled", Kind: Bool, Description: "Whether the favorites bar is shown."},
	{Name: "EditFavoritesEnabled", Kind: Bool, Description: "Whether people may change favorites."},

	// Search.
	{Name: "SearchSuggestEnabled", Kind: Bool, Description: "Whether what is typed goes to the search engine for suggestions."},
	{Name: "LocalProvidersEnabled", Kind: Bool, Description: "Whether favorites and history on this PC are suggested."},
	{Name: "DefaultSearchProviderEnabled", Kind: Bool, Description: "Whether the address bar searches."},
	{Name: "DefaultSearchProviderName", Kind: String, Example: `"Intranet"`, Description: "The name of the search engine."},
	{Name: "DefaultSearchProviderSearchURL", Kind: String, form: aSearch, Example: `"https://search.example/?q={searchTerms}"`, Description: "The URL of the search engine, with {searchTerms} for what is typed."},

	// Network.
	{
		Name: "ProxySettings", Kind: Dictionary, form: proxy, Example: `{"ProxyMode":"pac_script","ProxyPacUrl":"https://proxy.example/pac"}`,
		Description: "How Edge reaches the network: ProxyMode, and what the mode needs of ProxyPacUrl, ProxyPacMandatory, ProxyServer, ProxyBypassList.",
	},
	{Name: "MaxConnectionsPerProxy", Kind: Int, Min: 7, Max: 99, Description: "How many connections to a proxy may be open at a time."},
	{Name: "NetworkPredictionOptions", Kind: Int, Values: []Option{
		{"0", "always"}, {"1", "always, too: the value is not supported any more"}, {"2", "never"},
	}, Description: "Whether pages are fetched before anybody asks for them."},
	{Name: "WebRtcUdpPortRange", Kind: String, form: aPortRange, Example: `"10000-11999"`, Description: "The local ports that WebRTC uses."},
	{Name: "WebRtcLocalhostIpHandling", Kind: String, Values: []Option{
		{"default", "all interfaces"}, {"default_public_and_private_interfaces", "the interfaces of the default route"},
		{"default_public_interface_only", "the public interface"}, {"disable_non_proxied_udp", "TCP, or a proxy that supports UDP"},
	}, Example: `"default_public_interface_only"`, Description: "Which addresses of the PC WebRTC shows; the first two show the local one."},

	// What Edge offers beside pages.
	{Name: "HubsSidebarEnabled", Kind: Bool, Description: "Whether the sidebar is shown."},
	{Name: "EdgeShoppingAssistantEnabled", Kind: Bool, Description: "Whether Edge compares prices and offers coupons."},
	{Name: "EdgeCollectionsEnabled", Kind: Bool, Description: "Whether people may gather pages in collections."},
	{Name: "ShowMicrosoftRewards", Kind: Bool, Description: "Whether Microsoft Rewards are shown."},
	{Name: "ShowCastIconInToolbar", Kind: Bool, Description: "Whether the toolbar has the icon for casting to another screen."},
	{Name: "SleepingTabsEnabled", Kind: Bool, Description: "Whether tabs in the background go to sleep."},
	{Name: "SleepingTabsTimeout", Kind: Int, Values: []Option{
		{"30", "30 seconds"}, {"300", "5 minutes"}, {"900", "15 minutes"}, {"1800", "30 minutes"}, {"3600", "1 hour"},
		{"7200", "2 hours"}, {"10800", "3 hours"}, {"21600", "6 hours"}, {"43200", "12 hours"},
	}, Description: "After how many seconds a tab in the background goes to sleep."},
	{Name: "TrackingPrevention", Kind: Int, Values: []Option{
		{"0", "off"}, {"1", "basic"}, {"2", "balanced"}, {"3", "strict"},
	}, Description: "How much tracking is prevented."},
	{Name: "DefaultImagesSetting", Kind: Int, Values: allowOrBlock(), Description: "Whether sites show images."},
	{Name: "DefaultJavaScriptSetting", Kind: Int, Values: allowOrBlock(), Description: "Whether sites run JavaScript."},
	{Name: "DefaultPopupsSetting", Kind: Int, Values: allowOrBlock(), Description: "Whether sites open windows unasked."},
	{Name: "DefaultNotificationsSetting", Kind: Int, Values: allowBlockOrAsk(), Description: "Whether sites show notifications."},
	{Name: "DefaultGeolocationSetting", Kind: Int, Values: allowBlockOrAsk(), Description: "Whether sites learn where the PC is."},
}

func allowOrBlock() []Option { return []Option{{"1", "allow"}, {"2", "block"}} }

func allowBlockOrAsk() []Option { return append(allowOrBlock(), Option{"3", "ask"}) }

func blockOrAsk() []Option { return allowBlockOrAsk()[1:] }
