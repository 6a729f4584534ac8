package wire

// To whom it goes.
const (
	toAdmins  = "the organization's Postern service, where its administrators see it"
	toService = "the organization's Postern service, which shows it to nobody"
)

// For how long it is kept there.
const (
	// asLogged is of what decisions of access are made from.
	asLogged = "; what it was at a sign-in stays in the sign-in log, for 180 days"

	keptDevice   = "until an administrator deletes this PC from the directory"
	keptLatest   = "until the next one takes its place, and with the registration: it is deleted 90 days after it ended, by signing out, by a wipe, or by 90 days of silence; while an ordered wipe has not arrived, later"
	keptRequest  = "not kept: it answers the request and is forgotten"
	keptOrder    = "four days after the order was answered"
	keptDecision = "180 days in the sign-in log where access was decided; else not at all"
	keptProof    = "its identifier until it is five minutes too old to be used, the rest not at all"
)

// Why it is sent.
const (
	whyVersions = "an organization may ask for a version without known holes"
	whyHealth   = "access depends on whether this PC is protected"
	whyHelp     = "an administrator asked this app for diagnostics, to help"
	whyReplay   = "so that whoever overhears it cannot use it again"
	whyControls = "an organization must know what its policy achieves, and what it does not"
	whyWhich    = "to know which registration is meant"
)

// messages has the order of the tables below.
var messages = [...]Message{ // never changes
	{"RegisterDevice", "Once, when this PC is made known: POST " + PathDevices + "."},
	{"Enroll", "Once for each app that a person protects: POST " + PathRegistrations + "."},
	{"CheckIn", "Every 30 minutes, after a change of health, and when the service asks for it: POST " + PathCheckIn + "."},
	{"ReceiptEnvelope", "After a wipe: POST " + PathReceipt + "."},
	{"WipeReceipt", "After a wipe: what the receipt says, which the key of this PC signs."},
	{"Diagnostics", "When an administrator asks for it: POST " + PathAnswer + ". \"postern-agent diagnose\" prints it."},
	{"DeviceProof", "When a sign-in page of the organization asks whether this is the PC, and every few minutes while somebody is signed in. The browser carries it."},
	{"DPoPProof", "In the header DPoP of every request of the agent (RFC 9449): what it says, which the key of this PC signs."},
	{"Signature", "The header of everything that the key of this PC signs (RFC 7515)."},
	{"TokenRequest", "When a person has signed in, and about once an hour after that: a form to the token endpoint (RFC 6749)."},
	{"SignInRequest", "When a person signs in: the address that the browser opens (RFC 6749, RFC 7636)."},
	{"Request", "With every request of the agent, whatever it carries."},
}

