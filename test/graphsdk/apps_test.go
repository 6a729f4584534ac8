package graphsdk_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/deviceappmanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// windowsApp is how an identifier of a Windows app travels through a model that
// has no class for it.
func windowsApp(id string) models.ManagedMobileAppable {
	identifier := models.NewMobileAppIdentifier()
	identifier.SetOdataType(pointer("#microsoft.graph.windowsAppIdentifier"))
	identifier.SetAdditionalData(map[string]any{"windowsAppId": id})
	app := models.NewManagedMobileApp()
	app.SetMobileAppIdentifier(identifier)
	return app
}

func configurationsLive(t *testing.T, g graph) {
	ctx := t.Context()
	pair := models.NewKeyValuePair()
	pair.SetName(pointer("com.microsoft.intune.mam.managedbrowser.homepage"))
	pair.SetValue(pointer("https://intranet.example"))
	fresh := models.NewTargetedManagedAppConfiguration()
	fresh.SetDisplayName(pointer("Edge"))
	fresh.SetCustomSettings([]models.KeyValuePairable{pair})
	all := g.apps().TargetedManagedAppConfigurations()
	made, err := all.Post(ctx, fresh, nil)
	check(t, err)
	if settings := made.GetCustomSettings(); len(settings) != 1 || deref(settings[0].GetValue()) != "https://intranet.example" {
		t.Errorf("customSettings has %d pairs", len(settings))
	}
	one := all.ByTargetedManagedAppConfigurationId(*made.GetId())
	target := deviceappmanagement.NewTargetedManagedAppConfigurationsItemTargetAppsPostRequestBody()
	target.SetApps([]models.ManagedMobileAppable{windowsApp("com.microsoft.edge")})
	check(t, one.TargetApps().Post(ctx, target, nil))
	everybody := models.NewTargetedManagedAppPolicyAssignment()
	everybody.SetTarget(models.NewAllLicensedUsersAssignmentTarget())
	assign := deviceappmanagement.NewTargetedManagedAppConfigurationsItemAssignPostRequestBody()
	assign.SetAssignments([]models.TargetedManagedAppPolicyAssignmentable{everybody})
	check(t, one.Assign().Post(ctx, assign, nil))
	apps, err := one.Apps().Get(ctx, nil)
	check(t, err)
	if len(apps.GetValue()) != 1 || apps.GetValue()[0].GetMobileAppIdentifier() == nil {
		t.Errorf("%d apps", len(apps.GetValue()))
	}
	read, err := one.Get(ctx, &deviceappmanagement.TargetedManagedAppConfigurationsTargetedManagedAppConfigurationItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &deviceappmanagement.TargetedManagedAppConfigurationsTargetedManagedAppConfigurationItemRequestBuilderGetQueryParameters{Expand: []string{"apps", "assignments"}},
	})
	check(t, err)
	if len(read.GetApps()) != 1 || len(read.GetAssignments()) != 1 || !*read.GetIsAssigned() {
		t.Fatalf("%d apps, %d assignments", len(read.GetApps()), len(read.GetAssignments()))
	}
	if _, ok := read.GetAssignments()[0].GetTarget().(models.AllLicensedUsersAssignmentTargetable); !ok {
		t.Errorf("the target is %T", read.GetAssignments()[0].GetTarget())
	}
	change := models.NewTargetedManagedAppConfiguration()
	change.SetDescription(pointer("the intranet's page"))
	patched, err := one.Patch(ctx, change, nil)
	check(t, err)
	if patched == nil || deref(patched.GetDescription()) != "the intranet's page" || len(patched.GetCustomSettings()) != 1 {
		t.Errorf("after a change: %v", patched)
	}
	policies, err := g.apps().ManagedAppPolicies().Get(ctx, nil)
	check(t, err)
	if !slices.ContainsFunc(policies.GetValue(), func(p models.ManagedAppPolicyable) bool {
		_, ok := p.(models.TargetedManagedAppConfigurationable)
		return ok && deref(p.GetId()) == *made.GetId()
	}) {
		t.Error("managedAppPolicies does not have it with its own type")
	}
	check(t, one.Delete(ctx, nil))
}

func registrationsAreListed(t *testing.T, g graph) {
	ctx := t.Context()
	list, err := g.apps().ManagedAppRegistrations().Get(ctx, nil)
	check(t, err)
	n, err := g.apps().ManagedAppRegistrations().Count().Get(ctx, nil)
	check(t, err)
	if len(list.GetValue()) != 0 || *n != 0 {
		t.Errorf("%d registrations, counted %d; nobody enrolled", len(list.GetValue()), *n)
	}
}

