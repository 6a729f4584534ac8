package served

// managementTypes declares connectors, filters, roles, scope tags and audit events.
const managementTypes = `
entity deviceManagement : entity
	intuneAccountId guid!; subscriptionState deviceManagementSubscriptionState!; auditEvents []auditEvent own
	mobileThreatDefenseConnectors []mobileThreatDefenseConnector own; resourceOperations []resourceOperation own
	roleAssignments []deviceAndAppManagementRoleAssignment own; roleDefinitions []roleDefinition own
	beta: assignmentFilters []deviceAndAppManagementAssignmentFilter own; roleScopeTags []roleScopeTag own
entity mobileThreatDefenseConnector : entity
	allowPartnerToCollectIOSApplicationMetadata bool!; allowPartnerToCollectIOSPersonalApplicationMetadata bool!
	androidDeviceBlockedOnMissingPartnerData bool!; androidEnabled bool!; androidMobileApplicationManagementEnabled bool!
	iosDeviceBlockedOnMissingPartnerData bool!; iosEnabled bool!; iosMobileApplicationManagementEnabled bool!
	lastHeartbeatDateTime instant!; microsoftDefenderForEndpointAttachEnabled bool!; partnerState mobileThreatPartnerTenantState!
	partnerUnresponsivenessThresholdInDays int32!; partnerUnsupportedOsVersionBlocked bool!
	windowsDeviceBlockedOnMissingPartnerData bool!; windowsEnabled bool!; postern posternExtension
	beta: allowPartnerToCollectIosCertificateMetadata bool; allowPartnerToCollectIosPersonalCertificateMetadata bool
	beta: grantMobileThreatDefensePartnerRole bool; launchMobileThreatDefensePartnerOnSetupEnabled bool
	beta: macDeviceBlockedOnMissingPartnerData bool!; macEnabled bool!; windowsMobileApplicationManagementEnabled bool
beta: entity deviceAndAppManagementAssignmentFilter : entity
	assignmentFilterManagementType assignmentFilterManagementType; createdDateTime instant! ro; description string; displayName string!
	lastModifiedDateTime instant! ro; payloads []payloadByFilter; platform devicePlatformType!; roleScopeTags []string; rule string!
	postern posternExtension
beta: complex payloadByFilter = assignmentFilterType deviceAndAppManagementAssignmentFilterType; groupId string; payloadId string
	payloadType associatedAssignmentPayloadType
beta: complex assignmentFilterSupportedProperty
	dataType string; isCollection bool!; name string; propertyRegexConstraint string; supportedOperators []assignmentFilterOperator!
	supportedValues []string
beta: complex assignmentFilterState = enabled bool!
beta: complex assignmentFilterValidationResult = isValidRule bool!
beta: complex assignmentFilterEvaluateRequest
	orderBy []string; platform devicePlatformType!; rule string!; search string; skip int32!; top int32!
entity roleDefinition : entity
	description string; displayName string; isBuiltIn bool! ro; rolePermissions []rolePermission; roleAssignments []roleAssignment own
	postern posternExtension
	beta: isBuiltInRoleDefinition bool! ro; permissions []rolePermission; roleScopeTagIds []string
entity deviceAndAppManagementRoleDefinition : roleDefinition
complex rolePermission = resourceActions []resourceAction
	beta: actions []string
complex resourceAction = allowedResourceActions []string; notAllowedResourceActions []string
entity roleAssignment : entity = description string; displayName string; resourceScopes []string; roleDefinition roleDefinition nav
	beta: scopeMembers []string; scopeType roleAssignmentScopeType!
entity deviceAndAppManagementRoleAssignment : roleAssignment = members []string; postern posternExtension
	beta: roleScopeTagIds []string; roleScopeTags []roleScopeTag nav
beta: entity roleScopeTag : entity
	description string; displayName string; isBuiltIn bool! ro; assignments []roleScopeTagAutoAssignment own
beta: entity roleScopeTagAutoAssignment : entity = target deviceAndAppManagementAssignmentTarget
entity resourceOperation : entity = actionName string; description string; resourceName string
	beta: enabledForScopeValidation bool!; resource string
entity auditEvent : entity
	activity string ro; activityDateTime instant! ro; activityOperationType string ro; activityResult string ro; activityType string ro
	actor auditActor ro; category string ro; componentName string ro; correlationId guid! ro; displayName string ro
	resources []auditResource ro; postern posternExtension
complex auditActor
	applicationDisplayName string; applicationId string; auditActorType string; ipAddress string; servicePrincipalName string
	userId string; userPermissions []string; userPrincipalName string
	beta: remoteTenantId string; remoteUserId string; type string; userRoleScopeTags []roleScopeTagInfo
complex auditResource = auditResourceType string; displayName string; modifiedProperties []auditProperty; resourceId string
	beta: type string
complex auditProperty = displayName string; newValue string; oldValue string
beta: complex roleScopeTagInfo = displayName string; roleScopeTagId string
`