var ledger = [...]Field{ // never changes
	{"RegisterDevice", "displayName", "the name of this PC, as its owner gave it: it may hold the name of a person", "so that an administrator and the person tell one PC from another", toAdmins, keptDevice + asLogged + "; in the record of administration, which names an order by it, without end", false},
	{"RegisterDevice", "platform", "the kind of system: windows", "policies are for kinds of systems", toAdmins, keptDevice, false},
	{"RegisterDevice", "osVersion", "the version of Windows", whyVersions, toAdmins, keptDevice + asLogged, false},
	{"RegisterDevice", "model", "the model of this PC", "policies may be for some models only", toAdmins, keptDevice + asLogged, false},
	{"RegisterDevice", "manufacturer", "the manufacturer of this PC", "policies may be for some manufacturers only", toAdmins, keptDevice + asLogged, false},
	{"RegisterDevice", "keyProtection", "what keeps the key of this PC: tpm, cng, dpapi or software", "a key in a file is copied more easily", toAdmins, keptDevice, false},
	{"RegisterDevice", "management/directoryJoined", "whether an organization's directory has joined this PC", "a PC that an organization manages cannot be enrolled", toService, keptRequest, false},
	{"RegisterDevice", "management/mdmEnrolled", "whether a device management is in charge of this PC", "a PC that an organization manages cannot be enrolled", toService, keptRequest, false},

	{"Enroll", "deviceId", "the identifier that the service gave this PC", "to know on which PC the app is", toAdmins, keptLatest + asLogged, false},
	{"Enroll", "app", "the identifier of the app, for example com.microsoft.edge", "policies are for apps", toAdmins, keptLatest + asLogged, false},
	{"Enroll", "appVersion", "the version of the app", whyVersions, toAdmins, keptLatest, false},
	{"Enroll", "sdkVersion", "the version of the agent", whyVersions, toAdmins, keptLatest, false},

	{"CheckIn", "appVersion", "the version of the app", whyVersions, toAdmins, keptLatest, false},
	{"CheckIn", "sdkVersion", "the version of the agent", whyVersions, toAdmins, keptLatest, false},
	{"CheckIn", "osVersion", "the version of Windows", whyVersions, toAdmins, keptLatest + asLogged, false},
	{"CheckIn", "management/directoryJoined", "whether an organization's directory has joined this PC", "protection of personal PCs ends where an organization manages the PC", toAdmins, keptLatest, false},
	{"CheckIn", "management/mdmEnrolled", "whether a device management is in charge of this PC", "protection of personal PCs ends where an organization manages the PC", toAdmins, keptLatest, false},
	{"CheckIn", "adapter", "what measured health: windows, or development for made-up health", "made-up health must not count as measured", toAdmins, keptLatest, false},
	{"CheckIn", "providers/antivirus", "the state of virus protection in Windows Security", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "providers/firewall", "the state of the firewall in Windows Security", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "providers/autoUpdate", "the state of automatic updates in Windows Security", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "providers/internetSettings", "the state of the internet settings in Windows Security", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "providers/userAccountControl", "the state of user account control in Windows Security", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "providers/securityCenter", "the state of Windows Security itself", whyHealth, toAdmins, keptLatest, false},
	{"CheckIn", "measuredAt", "when this was measured", "an older report must not take the place of a newer one", toAdmins, keptLatest, false},
	{"CheckIn", "policyEtag", "the mark of the policy that the app applies", "to see that a change of policy has arrived", toAdmins, keptLatest, false},
	{"CheckIn", "controls/*/control", "what a policy may ask: a data protection setting, wipe, or app configuration", whyControls, toAdmins, keptLatest, false},
	{"CheckIn", "controls/*/state", "how far the app enforces it", whyControls, toAdmins, keptLatest, false},
	{"CheckIn", "controls/*/by", "who enforces it: the extension of the browser, or the app", whyControls, toAdmins, keptLatest, false},
	{"CheckIn", "controls/*/gaps/*", "the ways around it, by words that are the same for everybody, such as screenshots", whyControls, toAdmins, keptLatest, false},
	{"CheckIn", "failedChecks/*", "the names of the checks that this PC failed", "to help with why access is blocked", toAdmins, keptLatest, false},

	{"ReceiptEnvelope", "receipt", "WipeReceipt, signed", "an administrator must be able to show that the data is gone", toAdmins, keptOrder, true},

	{"WipeReceipt", "operation", "the identifier of the order", "to know which order is answered", toAdmins, keptOrder, false},
	{"WipeReceipt", "registration", "the identifier of the registration", whyWhich, toAdmins, keptOrder, false},
	{"WipeReceipt", "iat", "when the wipe ended", "to tell how long it took", toAdmins, keptOrder, false},
	{"WipeReceipt", "succeeded", "whether everything is gone", "what is left must be looked after", toAdmins, keptOrder, false},
	{"WipeReceipt", "items/*/name", "what kind of data was dealt with, such as cookies or sealed files; never the name of a file", "to say what was removed", toAdmins, keptOrder, false},
	{"WipeReceipt", "items/*/removed", "whether it is gone", "what is left must be looked after", toAdmins, keptOrder, false},
	{"WipeReceipt", "items/*/detail", "free text: the error of Windows or of the browser when it is not gone; it may name a folder on this PC, and a folder may be named after a person", "to find out what stood in the way", toAdmins, keptOrder, false},
}