func accessPoliciesLive(t *testing.T, g graph) {
	ctx := t.Context()
	people, targets := models.NewConditionalAccessUsers(), models.NewConditionalAccessApplications()
	people.SetIncludeUsers([]string{"All"})
	targets.SetIncludeApplications([]string{"All"})
	conditions := models.NewConditionalAccessConditionSet()
	conditions.SetUsers(people)
	conditions.SetApplications(targets)
	conditions.SetClientAppTypes([]models.ConditionalAccessClientApp{models.BROWSER_CONDITIONALACCESSCLIENTAPP})
	controls := models.NewConditionalAccessGrantControls()
	controls.SetOperator(pointer("OR"))
	controls.SetBuiltInControls([]models.ConditionalAccessGrantControl{models.COMPLIANTAPPLICATION_CONDITIONALACCESSGRANTCONTROL})
	fresh := models.NewConditionalAccessPolicy()
	fresh.SetDisplayName(pointer("Browsers need app protection"))
	fresh.SetState(pointer(models.ENABLEDFORREPORTINGBUTNOTENFORCED_CONDITIONALACCESSPOLICYSTATE))
	fresh.SetConditions(conditions)
	fresh.SetGrantControls(controls)
	all := g.identity().ConditionalAccess().Policies()
	made, err := all.Post(ctx, fresh, nil)
	check(t, err)
	if c := made.GetGrantControls().GetBuiltInControls(); len(c) != 1 || c[0] != models.COMPLIANTAPPLICATION_CONDITIONALACCESSGRANTCONTROL {
		t.Errorf("builtInControls is %v", c)
	}
	one := all.ByConditionalAccessPolicyId(*made.GetId())
	change := models.NewConditionalAccessPolicy()
	change.SetState(pointer(models.DISABLED_CONDITIONALACCESSPOLICYSTATE))
	_, err = one.Patch(ctx, change, nil)
	check(t, err)
	read, err := one.Get(ctx, nil)
	check(t, err)
	if *read.GetState() != models.DISABLED_CONDITIONALACCESSPOLICYSTATE || !slices.Equal(read.GetConditions().GetUsers().GetIncludeUsers(), []string{"All"}) {
		t.Errorf("after a change: %v", *read.GetState())
	}
	check(t, one.Delete(ctx, nil))
	_, err = one.Get(ctx, nil)
	if e := new(odataerrors.ODataError); !errors.As(err, &e) || e.ResponseStatusCode != http.StatusNotFound {
		t.Errorf("after removal: %v", err)
	}
}

func connectorsLive(t *testing.T, g graph) {
	ctx := t.Context()
	all := g.devices().MobileThreatDefenseConnectors()
	fresh := models.NewMobileThreatDefenseConnector()
	fresh.SetPartnerState(pointer(models.ENABLED_MOBILETHREATPARTNERTENANTSTATE))
	fresh.SetPartnerUnresponsivenessThresholdInDays(pointer(int32(3)))
	made, err := all.Post(ctx, fresh, nil)
	check(t, err)
	one := all.ByMobileThreatDefenseConnectorId(*made.GetId())
	change := models.NewMobileThreatDefenseConnector()
	change.SetWindowsDeviceBlockedOnMissingPartnerData(pointer(true))
	_, err = one.Patch(ctx, change, nil)
	check(t, err)
	read, err := one.Get(ctx, nil)
	check(t, err)
	if !*read.GetWindowsDeviceBlockedOnMissingPartnerData() || *read.GetPartnerUnresponsivenessThresholdInDays() != 3 || read.GetPartnerState() == nil {
		t.Errorf("after a change: %v", read)
	}
	list, err := all.Get(ctx, nil)
	check(t, err)
	if len(list.GetValue()) != 1 {
		t.Errorf("%d connectors", len(list.GetValue()))
	}
	check(t, one.Delete(ctx, nil))
}

func auditAndRolesAreRead(t *testing.T, g graph) {
	ctx := t.Context()
	events, err := g.devices().AuditEvents().Get(ctx, nil)
	check(t, err)
	if len(events.GetValue()) == 0 {
		t.Error("nothing that was done here is in the audit")
	}
	for _, e := range events.GetValue() {
		if e.GetActivityDateTime() == nil || e.GetActor() == nil || e.GetActivityType() == nil || len(e.GetResources()) == 0 {
			t.Errorf("an event lacks its time, its actor, its type or its resources: %s", deref(e.GetId()))
		}
	}
	roles, err := g.devices().RoleDefinitions().Get(ctx, nil)
	check(t, err)
	if !slices.ContainsFunc(roles.GetValue(), func(r models.RoleDefinitionable) bool {
		return *r.GetIsBuiltIn() && len(r.GetRolePermissions()) > 0 && len(r.GetRolePermissions()[0].GetResourceActions()) > 0
	}) {
		t.Errorf("no built-in role with permissions among %d", len(roles.GetValue()))
	}
}
