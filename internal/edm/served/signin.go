package served

// logTypes declares the sign-in log and the directory's audit log.
const logTypes = `
entity auditLogRoot = directoryAudits []directoryAudit own; signIns []signIn own
entity directoryAudit : entity
	activityDateTime instant! ro; activityDisplayName string! ro; additionalDetails []keyValue ro; category string! ro
	correlationId string ro; initiatedBy auditActivityInitiator! ro; loggedByService string ro; operationType string ro
	result operationResult ro; resultReason string ro; targetResources []targetResource ro; postern posternExtension
	beta: performedBy auditActivityPerformer ro; userAgent string ro
entity identityProtectionRoot = riskyUsers []riskyUser own
entity riskyUser : entity
	isDeleted bool ro; isProcessing bool ro; riskDetail riskDetail ro; riskLastUpdatedDateTime instant ro; riskLevel riskLevel ro
	riskState riskState ro; userDisplayName string ro; userPrincipalName string ro
entity signIn : entity
	appDisplayName string ro; appId string ro; appliedConditionalAccessPolicies []appliedConditionalAccessPolicy ro
	clientAppUsed string ro; conditionalAccessStatus conditionalAccessStatus ro; correlationId string ro; createdDateTime instant! ro
	deviceDetail deviceDetail ro; homeTenantId string ro; ipAddress string ro; isInteractive bool ro; location signInLocation ro
	resourceDisplayName string ro; resourceId string ro; resourceTenantId string ro; riskDetail riskDetail ro
	riskEventTypes_v2 []string ro; riskLevelAggregated riskLevel ro; riskLevelDuringSignIn riskLevel ro; riskState riskState ro
	servicePrincipalName string ro; status signInStatus ro; userAgent string ro; userDisplayName string ro; userId string! ro
	userPrincipalName string ro; postern posternExtension
	v1.0: riskEventTypes []riskEventType ro; servicePrincipalId string ro
	beta: appOwnerTenantId string ro; authenticationContextClassReferences []authenticationContext ro
	beta: authenticationDetails []authenticationDetail ro; authenticationMethodsUsed []string ro
	beta: authenticationProcessingDetails []keyValue ro; authenticationProtocol protocolType ro; authenticationRequirement string ro
	beta: authenticationRequirementPolicies []authenticationRequirementPolicy ro; autonomousSystemNumber int32 ro
	beta: clientCredentialType clientCredentialType ro; conditionalAccessAudiences []string ro; flaggedForReview bool ro
	beta: homeTenantName string ro; incomingTokenType incomingTokenType ro; ipAddressFromResourceProvider string ro
	beta: isTenantRestricted bool ro; networkLocationDetails []networkLocationDetail ro; originalRequestId string ro
	beta: processingTimeInMilliseconds int32 ro; resourceOwnerTenantId string ro; resourceServicePrincipalId string ro
	beta: servicePrincipalCredentialKeyId string ro; servicePrincipalCredentialThumbprint string ro; servicePrincipalId string! ro
	beta: crossTenantAccessType signInAccessType ro; originalTransferMethod originalTransferMethods ro
	beta: sessionId string ro; sessionLifetimePolicies []sessionLifetimePolicy ro; signInEventTypes []string ro
	beta: signInTokenProtectionStatus tokenProtectionStatus ro
	beta: signInIdentifier string ro; signInIdentifierType signInIdentifierType ro; tokenIssuerName string ro
	beta: tokenIssuerType tokenIssuerType ro; uniqueTokenIdentifier string ro; userType signInUserType ro
complex appliedConditionalAccessPolicy
	displayName string; enforcedGrantControls []string; enforcedSessionControls []string; id string
	result appliedConditionalAccessPolicyResult; postern posternExtension
	beta: authenticationStrength authenticationStrength; conditionsNotSatisfied conditionalAccessConditions
	beta: conditionsSatisfied conditionalAccessConditions; excludeRulesSatisfied []conditionalAccessRuleSatisfied
	beta: includeRulesSatisfied []conditionalAccessRuleSatisfied; sessionControlsNotSatisfied []string
beta: complex authenticationStrength
	authenticationStrengthId string; authenticationStrengthResult authenticationStrengthResult; displayName string
beta: complex conditionalAccessRuleSatisfied
	conditionalAccessCondition conditionalAccessConditions; ruleSatisfied conditionalAccessRule
complex deviceDetail
	browser string; deviceId string; displayName string; isCompliant bool; isManaged bool; operatingSystem string; trustType string
	beta: browserId string
complex signInLocation = city string; countryOrRegion string; geoCoordinates geoCoordinates; state string
complex signInStatus = additionalDetails string; errorCode int32; failureReason string
beta: complex authenticationContext = detail authenticationContextDetail; id string
beta: complex authenticationDetail = authenticationMethod string; authenticationMethodDetail string; authenticationStepDateTime instant
	authenticationStepRequirement string; authenticationStepResultDetail string; succeeded bool
complex keyValue = key string; value string
beta: complex authenticationRequirementPolicy = detail string; requirementProvider requirementProvider
beta: complex networkLocationDetail = networkNames []string; networkType networkType
beta: complex sessionLifetimePolicy = detail string; expirationRequirement expirationRequirement
complex geoCoordinates = altitude double; latitude double; longitude double
complex auditActivityInitiator = app appIdentity
	v1.0: user userIdentity
	beta: linkableIdentifiers linkableIdentifiers; user auditUserIdentity
complex targetResource
	displayName string; groupType groupType; id string; modifiedProperties []modifiedProperty; type string; userPrincipalName string
beta: complex auditActivityPerformer = appId string; blueprintId string; identityType auditIdentityType
complex modifiedProperty = displayName string; newValue string; oldValue string
complex appIdentity = appId string; displayName string; servicePrincipalId string; servicePrincipalName string
complex userIdentity : identity open = ipAddress string; userPrincipalName string
beta: complex linkableIdentifiers = deviceId string; sessionId string; tokenDetails tokenDetails
beta: complex auditUserIdentity : userIdentity open = homeTenantId string; homeTenantName string
beta: complex tokenDetails = issuedAtDateTime instant; uniqueTokenIdentifier string
complex identity open = displayName string; id string
`
