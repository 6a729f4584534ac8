package access

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
