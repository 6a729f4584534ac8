package graphsdk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	absauth "github.com/microsoft/kiota-abstractions-go/authentication"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// One process trusts one service, so all that is tested shares it.
func TestTheGraphSDK(t *testing.T) {
	s := start(t)
	g := s.connect(t)
	for _, part := range []struct {
		name string
		play func(t *testing.T, g graph)
	}{
		{"makes, pages, changes and removes users", usersLive},
		{"keeps members of groups", groupsLive},
		{"makes applications and their secrets", applicationsLive},
		{"configures apps", configurationsLive},
		{"lists registrations and policies", registrationsAreListed},
		{"makes access policies", accessPoliciesLive},
		{"says how surely people sign in", strengthsLive},
		{"makes authentication contexts", contextsLive},
		{"writes terms of use", termsLive},
		{"connects a threat partner", connectorsLive},
		{"reads audit and roles", auditAndRolesAreRead},
		{"batches", batchesPlay},
		{"reads refusals", refusalsAreRead},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, g) })
	}
	t.Run("is refused without a good token", s.tokensAreAsked)
	t.Run("retries what is throttled", s.throttlingIsRetried)
	t.Run("is understood when it mislabels a retry", s.retriesAreMislabelled)
	t.Run("gives up at last", s.throttlingIsReported)
	t.Run("answers a claims challenge", s.challengesAreAnswered)
}

// said is what Graph said, if err has it.
func said(err error) string {
	e := new(odataerrors.ODataError)
	if !errors.As(err, &e) || e.GetErrorEscaped() == nil {
		return ""
	}
	return fmt.Sprintf(" (%d %s: %s)", e.ResponseStatusCode, deref(e.GetErrorEscaped().GetCode()), deref(e.GetErrorEscaped().GetMessage()))
}

// refused checks that err is Graph's, with status, code, if one is expected, and
// a message, and everything that support asks for.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	e := new(odataerrors.ODataError)
	if !errors.As(err, &e) {
		t.Fatalf("no ODataError: %v", err)
	}
	main := e.GetErrorEscaped()
	if main == nil || e.ResponseStatusCode != status || code != "" && deref(main.GetCode()) != code || deref(main.GetMessage()) == "" {
		t.Fatalf("%v%s, expected %d %s", err, said(err), status, code)
	}
	inner := main.GetInnerError()
	if inner == nil || deref(inner.GetRequestId()) == "" || deref(inner.GetClientRequestId()) == "" || inner.GetDate() == nil {
		t.Errorf("the inner error lacks a request-id, a client-request-id or a date: %+v", inner)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func newUser(name string) models.Userable {
	p := models.NewPasswordProfile()
	p.SetPassword(pointer("a long enough passphrase"))
	p.SetForceChangePasswordNextSignIn(pointer(false))
	u := models.NewUser()
	u.SetDisplayName(pointer(name))
	u.SetUserPrincipalName(pointer(name + "@postern.internal"))
	u.SetMailNickname(pointer(name))
	u.SetAccountEnabled(pointer(true))
	u.SetPasswordProfile(p)
	return u
}

func usersLive(t *testing.T, g graph) {
	ctx := t.Context()
	made := map[string]bool{}
	var last models.Userable
	for i := range 7 {
		u, err := g.users().Post(ctx, newUser(fmt.Sprintf("reader%d", i)), nil)
		check(t, err)
		if u.GetId() == nil || u.GetCreatedDateTime() == nil || !*u.GetAccountEnabled() {
			t.Fatalf("a new user lacks something: %v", u)
		}
		made[*u.GetId()], last = true, u
	}
	page, err := g.users().Get(ctx, &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Top: pointer(int32(3)), Select: []string{"id", "displayName"},
	}})
	check(t, err)
	if len(page.GetValue()) != 3 || page.GetOdataNextLink() == nil {
		t.Fatalf("a page of three is expected, and a next one: %d", len(page.GetValue()))
	}
	pages, err := core.NewPageIterator[models.Userable](page, g.adapter, models.CreateUserCollectionResponseFromDiscriminatorValue)
	check(t, err)
	seen := 0
	check(t, pages.Iterate(ctx, func(u models.Userable) bool {
		if u.GetUserPrincipalName() != nil || u.GetDisplayName() == nil {
			t.Errorf("$select is not kept on every page: %s", deref(u.GetId()))
		}
		delete(made, *u.GetId())
		seen++
		return true
	}))
	if len(made) > 0 || seen < 7 {
		t.Errorf("%d users seen, missing %v", seen, made)
	}
	one := g.users().ByUserId(*last.GetId())
	change := models.NewUser()
	change.SetDisplayName(pointer("Reader"))
	change.SetJobTitle(nil)
	_, err = one.Patch(ctx, change, nil)
	check(t, err)
	u, err := g.users().ByUserId(*last.GetUserPrincipalName()).Get(ctx, nil)
	check(t, err)
	if deref(u.GetDisplayName()) != "Reader" {
		t.Errorf("displayName is %q", deref(u.GetDisplayName()))
	}
	check(t, one.Delete(ctx, nil))
	_, err = one.Get(ctx, nil)
	refused(t, err, http.StatusNotFound, "Request_ResourceNotFound")
	found(t, g, "startswith(displayName,'reader')", 6)
}

