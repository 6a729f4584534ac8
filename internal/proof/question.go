package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Attainable asks for a sign-in to the administration API, with what any person
// can have here: no legacy client, no managed device, no protected app.
func Attainable() Question {
	return Question{
		Apps: []directory.AppID{directory.GraphAPI}, ClientAppTypes: []access.ClientAppType{access.Browser, access.MobileAndDesktop},
		SignInRisk: []access.Risk{access.RiskNone}, UserRisk: []access.Risk{access.RiskNone}, InsiderRisk: []access.Risk{""},
		Methods: strength.Password | strength.SoftwareOath,
		Without: access.ControlsOf(access.CompliantApplication, access.ApprovedApplication, access.CompliantDevice, access.DomainJoinedDevice),
	}
}

// check says what of a question means nothing. Its fault.Invalid names every
// field, the value and what would be valid.
func (q Question) check(set *access.Set, w World) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if set == nil {
		return fault.New(fault.Invalid, "there are no policies to ask about")
	}
	if q.Without.Has(access.Block) {
		say("without holds block, which nobody can have; name what would let somebody in")
	}
	among(say, "clientAppTypes", q.ClientAppTypes, clientAppTypes())
	among(say, "platforms", q.Platforms, platforms())
	among(say, "signInRisk", q.SignInRisk, risks())
	among(say, "userRisk", q.UserRisk, risks())
	among(say, "insiderRisk", q.InsiderRisk, insiderRisks())
	among(say, "actions", q.Actions, []access.UserAction{access.RegisterSecurityInfo, access.RegisterDevice})
	for _, id := range slices.Concat(q.Locations, q.NotLocations) {
		if !slices.ContainsFunc(set.Rules().Locations, func(l location.Location) bool { return l.ID == id }) {
			say("locations holds %q, and there is no such named location", id)
		}
	}
	for _, id := range slices.Concat(q.Users, q.NotUsers) {
		if w.People != nil && !slices.ContainsFunc(w.People, func(p Person) bool { return p.User == id }) {
			say("users holds %q, and there is no such user who may sign in", id)
		}
	}
	if len(wrong) > 0 {
		return fault.New(fault.Invalid, "%s", strings.Join(wrong, "; "))
	}
	return nil
}

func among[W ~string](say func(string, ...any), field string, have, valid []W) {
	for _, w := range have {
		if !slices.Contains(valid, w) {
			var all []string
			for _, v := range valid {
				if v != "" {
					all = append(all, string(v))
				}
			}
			say("%s holds %q; valid are %s", field, w, strings.Join(all, ", "))
		}
	}
}
