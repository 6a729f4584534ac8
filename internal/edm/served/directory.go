package served

// directoryTypes declares people, groups, devices, apps and the tenant.
const directoryTypes = `
entity entity abstract = id string! ro
entity directoryObject : entity open = deletedDateTime instant ro
entity user : directoryObject open
	aboutMe string; accountEnabled bool; ageGroup string; assignedLicenses []assignedLicense!; birthday instant!; businessPhones []string!
	city string; companyName string; consentProvidedForMinor string; country string; createdDateTime instant ro; creationType string ro
	department string; displayName string; employeeHireDate instant; employeeId string; employeeLeaveDateTime instant
	employeeOrgData employeeOrgData; employeeType string; externalUserState string; faxNumber string; givenName string
	identities []objectIdentity; imAddresses []string; isManagementRestricted bool; isResourceAccount bool; jobTitle string
	lastPasswordChangeDateTime instant ro; legalAgeGroupClassification string; mail string; mailNickname string; mobilePhone string
	officeLocation string; onPremisesDistinguishedName string; onPremisesDomainName string
	onPremisesExtensionAttributes onPremisesExtensionAttributes; onPremisesImmutableId string; onPremisesLastSyncDateTime instant
	onPremisesSamAccountName string; onPremisesSecurityIdentifier string; onPremisesSyncEnabled bool; onPremisesUserPrincipalName string
	otherMails []string!; passwordPolicies string; passwordProfile passwordProfile; postalCode string; preferredDataLocation string
	preferredLanguage string; proxyAddresses []string!; securityIdentifier string ro; showInAddressList bool
	signInActivity signInActivity; signInSessionsValidFromDateTime instant; state string; streetAddress string; surname string
	usageLocation string; userPrincipalName string; userType string; directReports []directoryObject nav
	managedAppRegistrations []managedAppRegistration nav; manager directoryObject nav; memberOf []directoryObject nav
	ownedDevices []directoryObject nav; ownedObjects []directoryObject nav; registeredDevices []directoryObject nav
	transitiveMemberOf []directoryObject nav; postern posternExtension
	v1.0: externalUserStateChangeDateTime instant
	beta: externalUserStateChangeDateTime string; refreshTokensValidFromDateTime instant
	beta: managedAppLogCollectionRequests []managedAppLogCollectionRequest nav
entity group : directoryObject open
	allowExternalSenders bool; assignedLicenses []assignedLicense; autoSubscribeNewMembers bool; classification string
	createdDateTime instant ro; description string; displayName string; expirationDateTime instant; groupTypes []string!
	hideFromAddressLists bool; hideFromOutlookClients bool; isAssignableToRole bool; isManagementRestricted bool; mail string
	mailEnabled bool; mailNickname string; membershipRule string; membershipRuleProcessingState string; onPremisesDomainName string
	onPremisesLastSyncDateTime instant; onPremisesNetBiosName string; onPremisesSamAccountName string; onPremisesSecurityIdentifier string
	onPremisesSyncEnabled bool; preferredDataLocation string; preferredLanguage string; proxyAddresses []string!
	renewedDateTime instant ro; resourceBehaviorOptions []string!; resourceProvisioningOptions []string!; securityEnabled bool
	securityIdentifier string ro; theme string; uniqueName string; visibility string; createdOnBehalfOf directoryObject nav
	memberOf []directoryObject nav; members []directoryObject nav; owners []directoryObject nav; transitiveMemberOf []directoryObject nav
	transitiveMembers []directoryObject nav; postern posternExtension
	beta: createdByAppId string
entity device : directoryObject open
	accountEnabled bool; alternativeSecurityIds []alternativeSecurityId!; approximateLastSignInDateTime instant
	complianceExpirationDateTime instant; deviceCategory string; deviceId string; deviceMetadata string; deviceOwnership string
	deviceVersion int32; displayName string; enrollmentProfileName string; enrollmentType string; isCompliant bool; isManaged bool
	isManagementRestricted bool; isRooted bool; managementType string; manufacturer string; mdmAppId string; model string
	onPremisesLastSyncDateTime instant; onPremisesSecurityIdentifier string; onPremisesSyncEnabled bool; operatingSystem string
	operatingSystemVersion string; physicalIds []string!; profileType string; registrationDateTime instant; systemLabels []string!
	trustType string; memberOf []directoryObject nav; registeredOwners []directoryObject nav; registeredUsers []directoryObject nav
	transitiveMemberOf []directoryObject nav; postern posternExtension
	beta: extensionAttributes onPremisesExtensionAttributes
entity application : directoryObject open
	api apiApplication; appId string; appRoles []appRole!; createdByAppId string; createdDateTime instant ro; defaultRedirectUri string
	description string; disabledByMicrosoftStatus string; displayName string; groupMembershipClaims string; identifierUris []string!
	info informationalUrl; isDeviceOnlyAuthSupported bool; isDisabled bool; isFallbackPublicClient bool; keyCredentials []keyCredential!
	notes string; optionalClaims optionalClaims; passwordCredentials []passwordCredential!; publicClient publicClientApplication
	publisherDomain string; requiredResourceAccess []requiredResourceAccess!; samlMetadataUrl string; serviceManagementReference string
	signInAudience string; spa spaApplication; tags []string!; tokenEncryptionKeyId guid; uniqueName string; web webApplication
	createdOnBehalfOf directoryObject nav; owners []directoryObject nav; postern posternExtension
	v1.0: applicationTemplateId string; oauth2RequirePostResponse bool!
	beta: onPremisesPublishing onPremisesPublishing
beta: complex onPremisesPublishing
	alternateUrl string; applicationServerTimeout string; applicationType string; externalAuthenticationType externalAuthenticationType
	externalUrl string; internalUrl string; isBackendCertificateValidationEnabled bool; isContinuousAccessEvaluationEnabled bool
	isHttpOnlyCookieEnabled bool; isOnPremPublishingEnabled bool; isPersistentCookieEnabled bool; isSecureCookieEnabled bool
	isTranslateHostHeaderEnabled bool; isTranslateLinksInBodyEnabled bool; useAlternateUrlForTranslationAndRedirect bool
complex customSecurityAttributeValue open
entity servicePrincipal : directoryObject open
	customSecurityAttributes customSecurityAttributeValue
	accountEnabled bool; alternativeNames []string!; appDescription string; appDisplayName string ro; appId string
	applicationTemplateId string; appOwnerOrganizationId guid; appRoleAssignmentRequired bool!; appRoles []appRole!; createdByAppId string
	description string; disabledByMicrosoftStatus string; displayName string; homepage string; info informationalUrl; isDisabled bool
	keyCredentials []keyCredential!; loginUrl string; logoutUrl string; notes string; notificationEmailAddresses []string!
	passwordCredentials []passwordCredential!; preferredSingleSignOnMode string; preferredTokenSigningKeyThumbprint string
	replyUrls []string!; servicePrincipalNames []string!; servicePrincipalType string; signInAudience string; tags []string!
	tokenEncryptionKeyId guid; memberOf []directoryObject nav; ownedObjects []directoryObject nav; owners []directoryObject nav
	transitiveMemberOf []directoryObject nav; postern posternExtension
	v1.0: oauth2PermissionScopes []permissionScope!
	beta: publishedPermissionScopes []permissionScope!; samlMetadataUrl string
entity organization : directoryObject open
	businessPhones []string!; city string; country string; countryLetterCode string; createdDateTime instant ro
	defaultUsageLocation string; displayName string; marketingNotificationEmails []string!; mobileDeviceManagementAuthority mdmAuthority!
	onPremisesLastSyncDateTime instant; onPremisesSyncEnabled bool; postalCode string; preferredLanguage string
	securityComplianceNotificationMails []string!; securityComplianceNotificationPhones []string!; state string; street string
	technicalNotificationMails []string!; tenantType string; verifiedDomains []verifiedDomain!; postern posternExtension
complex verifiedDomain = capabilities string; isDefault bool; isInitial bool; name string; type string
complex appRole
	allowedMemberTypes []string!; description string; displayName string; id guid!; isEnabled bool!; origin string; value string
complex informationalUrl = logoUrl string; marketingUrl string; privacyStatementUrl string; supportUrl string; termsOfServiceUrl string
complex keyCredential
	customKeyIdentifier binary; displayName string; endDateTime instant; key binary; keyId guid; startDateTime instant; type string
	usage string
complex permissionScope
	adminConsentDescription string; adminConsentDisplayName string; id guid!; isEnabled bool!; origin string; type string
	userConsentDescription string; userConsentDisplayName string; value string
complex passwordCredential
	customKeyIdentifier binary; displayName string; endDateTime instant; hint string; keyId guid; secretText string; startDateTime instant
complex apiApplication = acceptMappedClaims bool; knownClientApplications []guid; oauth2PermissionScopes []permissionScope!
	preAuthorizedApplications []preAuthorizedApplication; requestedAccessTokenVersion int32
complex optionalClaims = accessToken []optionalClaim; idToken []optionalClaim; saml2Token []optionalClaim
complex publicClientApplication = redirectUris []string!
complex requiredResourceAccess = resourceAccess []resourceAccess!; resourceAppId string!
complex spaApplication = redirectUris []string!
complex webApplication = homePageUrl string; implicitGrantSettings implicitGrantSettings; logoutUrl string; redirectUris []string!
	redirectUriSettings []redirectUriSettings!
	beta: oauth2AllowImplicitFlow bool
complex implicitGrantSettings = enableAccessTokenIssuance bool; enableIdTokenIssuance bool
complex redirectUriSettings = index int32; uri string
complex resourceAccess = id guid!; type string
complex optionalClaim = additionalProperties []string; essential bool!; name string!; source string
complex preAuthorizedApplication
	v1.0: appId string; delegatedPermissionIds []string!
	beta: appId string!; permissionIds []string!
complex alternativeSecurityId = identityProvider string; key binary; type int32
complex onPremisesExtensionAttributes
	extensionAttribute1 string; extensionAttribute10 string; extensionAttribute11 string; extensionAttribute12 string
	extensionAttribute13 string; extensionAttribute14 string; extensionAttribute15 string; extensionAttribute2 string
	extensionAttribute3 string; extensionAttribute4 string; extensionAttribute5 string; extensionAttribute6 string
	extensionAttribute7 string; extensionAttribute8 string; extensionAttribute9 string
complex assignedLicense = disabledPlans []guid!; skuId guid
complex employeeOrgData = costCenter string; division string
complex objectIdentity = issuer string; issuerAssignedId string; signInType string
complex passwordProfile = forceChangePasswordNextSignIn bool; forceChangePasswordNextSignInWithMfa bool; password string
complex signInActivity = lastNonInteractiveSignInDateTime instant; lastNonInteractiveSignInRequestId string; lastSignInDateTime instant
	lastSignInRequestId string; lastSuccessfulSignInDateTime instant; lastSuccessfulSignInRequestId string
`
