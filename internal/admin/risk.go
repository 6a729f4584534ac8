package admin

import (
	"context"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// maxRisky is how many people one call may be about, as in Graph.
const maxRisky = 60

// AssessRisk says of people that an administrator found them compromised, which
// puts them at high risk, or safe, or looked into the risk and dismissed it. What
// policies demand of people at risk holds from then on. People whose risk nobody
// ever saw are not made safe: that changes nothing. Unknown people, and a detail
// that no administrator may give, are refused before anything is changed.
func (s *Service) AssessRisk(ctx context.Context, t directory.TenantID, people []directory.UserID, d directory.RiskDetail) error {
	level, activities := "", map[directory.RiskDetail]string{
		directory.RiskConfirmed: "confirm user compromised", directory.RiskSafe: "confirm user safe", directory.RiskDismissed: "dismiss user risk",
	}
	activity, ok := activities[d]
	switch {
	case !ok:
		return fault.New(fault.Invalid, "riskDetail is %q; an administrator may give %s, %s and %s", d, directory.RiskConfirmed, directory.RiskSafe, directory.RiskDismissed)
	case len(people) == 0 || len(people) > maxRisky:
		return fault.New(fault.Invalid, "userIds names %d people; it must name 1 to %d", len(people), maxRisky)
	case d == directory.RiskConfirmed:
		level = "high"
	}
	for _, id := range people {
		u, err := s.store.Users().Get(ctx, t, string(id))
		if err != nil {
			return err
		}
		found := u
		found.AtRisk = level
		if err := s.userAdmits(ctx, &u, &found); err != nil {
			return err
		}
	}
	for _, id := range people {
		err := s.act(ctx, t, id, activity, func(u *directory.User) bool {
			if u.AtRisk == level && (level == "" || u.RiskDetail == d) {
				return false
			}
			u.AtRisk, u.RiskAt, u.RiskDetail = level, s.now(), d
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}