// found counts as the SDK's users do: an advanced query with its header.
func found(t *testing.T, g graph, filter string, want int) {
	t.Helper()
	headers := abstractions.NewRequestHeaders()
	headers.Add("ConsistencyLevel", "eventual")
	page, err := g.users().Get(t.Context(), &users.UsersRequestBuilderGetRequestConfiguration{Headers: headers, QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Filter: &filter, Count: pointer(true), Orderby: []string{"displayName desc"},
	}})
	check(t, err)
	var names []string
	for _, u := range page.GetValue() {
		names = append(names, deref(u.GetDisplayName()))
	}
	slices.Reverse(names)
	if len(names) != want || *page.GetOdataCount() != int64(want) || !slices.IsSorted(names) {
		t.Errorf("%s: %v, counted %d", filter, names, *page.GetOdataCount())
	}
}

func groupsLive(t *testing.T, g graph) {
	ctx := t.Context()
	var members []string
	for _, name := range []string{"ada", "grace"} {
		u, err := g.users().Post(ctx, newUser(name), nil)
		check(t, err)
		members = append(members, *u.GetId())
	}
	fresh := models.NewGroup()
	fresh.SetDisplayName(pointer("BYOD"))
	fresh.SetMailEnabled(pointer(false))
	fresh.SetMailNickname(pointer("byod"))
	fresh.SetSecurityEnabled(pointer(true))
	fresh.SetAdditionalData(map[string]any{"members@odata.bind": []string{g.base + "/users/" + members[0]}})
	made, err := g.groups().Post(ctx, fresh, nil)
	check(t, err)
	one := g.groups().ByGroupId(*made.GetId())
	ref := models.NewReferenceCreate()
	ref.SetOdataId(pointer(g.base + "/directoryObjects/" + members[1]))
	check(t, one.Members().Ref().Post(ctx, ref, nil))
	err = one.Members().Ref().Post(ctx, ref, nil)
	refused(t, err, http.StatusBadRequest, "Request_BadRequest")

	list, err := one.Members().Get(ctx, nil)
	check(t, err)
	for _, m := range list.GetValue() {
		u, ok := m.(models.Userable)
		if !ok || !slices.Contains(members, *u.GetId()) || u.GetUserPrincipalName() == nil {
			t.Errorf("a member is no user of ours: %T", m)
		}
	}
	if len(list.GetValue()) != len(members) {
		t.Errorf("%d members", len(list.GetValue()))
	}
	check(t, one.Members().ByDirectoryObjectId(members[0]).Ref().Delete(ctx, nil))
	cast, err := one.Members().GraphUser().Get(ctx, nil)
	check(t, err)
	if len(cast.GetValue()) != 1 || *cast.GetValue()[0].GetId() != members[1] {
		t.Errorf("after removal: %d members", len(cast.GetValue()))
	}
	filter := "displayName eq 'BYOD'"
	named, err := g.groups().Get(ctx, &groups.GroupsRequestBuilderGetRequestConfiguration{QueryParameters: &groups.GroupsRequestBuilderGetQueryParameters{
		Filter: &filter, Expand: []string{"members"},
	}})
	check(t, err)
	if len(named.GetValue()) != 1 || len(named.GetValue()[0].GetMembers()) != 1 {
		t.Errorf("%s: %d groups", filter, len(named.GetValue()))
	}
	change := models.NewGroup()
	change.SetDescription(pointer("personal computers"))
	_, err = one.Patch(ctx, change, nil)
	check(t, err)
	again, err := one.Get(ctx, nil)
	check(t, err)
	if deref(again.GetDescription()) != "personal computers" || deref(again.GetDisplayName()) != "BYOD" {
		t.Errorf("after a change: %q %q", deref(again.GetDescription()), deref(again.GetDisplayName()))
	}
	check(t, one.Delete(ctx, nil))
}

