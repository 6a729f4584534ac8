package served

// container declares our own extension, where the model is entered, and what can be called.
const container = `
complex posternExtension open
set users user
set groups group
set devices device
set directoryObjects directoryObject
set applications application
set servicePrincipals servicePrincipal
set organization organization
singleton deviceAppManagement deviceAppManagement
singleton deviceManagement deviceManagement
singleton identity identityContainer
singleton identityProtection identityProtectionRoot
singleton auditLogs auditLogRoot
singleton policies policyRoot
action addKey on application! -> keyCredential = keyCredential keyCredential!; passwordCredential passwordCredential; proof string!
v1.0: action addKey on servicePrincipal! -> keyCredential
	keyCredential keyCredential!; passwordCredential passwordCredential; proof string!
action addPassword on application! -> passwordCredential = passwordCredential passwordCredential
v1.0: action addPassword on servicePrincipal! -> passwordCredential = passwordCredential passwordCredential
beta: action assign on roleScopeTag -> []roleScopeTagAutoAssignment = assignments []roleScopeTagAutoAssignment
action assign on targetedManagedAppConfiguration = assignments []targetedManagedAppPolicyAssignment
beta: action assign on windowsManagedAppProtection = assignments []targetedManagedAppPolicyAssignment
beta: action changeSettings on targetedManagedAppConfiguration = settings []deviceManagementConfigurationSetting
action checkMemberGroups on directoryObject! -> []string = groupIds []string!
action checkMemberObjects on directoryObject! -> []string = ids []string!
function delta on []application -> []application
v1.0: function delta on []device -> []device
function delta on []directoryObject -> []directoryObject
function delta on []group -> []group
function delta on []servicePrincipal -> []servicePrincipal
function delta on []user -> []user
beta: action enable on []deviceAndAppManagementAssignmentFilter = enable bool!
action confirmCompromised on []riskyUser = userIds []string
action confirmSafe on []riskyUser = userIds []string
action dismiss on []riskyUser = userIds []string
action evaluate on conditionalAccessRoot -> []whatIfAnalysisResult
	signInIdentity signInIdentity; signInContext signInContext; signInConditions signInConditions; appliedPoliciesOnly bool
beta: action evaluateAssignmentFilter on deviceManagement -> stream = data assignmentFilterEvaluateRequest
function getAuditActivityTypes on []auditEvent -> []string = category string
function getAuditCategories on []auditEvent -> []string
action getByIds on []directoryObject! -> []directoryObject = ids []string!; types []string
function getEffectivePermissions on deviceManagement -> []rolePermission = scope string
beta: function getEffectivePermissions on deviceManagement -> []string
beta: function getManagedAppBlockedUsers on []user -> []string
function getManagedAppDiagnosticStatuses on user -> []managedAppDiagnosticStatus
function getManagedAppPolicies on user -> []managedAppPolicy
action getMemberGroups on directoryObject! -> []string = securityEnabledOnly bool
action getMemberObjects on directoryObject! -> []string = securityEnabledOnly bool
beta: function getPlatformSupportedProperties on []deviceAndAppManagementAssignmentFilter -> []assignmentFilterSupportedProperty
	platform devicePlatformType!
beta: action getRoleScopeTagsById on []roleScopeTag -> []roleScopeTag = roleScopeTagIds []string
beta: function getRoleScopeTagsByIds on deviceManagement -> []roleScopeTag = ids []string
beta: function getScopesForUser on resourceOperation -> []string = userid string
beta: function getState on []deviceAndAppManagementAssignmentFilter -> assignmentFilterState
beta: function getSupportedProperties on deviceAndAppManagementAssignmentFilter -> []assignmentFilterSupportedProperty
function getUserIdsWithFlaggedAppRegistration on []managedAppRegistration -> []string
beta: function hasCustomRoleScopeTag on []roleScopeTag -> bool
beta: function isManagedAppUserBlocked on user -> bool
action removeKey on application! = keyId guid!; proof string!
v1.0: action removeKey on servicePrincipal! = keyId guid!; proof string!
action removePassword on application! = keyId guid!
v1.0: action removePassword on servicePrincipal! = keyId guid!
action restore on conditionalAccessPolicy! -> conditionalAccessPolicy
action restore on namedLocation! -> namedLocation
action revokeSignInSessions on user! -> bool
beta: function scopedForResource on deviceManagement -> bool = resource string
action targetApps on managedAppPolicy = apps []managedMobileApp
action targetApps on managedAppProtection = apps []managedMobileApp
action targetApps on targetedManagedAppConfiguration = apps []managedMobileApp; appGroupType targetedManagedAppGroupType
beta: action targetApps on windowsManagedAppProtection = apps []managedMobileApp
beta: action unblockManagedApps on user
beta: action validateFilter on []deviceAndAppManagementAssignmentFilter -> assignmentFilterValidationResult
	deviceAndAppManagementAssignmentFilter deviceAndAppManagementAssignmentFilter
beta: action wipeAndBlockManagedApps on user
beta: action wipeManagedAppRegistrationByDeviceTag on user = deviceTag string
beta: action wipeManagedAppRegistrationsByAzureAdDeviceId on user = azureAdDeviceId string
action wipeManagedAppRegistrationsByDeviceTag on user = deviceTag string
`
