package sdk_test

import "testing"

// What is not enrolled asks nobody, and is blocked.
func TestSyncOfWhatIsNotEnrolledBlocks(t *testing.T) {
	c := newPC(t).start()
	if d, err := c.Sync(t.Context()); err != nil || d.Allowed() || d.Reasons[0].Code != "notEnrolled" {
		t.Errorf("%+v, %v", d, err)
	}
}
