package access

import "slices"

// Column returns which policies a condition lets through, a bit each by its place
// in the set, whether they apply or not. It is not to be changed, and good until
// d is filled again. A decision without a set, and a number that is no condition,
// have none.
func (d *Decision) Column(c Condition) []uint64 {
	if c >= conditionCount {
		return nil
	}
	return d.matched[c]
}

// Stated returns the conditions that a policy states, in their order. Whom it is
// about and for which applications every policy says.
func (c *Conditions) Stated() []Condition {
	var out []Condition
	for _, n := range []struct {
		condition Condition
		stated    bool
	}{
		{OfUsers, c.Workloads == nil}, {OfApplications, true},
		{OfClientAppTypes, len(c.ClientAppTypes) > 0 && !slices.Contains(c.ClientAppTypes, AllClientApps)},
		{OfPlatforms, c.Platforms != nil}, {OfLocations, c.Locations != nil}, {OfSignInRisk, len(c.SignInRisk) > 0},
		{OfUserRisk, len(c.UserRisk) > 0}, {OfInsiderRisk, len(c.InsiderRisk) > 0}, {OfWorkloads, c.Workloads != nil},
		{OfWorkloadRisk, len(c.WorkloadRisk) > 0}, {OfDevices, c.Device != nil}, {OfTransfer, len(c.Transfer) > 0},
	} {
		if n.stated {
			out = append(out, n.condition)
		}
	}
	return out
}