var diagnosticsLedger = [...]Field{ // never changes
	{"Diagnostics", "collectedAt", "when this was collected", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "appVersion", "the version of the app", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "sdkVersion", "the version of the agent", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "osVersion", "the version of Windows", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "policyEtag", "the mark of the policy that the app applies", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "state", "the state of the last check-in", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "lastSync", "when the app checked in last", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/app", "the identifier of the app", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/system", "the kind of system and processor", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/keyProtection", "what keeps the key of this PC", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/enrolled", "whether the app is enrolled", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/access", "what the app allows now", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/reasons", "which checks failed", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/configuration", "how many settings the app was given", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/ended", "why the service ended the registration", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/accountDisabled", "whether the service said that the account is disabled", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/wiping", "whether a wipe is under way", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/checkInSeconds", "how often the app checks in", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/serverTime", "what time the service had at the last check-in", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/health", "free text: the error when health could not be measured; folders of the person are left out", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/adapter", "what measured health", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.antivirus", "the state of virus protection", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.firewall", "the state of the firewall", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.autoUpdate", "the state of automatic updates", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.internetSettings", "the state of the internet settings", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.userAccountControl", "the state of user account control", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "facts/provider.securityCenter", "the state of Windows Security itself", whyHelp, toAdmins, keptOrder, false},
	{"Diagnostics", "log/*", "free text: the newest lines of the agent's journal: times, verdicts, orders, and errors of the network and of Windows, which may hold the address of the service; folders of the person are left out", whyHelp, toAdmins, keptOrder, false},
}

const whyProof = "a sign-in must come from the PC that it is said to come from"

var signInLedger = [...]Field{ // never changes
	{"DeviceProof", "nonce", "the challenge of the sign-in page, back", whyReplay, toService, keptRequest, true},
	{"DeviceProof", "aud", "the origin of the sign-in page", "so that no other page can use it", toService, keptRequest, false},
	{"DeviceProof", "iat", "when it was made", whyReplay, toService, keptRequest, false},
	{"DeviceProof", "exp", "until when it is good", whyReplay, toService, keptRequest, false},
	{"DeviceProof", "jti", "an identifier made by chance", whyReplay, toService, keptProof, true},
	{"DeviceProof", "sub", "the identifier that the service gave this PC", whyProof, toAdmins, "with the session of the browser, seven days after it ended, and in the sign-in log, 180 days", false},
	{"DeviceProof", "app", "the identifier of the app", whyProof, toAdmins, "with the session of the browser, seven days after it ended, and in the sign-in log, 180 days", false},
	{"DeviceProof", "appVersion", "the version of the app", whyVersions, toService, keptRequest, false},

	{"DPoPProof", "jti", "an identifier made by chance", whyReplay, toService, keptProof, true},
	{"DPoPProof", "htm", "the method of the request", whyReplay, toService, keptRequest, false},
	{"DPoPProof", "htu", "the address of the request", whyReplay, toService, keptRequest, false},
	{"DPoPProof", "iat", "when it was made", whyReplay, toService, keptRequest, false},
	{"DPoPProof", "ath", "the checksum of the access token", "so that a stolen token is of no use without the key", toService, keptRequest, true},
	{"DPoPProof", "nonce", "the challenge of the service, back", whyReplay, toService, keptRequest, true},

	{"Signature", "typ", "what is signed", "so that one kind cannot be taken for another", toService, keptRequest, false},
	{"Signature", "alg", "how it is signed", "to check it", toService, keptRequest, false},
	{"Signature", "kid", "the thumbprint of the key of this PC", "to find the key", toService, keptDevice, false},
	{"Signature", "jwk/kty", "the kind of the key", "to check the signature", toService, keptDevice, false},
	{"Signature", "jwk/crv", "the curve of the key", "to check the signature", toService, keptDevice, false},
	{"Signature", "jwk/x", "half of the public key of this PC", "to check the signature", toService, keptDevice, false},
	{"Signature", "jwk/y", "the other half of the public key of this PC", "to check the signature", toService, keptDevice, false},

	{"TokenRequest", "client_id", "the identifier of Postern's agents, the same on every PC", "the service gives tokens to apps that it knows", toService, "in the sign-in log, 180 days", false},
	{"TokenRequest", "grant_type", "what is shown for the token", "the protocol asks for it", toService, keptRequest, false},
	{"TokenRequest", "scope", "what the token is for", "the protocol asks for it", toService, "in the sign-in log, 180 days", false},
	{"TokenRequest", "code", "what the sign-in page gave", "it shows that somebody signed in", toService, "its checksum, one hour after it expired", true},
	{"TokenRequest", "code_verifier", "a number made by chance", "it shows that the same program asks (RFC 7636)", toService, keptRequest, true},
	{"TokenRequest", "redirect_uri", "the address on this PC where the agent waited for the code", "the protocol asks for it", toService, keptRequest, false},
	{"TokenRequest", "refresh_token", "what keeps the person signed in", "so that nobody has to sign in every hour", toService, "its checksum, one day after it expired", true},

	{"SignInRequest", "client_id", "the identifier of Postern's agents, the same on every PC", "the service signs in to apps that it knows", toService, "in the sign-in log, 180 days", false},
	{"SignInRequest", "response_type", "what the page shall answer with", "the protocol asks for it", toService, keptRequest, false},
	{"SignInRequest", "redirect_uri", "the address on this PC where the agent waits for the code", "the protocol asks for it", toService, keptRequest, false},
	{"SignInRequest", "state", "a number made by chance", "so that no other page can answer", toService, keptRequest, true},
	{"SignInRequest", "scope", "what the token is for", "the protocol asks for it", toService, "in the sign-in log, 180 days", false},
	{"SignInRequest", "code_challenge", "the checksum of a number made by chance", "so that nobody else can use the code (RFC 7636)", toService, "with the code, one hour after it expired", true},
	{"SignInRequest", "code_challenge_method", "how that checksum is made", "the protocol asks for it", toService, keptRequest, false},
	{"SignInRequest", "dpop_jkt", "the thumbprint of the key of this PC", "so that nobody else can use the code (RFC 9449)", toService, "with the code, one hour after it expired", false},

	{"Request", "method", "what is done: GET, POST or DELETE", "the protocol asks for it", toService, keptRequest, false},
	{"Request", "path", "the address within the service, with the identifier of the registration and perhaps of an order", whyWhich, toService, keptRequest, false},
	{"Request", "ifNoneMatch", "the mark of the policy that the app has", "so that it is not sent again", toService, keptRequest, false},
	{"Request", "authorization", "the access token", "to know who asks", toService, keptRequest, true},
	{"Request", "dpop", "DPoPProof, signed", "to know which PC asks", toService, keptProof, true},
	{"Request", "userAgent", "the name of the program library that makes requests, the same on every PC", "the protocol (HTTP) sends it", toService, keptDecision, false},
	{"Request", "address", "the network address of this PC, as every server on the internet gets it", "the network cannot do without", toAdmins, keptDecision, false},
}