func applicationsLive(t *testing.T, g graph) {
	ctx := t.Context()
	fresh := models.NewApplication()
	fresh.SetDisplayName(pointer("A script"))
	made, err := g.applications().Post(ctx, fresh, nil)
	check(t, err)
	if made.GetAppId() == nil {
		t.Fatal("no appId")
	}
	list, err := g.applications().Get(ctx, nil)
	check(t, err)
	if !slices.ContainsFunc(list.GetValue(), func(a models.Applicationable) bool { return deref(a.GetAppId()) == *made.GetAppId() }) {
		t.Error("the application is not in the list")
	}
	change := models.NewApplication()
	change.SetDisplayName(pointer("The script"))
	_, err = g.applications().ByApplicationId(*made.GetId()).Patch(ctx, change, nil)
	check(t, err)
	check(t, g.applications().ByApplicationId(*made.GetId()).Delete(ctx, nil))
}

func batchesPlay(t *testing.T, g graph) {
	ctx := t.Context()
	batch := core.NewBatchRequest(g.adapter)
	add := func(r *abstractions.RequestInformation, err error) core.BatchItem {
		t.Helper()
		check(t, err)
		item, err := batch.AddBatchRequestStep(*r)
		check(t, err)
		return item
	}
	post := add(g.users().ToPostRequestInformation(ctx, newUser("batched"), nil))
	get := add(g.users().ByUserId("batched@postern.internal").ToGetRequestInformation(ctx, nil))
	get.DependsOnItem(post)
	missing := add(g.groups().ByGroupId(uuid.NewString()).ToGetRequestInformation(ctx, nil))
	never := add(g.users().ToGetRequestInformation(ctx, nil))
	never.DependsOnItem(missing)
	answers, err := batch.Send(ctx, g.adapter)
	check(t, err)
	made, err := core.GetBatchResponseById[models.Userable](answers, *post.GetId(), models.CreateUserFromDiscriminatorValue)
	check(t, err)
	read, err := core.GetBatchResponseById[models.Userable](answers, *get.GetId(), models.CreateUserFromDiscriminatorValue)
	check(t, err)
	if deref(made.GetId()) == "" || deref(made.GetId()) != deref(read.GetId()) {
		t.Errorf("made %q, read %q", deref(made.GetId()), deref(read.GetId()))
	}
	status := answers.GetStatusCodes()
	for item, want := range map[core.BatchItem]int32{
		post: http.StatusCreated, get: http.StatusOK, missing: http.StatusNotFound, never: http.StatusFailedDependency,
	} {
		if status[*item.GetId()] != want {
			t.Errorf("%s %s: %d, expected %d", *item.GetMethod(), *item.GetUrl(), status[*item.GetId()], want)
		}
	}
}

func refusalsAreRead(t *testing.T, g graph) {
	ctx := t.Context()
	_, err := g.groups().ByGroupId(uuid.NewString()).Get(ctx, nil)
	refused(t, err, http.StatusNotFound, "Request_ResourceNotFound")
	_, err = g.groups().Post(ctx, models.NewGroup(), nil)
	refused(t, err, http.StatusBadRequest, "Request_BadRequest")
	_, err = g.users().Get(ctx, &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Filter: pointer("shoeSize eq 43"),
	}})
	refused(t, err, http.StatusBadRequest, "")
	_, err = g.devices().ManagedDevices().Get(ctx, nil)
	refused(t, err, http.StatusBadRequest, "BadRequest")
}

// fixed is a provider of one token.
type fixed string

func (f fixed) GetAuthorizationToken(context.Context, *url.URL, map[string]any) (string, error) {
	return string(f), nil
}

func (fixed) GetAllowedHostsValidator() *absauth.AllowedHostsValidator {
	v, _ := absauth.NewAllowedHostsValidatorErrorCheck(nil) // every host, which is no error
	return v
}

func (s service) tokensAreAsked(t *testing.T) {
	g := dial(t, absauth.NewBaseBearerTokenAuthenticationProvider(fixed("no token of ours")), s.GraphEndpoint)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err := g.users().Get(ctx, nil)
	refused(t, err, http.StatusUnauthorized, "InvalidAuthenticationToken")
}
