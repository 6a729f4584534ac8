package served

// demandTypes declares what policies of conditional access refer to:
// authentication strengths, with the actions on them, and terms of use.
const demandTypes = `
entity authenticationMethodModeDetail : entity = authenticationMethod baseAuthenticationMethod!; displayName string!
entity authenticationCombinationConfiguration abstract : entity = appliesToCombinations []authenticationMethodModes!
complex authenticationStrengthUsage = mfa []conditionalAccessPolicy nav; none []conditionalAccessPolicy nav
complex updateAllowedCombinationsResult
	additionalInformation string; conditionalAccessReferences []string; currentCombinations []authenticationMethodModes!
	previousCombinations []authenticationMethodModes!
action updateAllowedCombinations on authenticationStrengthPolicy -> updateAllowedCombinationsResult
	allowedCombinations []authenticationMethodModes
function usage on authenticationStrengthPolicy -> authenticationStrengthUsage
enum baseAuthenticationMethod
	password=1 voice hardwareOath softwareOath sms fido2 windowsHelloForBusiness microsoftAuthenticator temporaryAccessPass email
	x509Certificate federation unknownFutureValue qrCodePin
singleton identityGovernance identityGovernance
entity identityGovernance = termsOfUse termsOfUseContainer own
entity termsOfUseContainer : entity = agreementAcceptances []agreementAcceptance own; agreements []agreement own
entity agreement : entity
	displayName string; isPerDeviceAcceptanceRequired bool; isViewingBeforeAcceptanceRequired bool; termsExpiration termsExpiration
	userReacceptRequiredFrequency duration; acceptances []agreementAcceptance own; file agreementFile own
	files []agreementFileLocalization own
complex termsExpiration = frequency duration; startDateTime instant
entity agreementFileProperties : entity
	createdDateTime instant; displayName string; fileData agreementFileData; fileName string; isDefault bool; isMajorVersion bool
	language string
entity agreementFile : agreementFileProperties = localizations []agreementFileLocalization own
entity agreementFileLocalization : agreementFileProperties
complex agreementFileData = data binary
entity agreementAcceptance : entity
	agreementFileId string; agreementId string; deviceDisplayName string; deviceId string; deviceOSType string; deviceOSVersion string
	expirationDateTime instant; recordedDateTime instant; state agreementAcceptanceState; userDisplayName string; userEmail string
	userId string; userPrincipalName string
enum agreementAcceptanceState = accepted=2 declined unknownFutureValue=5
`
