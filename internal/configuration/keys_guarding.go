package configuration

// What keeps organisation data where it belongs. The source is that of browsing;
// the table never changes.
var guarding = [...]Key{
	// Sites. What URLAllowlist lists is open although URLBlocklist lists it, too.
	{Name: "URLBlocklist", Kind: StringList, Example: `["*"]`, Description: "Sites that are closed."},
	{Name: "URLAllowlist", Kind: StringList, Example: `["portal.example"]`, Description: "Sites that stay open whatever URLBlocklist says."},

	// Downloads and printing.
	{Name: "DownloadRestrictions", Kind: Int, Values: []Option{
		{"0", "no restriction"}, {"1", "block malicious files and dangerous types"}, {"2", "block potentially dangerous or unwanted files and dangerous types"},
		{"3", "block all"}, {"4", "block malicious files"},
	}, Description: "Which downloads are blocked. 4 is not more than 3, but the least."},
	{Name: "DownloadDirectory", Kind: String, Example: `"${user_home}/Downloads/Edge"`, Description: "Where downloads go."},
	{Name: "PromptForDownloadLocation", Kind: Bool, Description: "Whether people are asked where a download goes."},
	{Name: "SmartScreenEnabled", Kind: Bool, Description: "Whether SmartScreen warns of sites and files."},
	{Name: "SmartScreenForTrustedDownloadsEnabled", Kind: Bool, Description: "Whether SmartScreen looks at downloads from trusted sources, too."},
	{Name: "PrintingEnabled", Kind: Bool, Description: "Whether pages may be printed. The policy that always counts is print of app protection."},

	// What Edge remembers and what it takes over from elsewhere.
	{Name: "PasswordManagerEnabled", Kind: Bool, Description: "Whether Edge keeps passwords."},
	{Name: "AutofillAddressEnabled", Kind: Bool, Description: "Whether Edge keeps addresses."},
	{Name: "AutofillCreditCardEnabled", Kind: Bool, Description: "Whether Edge keeps means of payment."},
	{Name: "ImportAutofillFormData", Kind: Bool, Description: "Whether what was typed in forms comes along from another browser."},
	{Name: "ImportSavedPasswords", Kind: Bool, Description: "Whether passwords come along from another browser."},
	{Name: "ImportHistory", Kind: Bool, Description: "Whether the history comes along from another browser."},
	{Name: "ImportCookies", Kind: Bool, Description: "Whether cookies come along from another browser."},
	{Name: "ImportExtensions", Kind: Bool, Description: "Whether extensions come along from another browser."},
	{Name: "ClearBrowsingDataOnExit", Kind: Bool, Description: "Whether browsing data is deleted whenever Edge closes."},
	{Name: "SavingBrowserHistoryDisabled", Kind: Bool, Description: "Whether no history is kept."},
	{Name: "AllowDeletingBrowserHistory", Kind: Bool, Description: "Whether people may delete the history."},
	{Name: "SyncDisabled", Kind: Bool, Description: "Whether nothing is synchronised to the account."},
	{Name: "ForceSync", Kind: Bool, Description: "Whether synchronising cannot be turned off; without effect where SyncDisabled is true."},
	{Name: "InPrivateModeAvailability", Kind: Int, Values: []Option{
		{"0", "available"}, {"1", "not available"}, {"2", "always InPrivate, where app protection cannot be shown to Conditional Access"},
	}, Description: "Whether there are InPrivate windows."},

	// Extensions and programs beside the browser.
	{Name: "ExtensionInstallBlocklist", Kind: StringList, Example: `["*"]`, Description: "Extensions that may not be installed."},
	{Name: "ExtensionInstallAllowlist", Kind: StringList, Example: `["abcdefghijklmnopabcdefghijklmnop"]`, Description: "Extensions that may be installed whatever ExtensionInstallBlocklist says."},
	{Name: "ExtensionInstallForcelist", Kind: StringList, Example: `["abcdefghijklmnopabcdefghijklmnop"]`, Description: "Extensions that install themselves and stay."},
	{Name: "ExtensionSettings", Kind: Dictionary, form: extensions, Example: `{"*":{"installation_mode":"blocked"}}`, Description: "Rules by extension, * for every other; installation_mode says whether it may be installed."},
	{Name: "ExtensionAllowedTypes", Kind: StringList, Values: []Option{
		{"extension", "an extension"}, {"theme", "a theme"}, {"user_script", "a user script"}, {"hosted_app", "a hosted app"},
		{"legacy_packaged_app", "a packaged app of old"}, {"platform_app", "a platform app"},
	}, Example: `["extension"]`, Description: "The types of extensions that may be installed."},
	{Name: "ExtensionInstallSources", Kind: StringList, Example: `["https://extensions.example/*"]`, Description: "Sites from which extensions may be installed."},
	{Name: "NativeMessagingBlocklist", Kind: StringList, Example: `["*"]`, Description: "Programs on the PC that extensions may not talk to."},
	{Name: "NativeMessagingAllowlist", Kind: StringList, Example: `["com.example.host"]`, Description: "Programs that extensions may talk to whatever NativeMessagingBlocklist says."},

	// What sites may reach of the PC.
	{Name: "ScreenCaptureAllowed", Kind: Bool, Description: "Whether sites may ask to see the screen."},
	{Name: "VideoCaptureAllowed", Kind: Bool, Description: "Whether sites may ask for the camera."},
	{Name: "AudioCaptureAllowed", Kind: Bool, Description: "Whether sites may ask for the microphone."},
	{Name: "DefaultClipboardSetting", Kind: Int, Values: blockOrAsk(), Description: "Whether sites may ask for the clipboard."},
	{Name: "DefaultWebUsbGuardSetting", Kind: Int, Values: blockOrAsk(), Description: "Whether sites may ask for USB devices."},
	{Name: "WebUsbBlockedForUrls", Kind: StringList, Example: `["https://portal.example"]`, Description: "Sites that may not ask for USB devices."},
	{Name: "DeveloperToolsAvailability", Kind: Int, Values: []Option{
		{"0", "everywhere but in extensions that were forced"}, {"1", "everywhere"}, {"2", "nowhere"},
	}, Description: "Where the developer tools work."},

	// Cookies, insecure content and certificates by site.
	{Name: "CookiesAllowedForUrls", Kind: StringList, Example: `["[*.]portal.example"]`, Description: "Sites that may keep cookies."},
	{Name: "CookiesBlockedForUrls", Kind: StringList, Example: `["[*.]tracker.example"]`, Description: "Sites that may not keep cookies."},
	{Name: "CookiesSessionOnlyForUrls", Kind: StringList, Example: `["[*.]shop.example"]`, Description: "Sites whose cookies go when Edge closes."},
	{Name: "InsecureContentAllowedForUrls", Kind: StringList, Example: `["[*.]old.example"]`, Description: "Secure sites that may load insecure content."},
	{Name: "InsecureContentBlockedForUrls", Kind: StringList, Example: `["[*.]portal.example"]`, Description: "Secure sites that may not load insecure content."},
	{
		Name: "AutoSelectCertificateForUrls", Kind: StringList, form: certificate, Example: `["{\"pattern\":\"https://portal.example\",\"filter\":{\"ISSUER\":{\"CN\":\"Example CA\"}}}"]`,
		Description: "Sites to which Edge shows a client certificate unasked: JSON texts with pattern and filter.",
	},
}
