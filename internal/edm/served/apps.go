package served

// appTypes declares app protection, app configuration and registrations.
const appTypes = `
entity deviceAppManagement : entity = managedAppPolicies []managedAppPolicy own; managedAppRegistrations []managedAppRegistration own
	managedAppStatuses []managedAppStatus own; targetedManagedAppConfigurations []targetedManagedAppConfiguration own
	beta: windowsManagedAppProtections []windowsManagedAppProtection own
entity managedAppPolicy : entity abstract
	createdDateTime instant! ro; description string; displayName string!; lastModifiedDateTime instant! ro; version string ro
	postern posternExtension
	beta: roleScopeTagIds []string
entity managedAppProtection : managedAppPolicy abstract
	allowedDataStorageLocations []managedAppDataStorageLocation!; allowedInboundDataTransferSources managedAppDataTransferLevel!
	allowedOutboundClipboardSharingLevel managedAppClipboardSharingLevel!
	allowedOutboundDataTransferDestinations managedAppDataTransferLevel!; contactSyncBlocked bool!; dataBackupBlocked bool!
	deviceComplianceRequired bool!; disableAppPinIfDevicePinIsSet bool!; fingerprintBlocked bool!; managedBrowser managedBrowserType!
	managedBrowserToOpenLinksRequired bool!; maximumPinRetries int32!; minimumPinLength int32!; minimumRequiredAppVersion string
	minimumRequiredOsVersion string; minimumWarningAppVersion string; minimumWarningOsVersion string
	organizationalCredentialsRequired bool!; periodBeforePinReset duration!; periodOfflineBeforeAccessCheck duration!
	periodOfflineBeforeWipeIsEnforced duration!; periodOnlineBeforeAccessCheck duration!; pinCharacterSet managedAppPinCharacterSet!
	pinRequired bool!; printBlocked bool!; saveAsBlocked bool!; simplePinBlocked bool!
	beta: allowedDataIngestionLocations []managedAppDataIngestionLocation!; allowedOutboundClipboardSharingExceptionLength int32!
	beta: appActionIfDeviceComplianceRequired managedAppRemediationAction!
	beta: appActionIfMaximumPinRetriesExceeded managedAppRemediationAction!
	beta: appActionIfUnableToAuthenticateUser managedAppRemediationAction; blockDataIngestionIntoOrganizationDocuments bool!
	beta: dialerRestrictionLevel managedAppPhoneNumberRedirectLevel!; gracePeriodToBlockAppsDuringOffClockHours duration
	beta: maximumAllowedDeviceThreatLevel managedAppDeviceThreatLevel!; maximumRequiredOsVersion string; maximumWarningOsVersion string
	beta: maximumWipeOsVersion string; minimumWipeAppVersion string; minimumWipeOsVersion string
	beta: mobileThreatDefensePartnerPriority mobileThreatDefensePartnerPriority
	beta: mobileThreatDefenseRemediationAction managedAppRemediationAction!; notificationRestriction managedAppNotificationRestriction!
	beta: pinRequiredInsteadOfBiometricTimeout duration; previousPinBlockCount int32!
	beta: protectedMessagingRedirectAppType messagingRedirectAppType
	beta: purviewContentEvaluationRequired managedAppPurviewEvaluationRequirement
beta: entity windowsManagedAppProtection : managedAppPolicy = allowedInboundDataTransferSources windowsManagedAppDataTransferLevel!
	allowedOutboundClipboardSharingLevel windowsManagedAppClipboardSharingLevel!
	allowedOutboundDataTransferDestinations windowsManagedAppDataTransferLevel!
	appActionIfUnableToAuthenticateUser managedAppRemediationAction; deployedAppCount int32! ro; isAssigned bool! ro
	maximumAllowedDeviceThreatLevel managedAppDeviceThreatLevel!; maximumRequiredOsVersion string; maximumWarningOsVersion string
	maximumWipeOsVersion string; minimumRequiredAppVersion string; minimumRequiredOsVersion string; minimumRequiredSdkVersion string
	minimumWarningAppVersion string; minimumWarningOsVersion string; minimumWipeAppVersion string; minimumWipeOsVersion string
	minimumWipeSdkVersion string; mobileThreatDefenseRemediationAction managedAppRemediationAction!
	periodOfflineBeforeAccessCheck duration!; periodOfflineBeforeWipeIsEnforced duration!; printBlocked bool!; apps []managedMobileApp own
	assignments []targetedManagedAppPolicyAssignment own; deploymentSummary managedAppPolicyDeploymentSummary nav
entity managedAppConfiguration : managedAppPolicy abstract = customSettings []keyValuePair!
	beta: settings []deviceManagementConfigurationSetting nav
entity targetedManagedAppConfiguration : managedAppConfiguration
	deployedAppCount int32! ro; isAssigned bool! ro; apps []managedMobileApp own; assignments []targetedManagedAppPolicyAssignment own
	deploymentSummary managedAppPolicyDeploymentSummary own
	beta: appGroupType targetedManagedAppGroupType!; targetedAppManagementLevels appManagementLevel
entity managedMobileApp : entity = mobileAppIdentifier mobileAppIdentifier; version string ro
complex mobileAppIdentifier abstract
beta: complex windowsAppIdentifier : mobileAppIdentifier = windowsAppId string!
complex androidMobileAppIdentifier : mobileAppIdentifier = packageId string!
complex iosMobileAppIdentifier : mobileAppIdentifier = bundleId string!
beta: complex macAppIdentifier : mobileAppIdentifier = bundleId string!
entity targetedManagedAppPolicyAssignment : entity = target deviceAndAppManagementAssignmentTarget
	beta: source deviceAndAppManagementAssignmentSource!; sourceId string
complex deviceAndAppManagementAssignmentTarget abstract
	beta: deviceAndAppManagementAssignmentFilterId string
	beta: deviceAndAppManagementAssignmentFilterType deviceAndAppManagementAssignmentFilterType!
complex allDevicesAssignmentTarget : deviceAndAppManagementAssignmentTarget
complex allLicensedUsersAssignmentTarget : deviceAndAppManagementAssignmentTarget
complex configurationManagerCollectionAssignmentTarget : deviceAndAppManagementAssignmentTarget = collectionId string
complex exclusionGroupAssignmentTarget : groupAssignmentTarget
complex groupAssignmentTarget : deviceAndAppManagementAssignmentTarget = groupId string
entity managedAppPolicyDeploymentSummary : entity
	configurationDeployedUserCount int32! ro; configurationDeploymentSummaryPerApp []managedAppPolicyDeploymentSummaryPerApp ro
	displayName string ro; lastRefreshTime instant! ro; version string ro
complex managedAppPolicyDeploymentSummaryPerApp = configurationAppliedUserCount int32! ro; mobileAppIdentifier mobileAppIdentifier ro
complex keyValuePair = name string!; value string
entity managedAppRegistration : entity abstract
	appIdentifier mobileAppIdentifier ro; applicationVersion string ro; createdDateTime instant! ro; deviceName string ro
	deviceTag string ro; deviceType string ro; flaggedReasons []managedAppFlaggedReason! ro; lastSyncDateTime instant! ro
	managementSdkVersion string ro; platformVersion string ro; userId string ro; version string ro; appliedPolicies []managedAppPolicy own
	intendedPolicies []managedAppPolicy own; operations []managedAppOperation own; postern posternExtension
	beta: azureADDeviceId string ro; deviceManufacturer string ro; deviceModel string ro; managedDeviceId string ro
	beta: managedAppLogCollectionRequests []managedAppLogCollectionRequest nav
beta: entity windowsManagedAppRegistration : managedAppRegistration
entity managedAppOperation : entity
	displayName string ro; lastModifiedDateTime instant! ro; state string ro; version string ro; postern posternExtension
entity managedAppStatus : entity abstract = displayName string; version string ro; postern posternExtension
entity managedAppStatusRaw : managedAppStatus = content any
beta: entity managedAppLogCollectionRequest : entity
	completedDateTime instant; managedAppRegistrationId string; requestedByUserPrincipalName string; requestedDateTime instant
	uploadedLogs []managedAppLogUpload; userLogUploadConsent managedAppLogUploadConsent; version string ro; postern posternExtension
beta: complex managedAppLogUpload = managedAppComponentDescription string; referenceId string; status managedAppLogUploadState
complex managedAppDiagnosticStatus = mitigationInstruction string; state string; validationName string
`
