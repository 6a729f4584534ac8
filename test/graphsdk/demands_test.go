package graphsdk_test

import (
	"net/http"
	"testing"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/identity"
	"github.com/microsoftgraph/msgraph-sdk-go/identitygovernance"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

func (g graph) governance() *identitygovernance.IdentityGovernanceRequestBuilder {
	return identitygovernance.NewIdentityGovernanceRequestBuilderInternal(g.path(), g.adapter)
}

// strengthsLive does what Terraform's providers do with authentication strengths.
func strengthsLive(t *testing.T, g graph) {
	ctx := t.Context()
	root := g.identity().ConditionalAccess().AuthenticationStrength()
	fresh := models.NewAuthenticationStrengthPolicy()
	fresh.SetDisplayName(pointer("Keys"))
	fresh.SetAllowedCombinations([]models.AuthenticationMethodModes{
		models.FIDO2_AUTHENTICATIONMETHODMODES, models.PASSWORD_AUTHENTICATIONMETHODMODES | models.SOFTWAREOATH_AUTHENTICATIONMETHODMODES,
	})
	made, err := root.Policies().Post(ctx, fresh, nil)
	check(t, err)
	if *made.GetPolicyType() != models.CUSTOM_AUTHENTICATIONSTRENGTHPOLICYTYPE || *made.GetRequirementsSatisfied() != models.MFA_AUTHENTICATIONSTRENGTHREQUIREMENTS {
		t.Errorf("made: %v %v", made.GetPolicyType(), made.GetRequirementsSatisfied())
	}
	one := root.Policies().ByAuthenticationStrengthPolicyId(*made.GetId())
	change := identity.NewConditionalAccessAuthenticationStrengthPoliciesItemUpdateAllowedCombinationsPostRequestBody()
	change.SetAllowedCombinations([]models.AuthenticationMethodModes{models.WINDOWSHELLOFORBUSINESS_AUTHENTICATIONMETHODMODES})
	outcome, err := one.UpdateAllowedCombinations().Post(ctx, change, nil)
	check(t, err)
	if p := outcome.GetPreviousCombinations(); len(p) != 2 || p[1] != fresh.GetAllowedCombinations()[1] || len(outcome.GetCurrentCombinations()) != 1 {
		t.Errorf("changed from %v to %v", p, outcome.GetCurrentCombinations())
	}
	rename := models.NewAuthenticationStrengthPolicy()
	rename.SetDescription(pointer("by hand"))
	_, err = one.Patch(ctx, rename, nil)
	check(t, err)
	read, err := one.Get(ctx, nil)
	check(t, err)
	if deref(read.GetDescription()) != "by hand" || len(read.GetCombinationConfigurations()) != 0 {
		t.Errorf("after a change: %v", read.GetDescription())
	}
	usage, err := one.Usage().Get(ctx, nil)
	check(t, err)
	if len(usage.GetMfa())+len(usage.GetNone()) != 0 {
		t.Errorf("used by %v", usage)
	}
	all, err := root.Policies().Get(ctx, nil)
	check(t, err)
	if n := len(all.GetValue()); n != 4 {
		t.Errorf("%d strengths, want the three that are built in and one", n)
	}
	modes, err := root.AuthenticationMethodModes().Get(ctx, nil)
	check(t, err)
	if len(modes.GetValue()) == 0 {
		t.Error("there is no way to sign in")
	}
	check(t, one.Delete(ctx, nil))
	_, err = one.Get(ctx, nil)
	refused(t, err, http.StatusNotFound, "Request_ResourceNotFound")
}

func contextsLive(t *testing.T, g graph) {
	ctx := t.Context()
	all := g.identity().ConditionalAccess().AuthenticationContextClassReferences()
	fresh := models.NewAuthenticationContextClassReference()
	fresh.SetId(pointer("c11"))
	fresh.SetDisplayName(pointer("Payroll"))
	fresh.SetIsAvailable(pointer(true))
	made, err := all.Post(ctx, fresh, nil)
	check(t, err)
	if *made.GetId() != "c11" || !*made.GetIsAvailable() || made.GetDescription() != nil {
		t.Errorf("made: %v", made)
	}
	one := all.ByAuthenticationContextClassReferenceId("c11")
	refused(t, one.Delete(ctx, nil), http.StatusBadRequest, "Request_BadRequest")
	hidden := models.NewAuthenticationContextClassReference()
	hidden.SetIsAvailable(pointer(false))
	_, err = one.Patch(ctx, hidden, nil)
	check(t, err)
	check(t, one.Delete(ctx, nil))
	_, err = all.ByAuthenticationContextClassReferenceId("c12").Patch(ctx, hidden, nil) // makes it
	check(t, err)
	found, err := all.Get(ctx, nil)
	check(t, err)
	if v := found.GetValue(); len(v) != 1 || *v[0].GetId() != "c12" || v[0].GetDisplayName() != nil {
		t.Errorf("found %d", len(v))
	}
	check(t, all.ByAuthenticationContextClassReferenceId("c12").Delete(ctx, nil))
}

func termsLive(t *testing.T, g graph) {
	ctx := t.Context()
	all := g.governance().TermsOfUse().Agreements()
	file, data := models.NewAgreementFileLocalization(), models.NewAgreementFileData()
	data.SetData([]byte("Be careful.\n"))
	file.SetFileName(pointer("terms.txt"))
	file.SetLanguage(pointer("en"))
	file.SetIsDefault(pointer(true))
	file.SetFileData(data)
	fresh := models.NewAgreement()
	fresh.SetDisplayName(pointer("Private PCs"))
	fresh.SetIsViewingBeforeAcceptanceRequired(pointer(true))
	fresh.SetUserReacceptRequiredFrequency(serialization.NewDuration(0, 0, 90, 0, 0, 0, 0))
	fresh.SetFiles([]models.AgreementFileLocalizationable{file})
	made, err := all.Post(ctx, fresh, nil)
	check(t, err)
	if made.GetUserReacceptRequiredFrequency().String() != "P90D" || !*made.GetIsViewingBeforeAcceptanceRequired() || made.GetTermsExpiration() != nil {
		t.Errorf("made: %v", made)
	}
	one := all.ByAgreementId(*made.GetId())
	rename := models.NewAgreement()
	rename.SetDisplayName(pointer("Own PCs"))
	changed, err := one.Patch(ctx, rename, nil)
	check(t, err)
	files, err := one.Files().Get(ctx, nil)
	check(t, err)
	if v := files.GetValue(); deref(changed.GetDisplayName()) != "Own PCs" || len(v) != 1 || v[0].GetFileData() != nil {
		t.Fatalf("%v with files %v", changed.GetDisplayName(), files)
	}
	read, err := one.Files().ByAgreementFileLocalizationId(*files.GetValue()[0].GetId()).Get(ctx, nil)
	check(t, err)
	if string(read.GetFileData().GetData()) != "Be careful.\n" {
		t.Errorf("the text is %q", read.GetFileData().GetData())
	}
	accepted, err := one.Acceptances().Get(ctx, nil)
	check(t, err)
	if len(accepted.GetValue()) != 0 {
		t.Error("somebody accepted")
	}
	check(t, one.Delete(ctx, nil))
}
