package served

// accessTypes declares conditional access, named locations and what-if.
const accessTypes = `
v1.0: entity identityContainer : entity = conditionalAccess conditionalAccessRoot own
beta: entity identityContainer = conditionalAccess conditionalAccessRoot own
entity conditionalAccessRoot : entity
	authenticationContextClassReferences []authenticationContextClassReference own; authenticationStrength authenticationStrengthRoot own
	deletedItems caPoliciesDeletableRoot own; namedLocations []namedLocation own; policies []conditionalAccessPolicy own
	templates []conditionalAccessTemplate own
entity caPoliciesDeletableRoot : entity = namedLocations []namedLocation own; policies []conditionalAccessPolicy own
entity policyRoot : entity
	authenticationStrengthPolicies []authenticationStrengthPolicy own; conditionalAccessPolicies []conditionalAccessPolicy own
entity policyDeletableItem abstract = deletedDateTime instant ro
entity conditionalAccessPolicy : policyDeletableItem
	conditions conditionalAccessConditionSet!; createdDateTime instant ro; description string; displayName string!
	grantControls conditionalAccessGrantControls; id string! ro; modifiedDateTime instant ro
	sessionControls conditionalAccessSessionControls; state conditionalAccessPolicyState!; postern posternExtension
	v1.0: templateId string
entity conditionalAccessTemplate : entity
	description string!; details conditionalAccessPolicyDetail!; name string!; scenarios templateScenarios!
complex conditionalAccessPolicyDetail
	conditions conditionalAccessConditionSet!; grantControls conditionalAccessGrantControls
	sessionControls conditionalAccessSessionControls
flags templateScenarios = new secureFoundation zeroTrust remoteWork=4 protectAdmins=8 emergingThreats=16 unknownFutureValue=32
entity namedLocation : policyDeletableItem
	createdDateTime instant ro; displayName string!; id string! ro; modifiedDateTime instant ro; postern posternExtension
entity ipNamedLocation : namedLocation = ipRanges []ipRange!; isTrusted bool!
entity countryNamedLocation : namedLocation
	countriesAndRegions []string!; countryLookupMethod countryLookupMethodType; includeUnknownCountriesAndRegions bool!
beta: entity compliantNetworkNamedLocation : namedLocation = compliantNetworkType compliantNetworkType; isTrusted bool
complex ipRange abstract
complex iPv4CidrRange : ipRange = cidrAddress string!
complex iPv6CidrRange : ipRange = cidrAddress string!
complex iPv4Range : ipRange = lowerAddress string!; upperAddress string!
complex iPv6Range : ipRange = lowerAddress string!; upperAddress string!
complex conditionalAccessSessionControl abstract = isEnabled bool
complex conditionalAccessExternalTenants abstract = membershipKind conditionalAccessExternalTenantsMembershipKind
complex conditionalAccessAllExternalTenants : conditionalAccessExternalTenants
complex conditionalAccessEnumeratedExternalTenants : conditionalAccessExternalTenants = members []string!
entity whatIfAnalysisResult : conditionalAccessPolicy = analysisReasons whatIfAnalysisReasons!; policyApplies bool!
complex signInIdentity abstract
complex userSignIn : signInIdentity
	externalTenantId string; externalUserType conditionalAccessGuestOrExternalUserTypes!; userId string
complex servicePrincipalSignIn : signInIdentity = servicePrincipalId string
complex signInContext abstract
complex applicationContext : signInContext = includeApplications []string!
complex userActionContext : signInContext = userAction userAction
complex authContext : signInContext = authenticationContextValue string
complex signInConditions
	authenticationFlow authenticationFlow; clientAppType conditionalAccessClientApp; country string; deviceInfo deviceInfo
	devicePlatform conditionalAccessDevicePlatform; insiderRiskLevel insiderRiskLevel; ipAddress string
	servicePrincipalRiskLevel riskLevel; signInRiskLevel riskLevel; userRiskLevel riskLevel
	beta: agentIdRiskLevel agentIdRiskLevel
entity authenticationStrengthRoot : entity
	combinations []authenticationMethodModes!; policies []authenticationStrengthPolicy own
	authenticationMethodModes []authenticationMethodModeDetail own
	beta: authenticationCombinations []authenticationMethodModes!
entity authenticationStrengthPolicy : entity
	allowedCombinations []authenticationMethodModes!; createdDateTime instant! ro; description string; displayName string!
	modifiedDateTime instant! ro; policyType authenticationStrengthPolicyType!; requirementsSatisfied authenticationStrengthRequirements!
	combinationConfigurations []authenticationCombinationConfiguration own
entity authenticationContextClassReference : entity = description string; displayName string; isAvailable bool
complex authenticationFlow = transferMethod conditionalAccessTransferMethods
complex deviceInfo
	deviceId string; displayName string; enrollmentProfileName string; extensionAttribute1 string; extensionAttribute10 string
	extensionAttribute11 string; extensionAttribute12 string; extensionAttribute13 string; extensionAttribute14 string
	extensionAttribute15 string; extensionAttribute2 string; extensionAttribute3 string; extensionAttribute4 string
	extensionAttribute5 string; extensionAttribute6 string; extensionAttribute7 string; extensionAttribute8 string
	extensionAttribute9 string; isCompliant bool; manufacturer string; mdmAppId string; model string; operatingSystem string
	operatingSystemVersion string; ownership string; physicalIds []string; profileType string; systemLabels []string; trustType string
beta: complex agentSignIn : signInIdentity = agentServicePrincipalId string
complex applicationEnforcedRestrictionsSessionControl : conditionalAccessSessionControl
complex cloudAppSecuritySessionControl : conditionalAccessSessionControl = cloudAppSecurityType cloudAppSecuritySessionControlType
complex persistentBrowserSessionControl : conditionalAccessSessionControl = mode persistentBrowserSessionMode
complex secureSignInSessionControl : conditionalAccessSessionControl
complex signInFrequencySessionControl : conditionalAccessSessionControl
	authenticationType signInFrequencyAuthenticationType; frequencyInterval signInFrequencyInterval; type signinFrequencyType; value int32
beta: complex globalSecureAccessFilteringProfileSessionControl : conditionalAccessSessionControl = profileId string
complex conditionalAccessConditionSet
	applications conditionalAccessApplications; authenticationFlows conditionalAccessAuthenticationFlows
	clientApplications conditionalAccessClientApplications; clientAppTypes []conditionalAccessClientApp!; devices conditionalAccessDevices
	insiderRiskLevels conditionalAccessInsiderRiskLevels; locations conditionalAccessLocations; platforms conditionalAccessPlatforms
	servicePrincipalRiskLevels []riskLevel!; signInRiskLevels []riskLevel!; userRiskLevels []riskLevel!; users conditionalAccessUsers
	beta: agentIdRiskLevels conditionalAccessAgentIdRiskLevels; deviceStates conditionalAccessDeviceStates
complex conditionalAccessGrantControls
	builtInControls []conditionalAccessGrantControl!; customAuthenticationFactors []string!; operator string; termsOfUse []string!
	authenticationStrength authenticationStrengthPolicy own
complex conditionalAccessSessionControls
	applicationEnforcedRestrictions applicationEnforcedRestrictionsSessionControl; cloudAppSecurity cloudAppSecuritySessionControl
	disableResilienceDefaults bool; persistentBrowser persistentBrowserSessionControl; secureSignInSession secureSignInSessionControl
	signInFrequency signInFrequencySessionControl
	beta: continuousAccessEvaluation continuousAccessEvaluationSessionControl
	beta: globalSecureAccessFilteringProfile globalSecureAccessFilteringProfileSessionControl
beta: complex continuousAccessEvaluationSessionControl = mode continuousAccessEvaluationMode
complex conditionalAccessApplications
	applicationFilter conditionalAccessFilter; excludeApplications []string!; includeApplications []string!
	includeAuthenticationContextClassReferences []string!; includeUserActions []string!
	beta: globalSecureAccess conditionalAccessGlobalSecureAccess; networkAccess conditionalAccessNetworkAccess
complex conditionalAccessAuthenticationFlows = transferMethods conditionalAccessTransferMethods!
complex conditionalAccessClientApplications
	excludeServicePrincipals []string!; includeServicePrincipals []string!; servicePrincipalFilter conditionalAccessFilter
	beta: agentIdServicePrincipalFilter conditionalAccessFilter; excludeAgentIdServicePrincipals []string!
	beta: includeAgentIdServicePrincipals []string!
complex conditionalAccessDevices = deviceFilter conditionalAccessFilter
	beta: excludeDevices []string!; excludeDeviceStates []string!; includeDevices []string!; includeDeviceStates []string!
complex conditionalAccessLocations = excludeLocations []string!; includeLocations []string!
complex conditionalAccessPlatforms
	excludePlatforms []conditionalAccessDevicePlatform!; includePlatforms []conditionalAccessDevicePlatform!
complex conditionalAccessUsers
	excludeGroups []string!; excludeGuestsOrExternalUsers conditionalAccessGuestsOrExternalUsers; excludeRoles []string!
	excludeUsers []string!; includeGroups []string!; includeGuestsOrExternalUsers conditionalAccessGuestsOrExternalUsers
	includeRoles []string!; includeUsers []string!
beta: complex conditionalAccessDeviceStates = excludeStates []string!; includeStates []string!
complex conditionalAccessGuestsOrExternalUsers
	externalTenants conditionalAccessExternalTenants; guestOrExternalUserTypes conditionalAccessGuestOrExternalUserTypes!
complex conditionalAccessFilter = mode filterMode!; rule string!
beta: complex conditionalAccessGlobalSecureAccess
beta: complex conditionalAccessNetworkAccess
`
